import { compareDigits, compareLists, compareTexts } from "./text.ts";

/** A number or a qualifier, with whether a dot is before it; a hyphen or the change from digits to letters is no dot. */
interface Token {
  readonly text: string;
  readonly hasDot: boolean;
}

/** The qualifiers in their order; the empty one is the release. Others are after them, as texts. */
const QUALIFIERS = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE = QUALIFIERS.indexOf("");
const ALIASES: Readonly<Record<string, string>> = { ga: "", final: "", release: "", cr: "rc" };
/** These stand for qualifiers right before a number: "1.0a1". */
const SHORT: Readonly<Record<string, string>> = { a: "alpha", b: "beta", m: "milestone" };

const NOTHING: Token = { text: "", hasDot: false };

/** Compares versions of Maven artifacts (maven.apache.org/pom.html#Version_Order_Specification). */
export function compareMaven(a: string, b: string): number {
  return compareLists(parse(a), parse(b), NOTHING, compareTokens);
}

function parse(version: string): readonly Token[] {
  const tokens: Token[] = [];
  // A separator with nothing before it has a zero there.
  for (const [, separator = "", text = ""] of `.${version.toLowerCase()}`.matchAll(
    /([.\-_]?)(\d+|[^\d.\-_]+|(?=[.\-_]|$))/g,
  )) {
    if (separator === "" && text === "") continue;
    const before = tokens.at(-1);
    const short = before === undefined ? undefined : SHORT[before.text];
    if (before !== undefined && short !== undefined && separator === "" && isNumber(text)) {
      tokens[tokens.length - 1] = { ...before, text: short };
    }
    tokens.push({ text: text === "" ? "0" : (ALIASES[text] ?? text), hasDot: separator === "." });
  }
  return withoutNulls(tokens);
}

/** Leaves out zeros and releases at the end, and before each hyphen or qualifier. */
function withoutNulls(tokens: readonly Token[]): readonly Token[] {
  const kept: Token[] = [];
  for (const [i, token] of tokens.entries()) {
    if (i > 0 && (!token.hasDot || !isNumber(token.text))) dropNulls(kept);
    kept.push(token);
  }
  dropNulls(kept);
  return kept;
}

function dropNulls(tokens: Token[]): void {
  while (/^0*$/.test(tokens.at(-1)?.text ?? "1")) tokens.pop();
}

/** Compares two tokens: qualifiers before the release, the end, later qualifiers, "-1", ".1". */
function compareTokens(a: Token, b: Token): number {
  const [p, q] = [rank(a), rank(b)];
  if (p !== q) return Math.sign(p - q);
  return isNumber(a.text) ? compareDigits(a.text, b.text) : compareTexts(a.text, b.text);
}

function rank({ text, hasDot }: Token): number {
  if (isNumber(text)) return hasDot ? QUALIFIERS.length + 2 : QUALIFIERS.length + 1;
  const known = QUALIFIERS.indexOf(text);
  return known === -1 ? QUALIFIERS.length : text === "" ? RELEASE : known;
}

function isNumber(text: string): boolean {
  return /^\d/.test(text);
}
