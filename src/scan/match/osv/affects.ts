import type { Distribution, Package, PackageType } from "../../package.ts";
import { compareVersions } from "../version/order.ts";
import { isNamed, type Subject, subjectsOf } from "./ecosystem.ts";
import type { OsvAffected, OsvRange, OsvRecord } from "./record.ts";

/** How a record affects a package. */
export interface Effect {
  readonly affected: OsvAffected;
  /** The first version after the installed one that the record calls fixed. */
  readonly fixedVersion: string | null;
}

/**
 * Tells whether a record holds for a package of an image, by the algorithm of the schema (ossf.github.io/osv-schema,
 * "Evaluation"). Records that were withdrawn hold for none, and ranges of commits say nothing about versions.
 * @param distribution of the image; a package of a language does not need it
 */
export function affects(
  record: OsvRecord,
  pkg: Package,
  distribution: Distribution | null,
): Effect | null {
  if (record.withdrawn !== null) return null;
  const effects = subjectsOf(pkg, distribution).flatMap((subject) =>
    record.affected.flatMap((affected) => effectOf(affected, subject, pkg.type) ?? []),
  );
  return effects.find(({ fixedVersion }) => fixedVersion !== null) ?? effects[0] ?? null;
}

function effectOf(affected: OsvAffected, subject: Subject, type: PackageType): Effect | null {
  if (affected.package === undefined || !isNamed(affected.package, subject)) return null;
  const { version } = subject;
  const ranges = affected.ranges.filter(
    ({ type: kind }) => kind === "SEMVER" || kind === "ECOSYSTEM",
  );
  const holding = ranges.filter((range) => holds(range, version, type));
  if (holding.length === 0 && !affected.versions.includes(version)) return null;
  // A listed version that no range holds is fixed where the ranges say so.
  const fixes = (holding.length > 0 ? holding : ranges).flatMap((range) =>
    fixesAfter(range, version, type),
  );
  return {
    affected,
    fixedVersion: fixes.toSorted((a, b) => compareVersions(type, a, b))[0] ?? null,
  };
}

interface Turn {
  readonly at: string;
  readonly kind: "introduced" | "fixed" | "last_affected";
}

function holds({ events }: OsvRange, version: string, type: PackageType): boolean {
  const limits = events.flatMap(({ limit }) => limit ?? []);
  const isBelow = (limit: string) => limit === "*" || compareVersions(type, version, limit) < 0;
  if (limits.length > 0 && !limits.some(isBelow)) return false;
  let isHeld = false;
  for (const { at, kind } of turns(events, type)) {
    const order = at === START ? 1 : compareVersions(type, version, at);
    if (kind === "introduced" && order >= 0) isHeld = true;
    if (kind === "fixed" && order >= 0) isHeld = false;
    if (kind === "last_affected" && order > 0) isHeld = false;
  }
  return isHeld;
}

/** The version before all others, as events name it. */
const START = "0";

/** Returns the events in the order of their versions; those of one version in the order of the record. */
function turns(events: OsvRange["events"], type: PackageType): readonly Turn[] {
  return events
    .flatMap(({ introduced, fixed, last_affected: last }): Turn[] => {
      if (introduced !== undefined) return [{ at: introduced, kind: "introduced" }];
      if (fixed !== undefined) return [{ at: fixed, kind: "fixed" }];
      return last === undefined ? [] : [{ at: last, kind: "last_affected" }];
    })
    .toSorted((a, b) => {
      if (a.at === START || b.at === START) return Number(b.at === START) - Number(a.at === START);
      return compareVersions(type, a.at, b.at);
    });
}

function fixesAfter({ events }: OsvRange, version: string, type: PackageType): readonly string[] {
  return events.flatMap(({ fixed }) =>
    fixed !== undefined && compareVersions(type, fixed, version) > 0 ? [fixed] : [],
  );
}
