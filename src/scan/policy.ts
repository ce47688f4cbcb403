import type { Assessed } from "./assessment.ts";
import { compareSeverities, type Severity } from "./match/severity.ts";

/** What of an image's scan keeps it from being pulled. Each is a switch of its own. */
export interface ScanPolicy {
  /** Open findings of this severity and above block; null for none. "unknown" is the lowest, so it blocks by any finding. */
  readonly minSeverity: Severity | null;
  /** Only findings that have a fixed version block. */
  readonly isFixedOnly: boolean;
  readonly blocksUnscanned: boolean;
  readonly blocksUnscannable: boolean;
  /** For how long after it was first seen a finding does not block yet. */
  readonly graceMs: number;
}

/** A finding with when it was first seen in this image, in milliseconds since 1970. */
export type SeenFinding = Assessed & { readonly firstSeenMs: number };

/** The last result of an image that is finished: one that is under way does not count. */
export type ScanState =
  | { readonly kind: "unscanned" }
  /** Why no scanner can tell anything of the image. */
  | { readonly kind: "unscannable"; readonly why: string }
  | { readonly kind: "scanned"; readonly findings: readonly SeenFinding[] };

export interface Verdict {
  /** Why pulls are refused, in a sentence; null if they are not. */
  readonly refusal: string | null;
  /** When time alone may change the verdict: a grace time or an exception ends; null if never. */
  readonly untilMs: number | null;
}

/** How many vulnerabilities a refusal names: docker prints it on one line. */
const NAMED = 3;

/** Decides whether an image may be pulled. It holds for one platform's manifest. */
export function decide(policy: ScanPolicy, state: ScanState, nowMs: number): Verdict {
  switch (state.kind) {
    case "unscanned":
      return verdict(policy.blocksUnscanned ? "the image has not been scanned yet" : null);
    case "unscannable":
      return verdict(policy.blocksUnscannable ? `the image cannot be scanned: ${state.why}` : null);
    case "scanned":
      return decideByFindings(policy, state.findings, nowMs);
  }
}

function verdict(refusal: string | null): Verdict {
  return { refusal, untilMs: null };
}

function decideByFindings(
  policy: ScanPolicy,
  findings: readonly SeenFinding[],
  nowMs: number,
): Verdict {
  const { minSeverity, isFixedOnly, graceMs } = policy;
  if (minSeverity === null) return verdict(null);
  const counting = findings
    .filter(({ severity }) => compareSeverities(severity, minSeverity) >= 0)
    .filter(({ fixedVersion }) => !isFixedOnly || fixedVersion !== null)
    .map((finding) => ({ finding, fromMs: countsFrom(finding, graceMs) }));
  const blocking = counting.filter(({ fromMs }) => fromMs <= nowMs).map(({ finding }) => finding);
  if (blocking.length > 0) return verdict(sentence(blocking, policy));
  const untilMs = Math.min(...counting.map(({ fromMs }) => fromMs));
  return { refusal: null, untilMs: untilMs === Infinity ? null : untilMs };
}

/** Returns from when a finding blocks: the end of its grace time, and of what excuses it. */
function countsFrom({ status, untilMs, firstSeenMs }: SeenFinding, graceMs: number): number {
  const graceEndMs = firstSeenMs + graceMs;
  return status === "open" ? graceEndMs : Math.max(graceEndMs, untilMs ?? Infinity);
}

function sentence(blocking: readonly SeenFinding[], policy: ScanPolicy): string {
  const worst = blocking.toSorted(
    (a, b) => compareSeverities(b.severity, a.severity) || (a.id < b.id ? -1 : 1),
  );
  const named = worst.slice(0, NAMED).map(({ id, severity, package: pkg, fixedVersion }) => {
    const fix = fixedVersion === null ? "" : `, fixed in ${fixedVersion}`;
    return `${id} (${severity}) in ${pkg.name} ${pkg.version}${fix}`;
  });
  const count = blocking.length === 1 ? "1 vulnerability" : `${blocking.length} vulnerabilities`;
  const limit = `of severity ${policy.minSeverity} or above`;
  const more = blocking.length > NAMED ? `; and ${blocking.length - NAMED} more` : "";
  return `the image has ${count} ${limit}${policy.isFixedOnly ? " with a fix" : ""}: ${named.join("; ")}${more}`;
}
