import { severityOfVector } from "../cvss.ts";
import { compareSeverities, type Severity, severityOfWord } from "../severity.ts";
import type { OsvAffected, OsvRecord, OsvSeverity } from "./record.ts";

export interface Rated {
  readonly severity: Severity;
  /** Who says so; null where it is unknown. */
  readonly source: string | null;
}

const UNRATED: Rated = { severity: "unknown", source: null };

/**
 * Returns how bad a vulnerability is: what the distribution says of its package, else the CVSS of the records and then of those
 * they come from, else the word that the database has.
 * @param effects the records that hold, each with the part of it that does
 * @param known further records of the same vulnerability, such as the CVE of a distribution's record
 */
export function rate(
  effects: readonly { readonly record: OsvRecord; readonly affected: OsvAffected }[],
  known: readonly OsvRecord[],
): Rated {
  const malware = effects.find(({ record }) => record.id.startsWith("MAL-"));
  if (malware !== undefined) return { severity: "critical", source: malware.record.id };
  const records = [...effects.map(({ record }) => record), ...known];
  return (
    worst(effects.flatMap(({ record, affected }) => ofDistribution(record, affected))) ??
    worst(effects.flatMap(({ record, affected }) => byCvss(record, affected.severity))) ??
    worst(records.flatMap((record) => byCvss(record, record.severity))) ??
    worst(records.flatMap(ofDatabase)) ??
    UNRATED
  );
}

function worst(rated: readonly Rated[]): Rated | undefined {
  return rated
    .filter(({ severity }) => severity !== "unknown")
    .toSorted((a, b) => compareSeverities(b.severity, a.severity))[0];
}

/** Debian calls it urgency, Ubuntu has a type of severity of its own. */
function ofDistribution(record: OsvRecord, { package: named, ...affected }: OsvAffected): Rated[] {
  const [source = "", release] = named?.ecosystem.split(":", 2) ?? [];
  const isDistribution =
    release !== undefined || ["Wolfi", "Chainguard", "MinimOS"].includes(source);
  if (!isDistribution) return [];
  const words = [
    ...[...affected.severity, ...record.severity]
      .filter(({ type }) => !type.startsWith("CVSS"))
      .map(({ score }) => score),
    affected.ecosystem_specific?.["severity"],
    affected.ecosystem_specific?.["urgency"],
    affected.database_specific?.["severity"],
  ];
  return words.flatMap((word) =>
    typeof word === "string" ? [{ severity: severityOfWord(word), source }] : [],
  );
}

/** Of several vectors in one record that of the latest CVSS counts. */
function byCvss({ id }: OsvRecord, entries: readonly OsvSeverity[]): Rated[] {
  const rated = entries
    .filter(({ type }) => type.startsWith("CVSS"))
    .map(({ score }) => ({
      version: /^CVSS:(\d\.\d)/.exec(score)?.[1] ?? "2",
      severity: severityOfVector(score),
    }))
    .filter(({ severity }) => severity !== "unknown")
    .toSorted((a, b) => Number(b.version) - Number(a.version));
  return rated
    .slice(0, 1)
    .map(({ version, severity }) => ({ severity, source: `CVSS ${version} of ${id}` }));
}

function ofDatabase({ id, database_specific: specific }: OsvRecord): Rated[] {
  const word = specific?.["severity"];
  return typeof word === "string" ? [{ severity: severityOfWord(word), source: id }] : [];
}
