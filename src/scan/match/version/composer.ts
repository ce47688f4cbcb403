import { compareDigits, compareLists } from "./text.ts";

/** What PHP's version_compare knows, lowest first; any other word is before them all. The end is between RC and pl. */
const WORDS: readonly [prefix: string, rank: number][] = [
  ["dev", 1],
  ["alpha", 2],
  ["a", 2],
  ["beta", 3],
  ["b", 3],
  ["rc", 4],
  ["c", 4],
  ["p", 7],
];
const UNKNOWN = 0;
const END = 5;
const NUMBER = 6;

/** Compares versions of Composer's packages: its normal form has four numbers, which PHP's version_compare orders. */
export function compareComposer(a: string, b: string): number {
  return compareLists(parse(a), parse(b), "", compareParts);
}

function parse(version: string): readonly string[] {
  const [text = ""] = version.trim().toLowerCase().replace(/^v/, "").split("+", 1);
  const parts = text.replace(/-?stable$/, "").match(/\d+|[a-z]+/g) ?? [];
  const word = parts.findIndex((part) => !/^\d/.test(part));
  const core = word === -1 ? parts : parts.slice(0, word);
  // A branch has no numbers: "dev-main".
  const zeros = core.length === 0 ? 0 : Math.max(0, 4 - core.length);
  return [...core, ...Array.from({ length: zeros }, () => "0"), ...parts.slice(core.length)];
}

function compareParts(a: string, b: string): number {
  const [p, q] = [rank(a), rank(b)];
  if (p !== q) return Math.sign(p - q);
  return p === NUMBER ? compareDigits(a, b) : 0;
}

function rank(part: string): number {
  if (part === "") return END;
  if (/^\d/.test(part)) return NUMBER;
  return WORDS.find(([prefix]) => part.startsWith(prefix))?.[1] ?? UNKNOWN;
}
