/** How bad a vulnerability is, in ascending order. */
export const SEVERITIES = ["unknown", "negligible", "low", "medium", "high", "critical"] as const;

export type Severity = (typeof SEVERITIES)[number];

/** Compares severities: negative if `a` is less bad than `b`. */
export function compareSeverities(a: Severity, b: Severity): number {
  return SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b);
}

/** The words of distributions and databases; GHSA says "moderate", Red Hat "important", Debian "unimportant". */
const WORDS: ReadonlyMap<string, Severity> = new Map([
  ["negligible", "negligible"],
  ["unimportant", "negligible"],
  ["none", "negligible"],
  ["low", "low"],
  ["minor", "low"],
  ["medium", "medium"],
  ["moderate", "medium"],
  ["high", "high"],
  ["important", "high"],
  ["major", "high"],
  ["critical", "critical"],
]);

/** Returns the severity that a word means, whatever its case; "unknown" for any other. */
export function severityOfWord(word: string): Severity {
  return WORDS.get(word.trim().toLowerCase()) ?? "unknown";
}
