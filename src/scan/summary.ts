/** What of an image's findings lists of tags show and its policy needs. */
import { compareSeverities, SEVERITIES, type Severity } from "./match/severity.ts";
import { gateOf, type GateEntry, type SeenFinding } from "./policy.ts";

/** How many vulnerabilities are open, and how many of these have a fix. */
export interface Count {
  readonly all: number;
  readonly fixable: number;
}

export type Counts = Readonly<Record<Severity, Count>>;

export interface Summary {
  readonly counts: Counts;
  readonly gate: readonly GateEntry[];
}

export function summaryOf(findings: readonly SeenFinding[]): Summary {
  return { counts: countsOf(findings), gate: gateOf(findings) };
}

/**
 * Counts the open vulnerabilities of one image, or of several together. One in several packages counts once, with its worst severity,
 * and as fixable if it is in each of them.
 */
export function countsOf(findings: readonly SeenFinding[]): Counts {
  const open = Map.groupBy(
    findings.filter(({ status }) => status === "open"),
    ({ id }) => id,
  );
  const worst = [...open.values()].map((group) => ({
    severity:
      group
        .map(({ severity }) => severity)
        .toSorted(compareSeverities)
        .at(-1) ?? "unknown",
    isFixable: group.every(({ fixedVersion }) => fixedVersion !== null),
  }));
  const count = (severity: Severity): Count => {
    const some = worst.filter((one) => one.severity === severity);
    return { all: some.length, fixable: some.filter(({ isFixable }) => isFixable).length };
  };
  return Object.fromEntries(SEVERITIES.map((severity) => [severity, count(severity)])) as Counts;
}

/** Writes counts for a person, the worst first: "2 critical, 5 high"; "none" for nothing. */
export function countsText(counts: Counts): string {
  const some = SEVERITIES.toReversed().filter((severity) => counts[severity].all > 0);
  return some.length === 0
    ? "none"
    : some.map((severity) => `${counts[severity].all} ${severity}`).join(", ");
}
