import { compareDigits, compareLists, compareTexts } from "./text.ts";

/**
 * Compares versions of Ruby gems as Gem::Version does: numbers and words, of which a word is before a number and before the
 * end, and zeros at the end count for nothing.
 */
export function compareGem(a: string, b: string): number {
  return compareLists(parse(a), parse(b), "0", compareSegments);
}

function parse(version: string): readonly string[] {
  const segments = version.replaceAll("-", ".pre.").match(/\d+|[A-Za-z]+/g) ?? [];
  const word = segments.findIndex((segment) => !isNumber(segment));
  if (word === -1) return withoutZeros(segments);
  return [...withoutZeros(segments.slice(0, word)), ...withoutZeros(segments.slice(word))];
}

function withoutZeros(segments: readonly string[]): readonly string[] {
  return segments.slice(0, segments.findLastIndex((segment) => !/^0+$/.test(segment)) + 1);
}

function compareSegments(a: string, b: string): number {
  if (isNumber(a) !== isNumber(b)) return isNumber(a) ? 1 : -1;
  return isNumber(a) ? compareDigits(a, b) : compareTexts(a, b);
}

function isNumber(segment: string): boolean {
  return /^\d/.test(segment);
}
