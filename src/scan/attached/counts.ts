import { SEVERITIES, type Severity } from "../match/severity.ts";

/** How many findings have each severity. */
export type Counts = Readonly<Record<Severity, number>>;

/** What a document that somebody attached to an image says of its vulnerabilities. It is a claim, by whoever pushed it. */
export interface AttachedSummary {
  /** The names of the tools: "Trivy"; empty where they are not said. */
  readonly tool: string;
  /** Findings that count: none that is suppressed. */
  readonly counts: Counts;
  /** When it was scanned, in milliseconds since 1970; null where that is not said. */
  readonly timeMs: number | null;
}

/** More findings are of no image that somebody looks after. */
export const MAX_RESULTS = 100_000;
/** Documents have one run of one tool; a few put several together. */
export const MAX_RUNS = 100;

export function count(severities: readonly Severity[]): Counts {
  const counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, 0])) as Record<
    Severity,
    number
  >;
  for (const severity of severities) counts[severity]++;
  return counts;
}

/** Returns the latest of several times in ISO 8601; null if there is none. */
export function latestMs(times: readonly (string | null | undefined)[]): number | null {
  const parsed = times.map((time) => Date.parse(time ?? "")).filter((ms) => !Number.isNaN(ms));
  return parsed.length === 0 ? null : Math.max(...parsed);
}
