/** The statements that write a manifest and its references. */
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { NOW } from "./clock.ts";
import { costOf } from "./cost.ts";
import { deflateText } from "./manifest-text.ts";
import { type Fragment, prepare } from "./sql.ts";
import { insertDigests } from "./digest-rows.ts";
import { idOf } from "./digests.ts";
import { kindNumber, type NewReference } from "./manifest-references.ts";
import type { NewManifest } from "./manifests.ts";

/** The most references or blobs that one batch writes: about 30 ms of the database's time. */
export const STEP = 1_000;

/**
 * The `deleted_at` of a manifest that is still being written. It lies before any trash window, so the manifest is
 * invisible, cannot be restored, and goes with the next garbage collection unless its push ends.
 */
export const STAGED = 1;

/** SQL that selects the manifest. */
const ITSELF = `m.repository_id = (SELECT id FROM repositories WHERE name = :repository) AND m.digest = :digest`;

/** Inserts the manifest's row, or makes it visible again if it was deleted or still being written. */
export function insertManifest(
  db: D1Database,
  repository: RepositoryName,
  manifest: NewManifest,
  now: number,
): D1PreparedStatement {
  return prepare(
    db,
    `${INSERT}
     ON CONFLICT (repository_id, digest) DO UPDATE
     SET media_type = excluded.media_type, artifact_type = excluded.artifact_type,
       pushed_at = excluded.pushed_at, deleted_at = NULL, deleted_by = NULL, cost = excluded.cost,
       size = ${found("size")}, content = ${found("content")}, object = ${found("object")},
       subject = ${found("subject")}, kind = excluded.kind, evidence = excluded.evidence, missing_since = NULL
     RETURNING digest`,
    { ...valuesOf(repository, manifest, now), deletedAt: null },
  );
}

/** Inserts the row of a manifest that is being written, if it has none yet. */
export function stageManifest(
  db: D1Database,
  repository: RepositoryName,
  manifest: NewManifest,
  now: number,
): D1PreparedStatement {
  return prepare(db, `${INSERT} ON CONFLICT DO NOTHING`, {
    ...valuesOf(repository, manifest, now),
    deletedAt: STAGED,
  });
}

const INSERT = `INSERT INTO manifests (repository_id, digest, media_type, size, content, object, subject,
    artifact_type, created_at, pushed_at, cost, deleted_at, kind, evidence)
  SELECT id, :digest, :mediaType, :size, unhex(:content), :object, :subject, :artifactType, :now, :now, :cost, :deletedAt,
    :kind, :evidence
  FROM repositories WHERE name = :repository`;

function valuesOf(repository: RepositoryName, manifest: NewManifest, now: number) {
  const { digest, mediaType, size, object, subject, artifactType, references } = manifest;
  const content = manifest.content === null ? null : deflateText(manifest.content);
  const cost = costOf(size, references);
  const row = { repository, digest, mediaType, size, content, object, subject, artifactType };
  return { ...row, ...manifest.purpose, now, cost };
}

/**
 * Inserts references of a manifest whose row exists. References from before a deletion are replaced: when the manifest
 * is pushed again, what they named may be of another kind, or missing.
 */
export function insertReferences(
  db: D1Database,
  repository: RepositoryName,
  digest: Digest,
  references: readonly NewReference[],
): [D1PreparedStatement, ...D1PreparedStatement[]] {
  const rows = references.map(({ digest: to, kind, platform }) => [to, kindNumber(kind), platform]);
  const values = { repository, digest, list: JSON.stringify(rows) };
  return [
    prepare(
      db,
      `DELETE FROM manifest_references
       WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
         AND manifest_id = (SELECT m.id FROM manifests m WHERE ${ITSELF} AND m.deleted_at IS NOT NULL)
         AND digest_id IN (SELECT ${idOf("value ->> 0")} FROM json_each(:list))`,
      values,
    ),
    insertDigests(
      db,
      references.map((reference) => reference.digest),
      { sql: `SELECT 1 FROM manifests m WHERE ${ITSELF}`, values: { repository, digest } },
    ),
    prepare(
      db,
      `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind, platform)
       SELECT m.repository_id, m.id, ${idOf("w.value ->> 0")}, w.value ->> 1, w.value ->> 2
       FROM manifests m, json_each(:list) w WHERE ${ITSELF}
       ON CONFLICT DO UPDATE SET kind = excluded.kind WHERE kind = 0`,
      values,
    ),
  ];
}

/** The condition that the manifest has all its references: nobody has deleted rows while they were written. */
export function namesAll(
  repository: RepositoryName,
  digest: Digest,
  references: readonly NewReference[],
): Fragment {
  const count = new Set(references.map((reference) => reference.digest)).size;
  return {
    sql: `SELECT 1 FROM manifests m WHERE ${ITSELF} AND :count = (
      SELECT count(*) FROM manifest_references f
      WHERE f.repository_id = m.repository_id AND f.manifest_id = m.id)`,
    values: { repository, digest, count },
  };
}

/** Stops counting the object as waiting for deletion: its bytes count with the manifest now. */
export function uncountObject(db: D1Database, object: string): D1PreparedStatement {
  return prepare(db, `UPDATE object_deletions SET size = 0 WHERE key = :object`, { object });
}

/**
 * Cancels the deletion of the object that the manifest's row now names. If the row still names an earlier object, this
 * one is not needed and its deletion is due at once.
 */
export function claimObject(db: D1Database, object: string, size: number): D1PreparedStatement[] {
  return [
    prepare(
      db,
      `DELETE FROM object_deletions WHERE key = :object AND EXISTS (SELECT 1 FROM manifests WHERE object = :object)`,
      { object },
    ),
    prepare(db, `UPDATE object_deletions SET size = :size, due_at = ${NOW} WHERE key = :object`, {
      object,
      size,
    }),
  ];
}

/** SQL that takes the pushed value if the manifest was missing or damaged, and else keeps the stored one. */
function found(column: string): string {
  return `CASE WHEN missing_since IS NULL THEN ${column} ELSE excluded.${column} END`;
}

/** Cuts a list into pieces that one statement writes without keeping other requests waiting. */
export function stepsOf<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / STEP) }, (_, i) =>
    items.slice(i * STEP, (i + 1) * STEP),
  );
}
