/**
 * The messages of RAISE in the schema's triggers. D1 tells which rule refused a change by its message alone, so these
 * words are the only link between a trigger and the code that translates its refusal (README.md, "Triggers").
 */
export const RAISED = {
  assertion: "changed meanwhile",
  unresolved: "reference unresolved",
  referenced: "still referenced",
  immutable: "immutable tag",
  mediaType: "media type fixed",
  bytes: "quota of bytes",
  repositories: "quota of repositories",
  allRepositories: "bound of repositories",
  patterns: "too many patterns",
  robots: "too many robots",
  rules: "too many rules",
  tokens: "too many tokens",
  exceptions: "too many exceptions",
  signers: "too many signers",
  importing: "import running",
} as const;

export type Raised = keyof typeof RAISED;

/** Whether an error of D1 is the refusal of one of these rules. */
export function isRaised(error: unknown, ...rules: readonly Raised[]): boolean {
  const text = String(error);
  return rules.some((rule) => text.includes(RAISED[rule]));
}
