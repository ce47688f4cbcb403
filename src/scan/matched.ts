/** What of a match is stored, within bounds: scanners' answers and hostile images have none of their own. */
import { compareSeverities } from "./match/severity.ts";
import type { Finding } from "./match/finding.ts";
import type { SeenFinding } from "./policy.ts";
import { type StoredResult, updated } from "./result.ts";
import { deflated } from "./stored-text.ts";
import type { Outcome } from "./store.ts";

/** The most findings of a scanner, the worst first. Real images have up to some 5,000. */
const MAX_FINDINGS = 10_000;
/** Advisories that replace many others name them all. */
const MAX_ALIASES = 50;
/** The most ids by which an image is found, with up to 128 characters each: D1 takes 2 MB for a parameter. */
const MAX_IDS = 10_000;

/** Returns the worst findings of a scanner, as many as are kept. */
export function worstOf(findings: readonly Finding[]): readonly Finding[] {
  return findings
    .toSorted((a, b) => compareSeverities(b.severity, a.severity))
    .slice(0, MAX_FINDINGS)
    .map((finding) => ({ ...finding, aliases: finding.aliases.slice(0, MAX_ALIASES) }));
}

/**
 * Writes a result as it is stored. Of one that is too long the worse half stays, as often as need be; the numbers and what keeps the
 * image from being pulled are those of all findings.
 */
export function matchedOf(
  result: StoredResult,
  findings: readonly SeenFinding[],
): Pick<NonNullable<Outcome["matched"]>, "result" | "ids"> {
  let kept = result;
  let text = deflated(kept);
  while (text === null) {
    kept = halved(kept);
    text = deflated(kept);
  }
  const ids = new Set([
    ...findings.map(({ id }) => id),
    ...findings.flatMap(({ aliases }) => aliases),
  ]);
  const named = [...ids].slice(0, MAX_IDS);
  return { result: text, ids: named };
}

/** Ends with no findings at all, which always can be stored. */
function halved(result: StoredResult): StoredResult {
  const { scanners, distribution, vex } = result;
  const fresh = Object.fromEntries(
    Object.entries(scanners).map(([name, { findings, ...more }]) => [
      name,
      { ...more, findings: findings.slice(0, Math.floor(findings.length / 2)) },
    ]),
  );
  return updated(result, { distribution, vex, fresh, names: Object.keys(scanners) }, 0).result;
}
