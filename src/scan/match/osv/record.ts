import * as v from "valibot";

/** Bounds of a record: the largest that are known have some thousand packages, and versions by the ten thousand. */
const MAX_AFFECTED = 5_000;
const MAX_RANGES = 200;
const MAX_EVENTS = 2_000;
const MAX_VERSIONS = 50_000;
const MAX_IDS = 1_000;

/** An id has a database's prefix: "CVE-", "GHSA-", "DEBIAN-CVE-". It becomes part of a URL. */
export const OSV_ID = /^[A-Za-z][A-Za-z0-9_.:+-]{0,127}$/;
export const OsvId = v.pipe(v.string(), v.regex(OSV_ID));

const Text = v.pipe(v.string(), v.maxLength(1_024));

/** Databases write null where the schema has an empty list. */
function list<Item extends v.GenericSchema>(item: Item, most: number) {
  return v.optional(
    v.pipe(
      v.nullable(v.array(item), []),
      v.transform((items) => items ?? []),
      v.maxLength(most),
    ),
    [],
  );
}

const SeverityEntry = v.object({ type: Text, score: Text });

const Event = v.object({
  introduced: v.optional(Text),
  fixed: v.optional(Text),
  last_affected: v.optional(Text),
  limit: v.optional(Text),
});

const Range = v.object({ type: Text, events: list(Event, MAX_EVENTS) });

/** What databases say besides: objects without a schema. */
const Specific = v.optional(v.nullable(v.record(v.string(), v.unknown())), null);

const Affected = v.object({
  package: v.optional(v.object({ ecosystem: Text, name: Text })),
  severity: list(SeverityEntry, 20),
  ranges: list(Range, MAX_RANGES),
  versions: list(Text, MAX_VERSIONS),
  ecosystem_specific: Specific,
  database_specific: Specific,
});

/** What a match needs of a record of OSV (ossf.github.io/osv-schema, 1.7.4). */
const Osv = v.object({
  id: OsvId,
  modified: Text,
  withdrawn: v.optional(v.nullable(v.string()), null),
  aliases: list(OsvId, MAX_IDS),
  upstream: list(OsvId, MAX_IDS),
  summary: v.optional(v.string(), ""),
  severity: list(SeverityEntry, 20),
  affected: list(Affected, MAX_AFFECTED),
  database_specific: Specific,
});

export type OsvRecord = v.InferOutput<typeof Osv>;
export type OsvAffected = v.InferOutput<typeof Affected>;
export type OsvRange = v.InferOutput<typeof Range>;
export type OsvSeverity = v.InferOutput<typeof SeverityEntry>;

/** Parses a record; null for what is none or is larger than any that is known. */
export function parseRecord(json: unknown): OsvRecord | null {
  const parsed = v.safeParse(Osv, json);
  return parsed.success ? parsed.output : null;
}
