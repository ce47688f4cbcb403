/** The findings of an image: what each scanner found last, and what they make together. */
import type { Finding } from "./match/finding.ts";
import { compareSeverities } from "./match/severity.ts";
import type { AttachedVex } from "./vex.ts";
import type { Distribution, Package } from "./package.ts";

export interface ScannerResult {
  /** Milliseconds since 1970. */
  readonly matchedAt: number;
  /** Which data it was matched with, as the scanner calls it; null from one that does not say. */
  readonly dataVersion: string | null;
  readonly findings: readonly Finding[];
}

/** What is stored of an image: its distribution, the last result of each scanner, by its name, and when each finding was first seen. */
export interface StoredResult {
  readonly distribution: Distribution | null;
  readonly vex: AttachedVex;
  readonly scanners: Readonly<Record<string, ScannerResult>>;
  /** Milliseconds since 1970, by `seenKey`. */
  readonly firstSeen: Readonly<Record<string, number>>;
}

export const NO_RESULT: StoredResult = {
  distribution: null,
  vex: { statements: [], subjects: [] },
  scanners: {},
  firstSeen: {},
};

/** A finding of one or more scanners. */
export interface ImageFinding extends Finding {
  /** The names of those that found it, sorted. */
  readonly scanners: readonly string[];
  /** When it was first seen in this image, in milliseconds since 1970. */
  readonly firstSeenMs: number;
}

/** Returns the findings of all scanners together, the worst first; one for each vulnerability of a package. */
export function findingsOf({ scanners, firstSeen }: StoredResult): readonly ImageFinding[] {
  return merged(scanners)
    .map((finding) => ({ ...finding, firstSeenMs: seenAt(finding, firstSeen) ?? 0 }))
    .toSorted(worstFirst);
}

/** What a match came to. */
export interface Matched {
  readonly distribution: Distribution | null;
  readonly vex: AttachedVex;
  /** The results of the scanners that have matched anew. */
  readonly fresh: Readonly<Record<string, ScannerResult>>;
  /** All scanners that there are: results of others are dropped. */
  readonly names: readonly string[];
}

/**
 * Returns a result with those of scanners that have matched anew.
 * @returns it, and the findings that were in no result before
 */
export function updated(
  before: StoredResult,
  { distribution, vex, fresh, names }: Matched,
  nowMs: number,
): { readonly result: StoredResult; readonly found: readonly ImageFinding[] } {
  const all = { ...before.scanners, ...fresh };
  const scanners = Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
  const findings = merged(scanners);
  const isNew = (finding: Finding) => seenAt(finding, before.firstSeen) === null;
  const firstSeen = Object.fromEntries(
    findings.map((finding) => [
      seenKey(finding.id, finding.package),
      seenAt(finding, before.firstSeen) ?? nowMs,
    ]),
  );
  const result = { distribution, vex, scanners, firstSeen };
  return { result, found: findingsOf(result).filter(isNew) };
}

/** A new version of a package that has the vulnerability still is no new finding, so the key has no version. */
function seenKey(id: string, { type, name }: Package): string {
  return `${id} ${type} ${name}`;
}

function seenAt(finding: Finding, firstSeen: StoredResult["firstSeen"]): number | null {
  const times = [finding.id, ...finding.aliases].flatMap(
    (id) => firstSeen[seenKey(id, finding.package)] ?? [],
  );
  return times.length === 0 ? null : Math.min(...times);
}

type Merged = Omit<ImageFinding, "firstSeenMs">;

/** Findings of one package that share an id are one; the worst severity counts, with its source. */
function merged(scanners: StoredResult["scanners"]): readonly Merged[] {
  const found = new Map<string, Merged>();
  const places = new Map<string, string>();
  for (const name of Object.keys(scanners).toSorted()) {
    for (const finding of scanners[name]?.findings ?? []) {
      const ids = [finding.id, ...finding.aliases].map((id) => placeOf(id, finding.package));
      const known = ids.map((id) => places.get(id)).find((place) => place !== undefined);
      const place = known ?? ids[0] ?? "";
      const other = found.get(place);
      found.set(
        place,
        other === undefined ? { ...finding, scanners: [name] } : both(other, finding, name),
      );
      for (const id of ids) places.set(id, place);
    }
  }
  return [...found.values()];
}

function placeOf(id: string, { type, name, version, path }: Package): string {
  return JSON.stringify([id, type, name, version, path]);
}

function both(one: Merged, other: Finding, name: string): Merged {
  const isWorse = compareSeverities(other.severity, one.severity) > 0;
  const ids = new Set([...one.aliases, other.id, ...other.aliases]);
  ids.delete(one.id);
  return {
    ...one,
    aliases: [...ids].toSorted(),
    ...(isWorse ? { severity: other.severity, severitySource: other.severitySource } : {}),
    fixedVersion: one.fixedVersion ?? other.fixedVersion,
    summary: one.summary || other.summary,
    scanners: [...new Set([...one.scanners, name])].toSorted(),
  };
}

/** Compares findings for a list: the worst first, then by id and package. */
export function worstFirst(a: ImageFinding, b: ImageFinding): number {
  return (
    compareSeverities(b.severity, a.severity) ||
    a.id.localeCompare(b.id, "en", { numeric: true }) ||
    (placeOf(a.id, a.package) < placeOf(b.id, b.package) ? -1 : 1)
  );
}
