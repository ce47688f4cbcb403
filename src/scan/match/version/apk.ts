import { compareDigits, compareLists, compareTexts } from "./text.ts";

/** A part of an Alpine version, by the rank that apk-tools gives its kind: what may come later in a version ranks lower. */
interface Part {
  readonly kind: Kind;
  readonly text: string;
}

type Kind =
  | "first"
  | "number"
  | "letter"
  | "suffix"
  | "suffix number"
  | "hash"
  | "revision"
  | "end"
  | "invalid";

const KINDS: readonly Kind[] = [
  "invalid",
  "end",
  "revision",
  "hash",
  "suffix number",
  "suffix",
  "letter",
  "number",
  "first",
];

/** The suffixes in their order; the empty one is a version without a suffix. */
const SUFFIXES = ["alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p"];

/** Each kind with what it looks like, and the kinds that it may follow. */
const GRAMMAR: readonly { kind: Kind; pattern: RegExp; after: readonly Kind[] }[] = [
  { kind: "number", pattern: /\.(\d+)/y, after: ["first", "number"] },
  { kind: "letter", pattern: /([a-z])/y, after: ["first", "number"] },
  {
    kind: "suffix",
    pattern: /_(alpha|beta|pre|rc|cvs|svn|git|hg|p)(?![a-z])/y,
    after: ["first", "number", "letter", "suffix", "suffix number"],
  },
  { kind: "suffix number", pattern: /(\d+)/y, after: ["suffix"] },
  {
    kind: "hash",
    pattern: /~([0-9a-fA-F]+)/y,
    after: ["first", "number", "letter", "suffix", "suffix number"],
  },
  {
    kind: "revision",
    pattern: /-r(\d+)/y,
    after: ["first", "number", "letter", "suffix", "suffix number", "hash"],
  },
];

const END: Part = { kind: "end", text: "" };

/**
 * Compares versions of Alpine packages as apk-tools does: digits{.digits}{letter}{_suffix{digits}}{~hash}{-r digits}. What
 * is not written so counts as far as it is, and is before any version that goes on from there.
 */
export function compareApk(a: string, b: string): number {
  return compareLists(parse(a), parse(b), END, compareParts);
}

function parse(version: string): readonly Part[] {
  const first = /^\d+/.exec(version)?.[0];
  if (first === undefined) return [{ kind: "invalid", text: "" }];
  const parts: Part[] = [{ kind: "first", text: first }];
  let last: Kind = "first";
  for (let at = first.length; at < version.length;) {
    const found = GRAMMAR.find(({ pattern, after }) => {
      pattern.lastIndex = at;
      return after.includes(last) && pattern.test(version);
    });
    if (found === undefined) return [...parts, { kind: "invalid", text: "" }];
    found.pattern.lastIndex = at;
    const [whole = "", text = ""] = found.pattern.exec(version) ?? [];
    parts.push({ kind: found.kind, text });
    last = found.kind;
    at += whole.length;
  }
  return parts;
}

function compareParts(a: Part, b: Part): number {
  if (a.kind === b.kind) return compareAlike(a, b);
  if (isBeforeRelease(a)) return -1;
  if (isBeforeRelease(b)) return 1;
  return Math.sign(KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
}

function isBeforeRelease({ kind, text }: Part): boolean {
  return kind === "suffix" && SUFFIXES.indexOf(text) < SUFFIXES.indexOf("");
}

function compareAlike(a: Part, b: Part): number {
  switch (a.kind) {
    case "number":
      // Where one of them has a leading zero, both are texts: 1.09 is before 1.1.
      if (a.text.startsWith("0") || b.text.startsWith("0")) return compareTexts(a.text, b.text);
      return compareDigits(a.text, b.text);
    case "first":
    case "suffix number":
    case "revision":
      return compareDigits(a.text, b.text);
    case "suffix":
      return Math.sign(SUFFIXES.indexOf(a.text) - SUFFIXES.indexOf(b.text));
    case "letter":
    case "hash":
    case "end":
    case "invalid":
      return compareTexts(a.text, b.text);
  }
}
