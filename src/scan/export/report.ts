import type { Assessed } from "../assessment.ts";
import type { Distribution } from "../package.ts";

/** The last result of one image of one platform, which each export writes in its format. */
export interface Report {
  /** The repository's name with the registry's host: "registry.example/team/app". */
  readonly repository: string;
  readonly digest: string;
  readonly distribution: Distribution | null;
  /** Which scanner found it: "OSV". */
  readonly scanner: string;
  /** Milliseconds since 1970. */
  readonly scannedMs: number;
  readonly findings: readonly Assessed[];
}

/** Puts findings together by their vulnerability, in the order of the report. */
export function byVulnerability(
  findings: readonly Assessed[],
): readonly (readonly [Assessed, ...Assessed[]])[] {
  const groups = new Map<string, [Assessed, ...Assessed[]]>();
  for (const finding of findings) {
    const group = groups.get(finding.id);
    if (group === undefined) groups.set(finding.id, [finding]);
    else group.push(finding);
  }
  return [...groups.values()];
}
