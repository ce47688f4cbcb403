import type { Assessed } from "./assessment.ts";
import { compareSeverities, type Severity } from "./match/severity.ts";

/** What of an image's scan keeps it from being pulled, as it is stored. Each is a switch of its own. */
export interface ScanPolicy {
  /** Open findings of this severity and above block; null for none. "unknown" is the lowest, so it blocks by any finding. */
  readonly severity: Severity | null;
  /** Only findings that have a fixed version block. */
  readonly fixableOnly: boolean;
  readonly unscanned: boolean;
  readonly unscannable: boolean;
  /** Images that no signer vouches for whom the namespace trusts. */
  readonly unsigned: boolean;
  /** Findings of which an attached OpenVEX document says that they do not affect the image do not block. */
  readonly vex: boolean;
  /** For how long after it was first seen a finding does not block yet. */
  readonly graceHours: number;
  /** The accounts that may pull whatever the scan says. */
  readonly exempt: readonly string[];
}

/** A finding with when it was first seen in this image, in milliseconds since 1970. */
export type SeenFinding = Assessed & { readonly firstSeenMs: number };

/** What a policy needs to know of findings: the earliest of each severity, with and without a fix. */
export interface GateEntry {
  readonly severity: Severity;
  readonly isFixed: boolean;
  readonly firstSeenMs: number;
  /** When the exception ends that excuses it, in milliseconds since 1970; null for one that nothing excuses. */
  readonly untilMs: number | null;
  /** Whether an OpenVEX document excuses it, which is a claim by whoever pushed it. */
  readonly isClaimed: boolean;
}

/** The last finished result of an image: a scan that is under way does not count. */
export interface ScanState {
  /** Why its packages are not all known; null if they are. */
  readonly unscannable: string | null;
  /** null: no scanner has matched it yet. */
  readonly gate: readonly GateEntry[] | null;
  /** Whether a signer whom the namespace trusts vouches for it. */
  readonly isSigned: boolean;
}

export type Block = "unsigned" | "unscanned" | "unscannable" | "vulnerable";

const HOUR_MS = 3_600_000;
/** How many vulnerabilities a refusal names: docker prints it on one line. */
const NAMED = 3;

/** Reduces the findings of an image to what decides. Those that are accepted for good are left out. */
export function gateOf(findings: readonly SeenFinding[]): readonly GateEntry[] {
  const entries = new Map<string, GateEntry>();
  for (const { severity, fixedVersion, status, untilMs, firstSeenMs } of findings) {
    if (status === "accepted" && untilMs === null) continue;
    const entry = {
      severity,
      isFixed: fixedVersion !== null,
      firstSeenMs,
      untilMs: status === "accepted" ? untilMs : null,
      isClaimed: status === "not_affected" || status === "fixed",
    };
    const key = JSON.stringify([severity, entry.isFixed, entry.untilMs, entry.isClaimed]);
    const known = entries.get(key);
    if (known === undefined || firstSeenMs < known.firstSeenMs) entries.set(key, entry);
  }
  return [...entries.values()];
}

/** Decides whether an image of one platform may be pulled. @returns what keeps it from that; null if nothing does */
export function decide(policy: ScanPolicy, state: ScanState, nowMs: number): Block | null {
  const { unscannable, gate, isSigned } = state;
  if (policy.unsigned && !isSigned) return "unsigned";
  if (unscannable !== null && policy.unscannable) return "unscannable";
  if (gate === null) return policy.unscanned && unscannable === null ? "unscanned" : null;
  return gate.some((entry) => counts(policy, entry, nowMs)) ? "vulnerable" : null;
}

/** Returns the reason of a refusal, in a sentence. @param findings of an image that is vulnerable */
export function reasonOf(
  block: Block,
  policy: ScanPolicy,
  { unscannable, findings }: { unscannable: string | null; findings: readonly SeenFinding[] },
  nowMs: number,
): string {
  switch (block) {
    case "unsigned":
      return "no signer that the namespace trusts has signed the image";
    case "unscanned":
      return "the image has not been scanned yet";
    case "unscannable":
      return `the image cannot be scanned as a whole: ${unscannable}`;
    case "vulnerable":
      return sentence(
        findings.filter((finding) => gateOf([finding]).some((one) => counts(policy, one, nowMs))),
        policy,
      );
  }
}

function counts(
  policy: ScanPolicy,
  { severity, isFixed, firstSeenMs, untilMs, isClaimed }: GateEntry,
  nowMs: number,
): boolean {
  if (isClaimed && policy.vex) return false;
  if (policy.severity === null || compareSeverities(severity, policy.severity) < 0) return false;
  if (policy.fixableOnly && !isFixed) return false;
  return Math.max(firstSeenMs + policy.graceHours * HOUR_MS, untilMs ?? 0) <= nowMs;
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
  const limit = `of severity ${policy.severity} or above`;
  const more = blocking.length > NAMED ? `; and ${blocking.length - NAMED} more` : "";
  return `the image has ${count} ${limit}${policy.fixableOnly ? " with a fix" : ""}: ${named.join("; ")}${more}`;
}
