/** What a list of tags says of the scan of each image. */
import type { Digest } from "../oci/digest.ts";
import type { ManifestPurpose } from "../oci/manifest-kind.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { IS_MANIFEST } from "../db/manifest-references.ts";
import { prepare } from "../db/sql.ts";
import { SEVERITIES } from "./match/severity.ts";
import type { Count, Counts } from "./summary.ts";

export interface TagScan {
  readonly state: "waiting" | "unscannable" | "scanned";
  /** null: no scanner has matched it yet. */
  readonly counts: Counts | null;
}

interface Listed {
  readonly digest: Digest;
  readonly kind: ManifestPurpose;
}

/** The most references of an index that are looked at: images of eight platforms, with an attestation each. */
const MAX_REFERENCES = 16;

/** SQL over `scans s`: a `TagScan`, as JSON. */
const SCAN = `json_object(
  'state', CASE WHEN s.unscannable IS NOT NULL THEN 'unscannable' WHEN s.matched_at IS NULL THEN 'waiting' ELSE 'scanned' END,
  'counts', json(json_extract(s.summary, '$.counts')))`;

/** D1: the scans of the images and indexes of one page of tags; what is neither, or is not scanned at all, has none. */
export async function readTagScans(
  db: D1Database,
  repository: RepositoryName,
  listed: readonly Listed[],
): Promise<ReadonlyMap<Digest, TagScan>> {
  const digestsOf = (kind: ManifestPurpose) =>
    JSON.stringify([
      ...new Set(listed.filter((one) => one.kind === kind).map((one) => one.digest)),
    ]);
  const results = await db.batch<{ digest: Digest; scans: string }>([
    prepare(
      db,
      `SELECT m.digest, json_array(${SCAN}) AS scans
       FROM repositories r CROSS JOIN json_each(:digests) w
       CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = w.value
       CROSS JOIN scans s ON s.manifest_id = m.id
       WHERE r.name = :repository`,
      { repository, digests: digestsOf("image") },
    ),
    prepare(
      db,
      `SELECT i.digest, (
         SELECT json_group_array(${SCAN}) FROM (
           SELECT f.digest_id, f.platform FROM manifest_references f
           WHERE f.repository_id = i.repository_id AND f.manifest_id = i.id AND ${IS_MANIFEST}
           LIMIT ${MAX_REFERENCES}) f
         CROSS JOIN digests d ON d.id = f.digest_id
         CROSS JOIN manifests m ON m.repository_id = i.repository_id AND m.digest = d.digest
           AND m.deleted_at IS NULL AND m.kind = 'image'
         CROSS JOIN scans s ON s.manifest_id = m.id
         WHERE f.platform IS NOT 'unknown/unknown') AS scans
       FROM repositories r CROSS JOIN json_each(:digests) w
       CROSS JOIN manifests i ON i.repository_id = r.id AND i.digest = w.value
       WHERE r.name = :repository`,
      { repository, digests: digestsOf("index") },
    ),
  ]);
  return new Map(
    results
      .flatMap((result) => result.results)
      .flatMap(({ digest, scans }) => {
        const all = JSON.parse(scans) as readonly TagScan[];
        return all.length === 0 ? [] : [[digest, worstOf(all)] as const];
      }),
  );
}

const STATES = ["unscannable", "waiting", "scanned"] as const;

/** Of several images: the worst state, and of each severity the most that one of them has. */
function worstOf(scans: readonly TagScan[]): TagScan {
  const state = STATES.find((one) => scans.some((scan) => scan.state === one)) ?? "waiting";
  const counts = scans.flatMap((scan) => scan.counts ?? []);
  return { state, counts: counts.length === 0 ? null : mostOf(counts) };
}

function mostOf(counts: readonly Counts[]): Counts {
  const most = (of: (one: Counts) => number) => Math.max(...counts.map(of));
  return Object.fromEntries(
    SEVERITIES.map((severity): [string, Count] => [
      severity,
      { all: most((one) => one[severity].all), fixable: most((one) => one[severity].fixable) },
    ]),
  ) as Counts;
}
