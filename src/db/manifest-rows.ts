import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { Condition } from "./audit.ts";
import { NOW } from "./clock.ts";
import { costOf } from "./cost.ts";
import type { NewManifest, NewReference } from "./manifests.ts";

/** The statements that write a manifest and what it names. */

/**
 * A manifest that is still being written: deleted before any undo window, so it is out of sight, cannot be restored, and goes
 * with the next collection unless its push comes to its end.
 */
export const STAGED = 1;

/** SQL: the manifest ?2 of the repository ?1. */
const ITSELF = `m.repository_id = (SELECT id FROM repositories WHERE name = ?1) AND m.digest = ?2`;

/** The manifest's row; in sight again where it was deleted, or was being written. */
export function insertManifest(
  db: D1Database,
  repository: RepositoryName,
  manifest: NewManifest,
  now: number,
): D1PreparedStatement {
  return db
    .prepare(
      `${INSERT}
       ON CONFLICT (repository_id, digest) DO UPDATE
       SET media_type = excluded.media_type, artifact_type = excluded.artifact_type,
         pushed_at = excluded.pushed_at, deleted_at = NULL, deleted_by = NULL, cost = excluded.cost,
         size = ${found("size")}, content = ${found("content")}, object = ${found("object")},
         subject = ${found("subject")}, missing_since = NULL
       RETURNING digest`,
    )
    .bind(...valuesOf(repository, manifest, now), null);
}

/** The row of a manifest that is being written, where it has none yet. */
export function stageManifest(
  db: D1Database,
  repository: RepositoryName,
  manifest: NewManifest,
  now: number,
): D1PreparedStatement {
  return db
    .prepare(`${INSERT} ON CONFLICT DO NOTHING`)
    .bind(...valuesOf(repository, manifest, now), STAGED);
}

const INSERT = `INSERT INTO manifests (repository_id, digest, media_type, size, content, object, subject,
    artifact_type, created_at, pushed_at, cost, deleted_at)
  SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11 FROM repositories WHERE name = ?1`;

function valuesOf(repository: RepositoryName, manifest: NewManifest, now: number) {
  const { digest, mediaType, size, content, object, subject, artifactType, references } = manifest;
  const cost = costOf(size, references);
  return [
    repository,
    digest,
    mediaType,
    size,
    content,
    object,
    subject,
    artifactType,
    now,
    cost,
  ] as const;
}

/**
 * References of a manifest whose row is there. What it held on to while it was deleted may be something else, or not be there,
 * when it is pushed again, so those are made anew.
 */
export function insertReferences(
  db: D1Database,
  repository: RepositoryName,
  digest: Digest,
  references: readonly NewReference[],
): D1PreparedStatement[] {
  const list = JSON.stringify(references);
  return [
    db
      .prepare(
        `DELETE FROM manifest_references
         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND manifest = ?2
           AND digest IN (SELECT value ->> 'digest' FROM json_each(?3))
           AND EXISTS (SELECT 1 FROM manifests m WHERE ${ITSELF} AND m.deleted_at IS NOT NULL)`,
      )
      .bind(repository, digest, list),
    db
      .prepare(
        `INSERT INTO manifest_references (repository_id, manifest, digest, kind)
         SELECT m.repository_id, m.digest, w.value ->> 'digest', w.value ->> 'kind'
         FROM manifests m, json_each(?3) w WHERE ${ITSELF}
         ON CONFLICT DO UPDATE SET kind = excluded.kind WHERE kind = 'optional'`,
      )
      .bind(repository, digest, list),
  ];
}

/** The manifest names as much as it is to: nobody took the rows away while they were being written. */
export function namesAll(
  repository: RepositoryName,
  digest: Digest,
  references: readonly NewReference[],
): Condition {
  const count = new Set(references.map((reference) => reference.digest)).size;
  return {
    sql: `SELECT 1 FROM repositories r WHERE r.name = ?2 AND ?4 = (
      SELECT count(*) FROM manifest_references f WHERE f.repository_id = r.id AND f.manifest = ?3)`,
    parameters: [repository, digest, count],
  };
}

/** Its bytes are counted with the manifest now, and no longer as what waits for deletion. */
export function uncountObject(db: D1Database, object: string): D1PreparedStatement {
  return db.prepare(`UPDATE object_deletions SET size = 0 WHERE key = ?1`).bind(object);
}

/** The manifest's row names the object now; where it named another before, this one goes. */
export function claimObject(db: D1Database, object: string, size: number): D1PreparedStatement[] {
  return [
    db
      .prepare(
        `DELETE FROM object_deletions WHERE key = ?1 AND EXISTS (SELECT 1 FROM manifests WHERE object = ?1)`,
      )
      .bind(object),
    db
      .prepare(`UPDATE object_deletions SET size = ?2, due_at = ${NOW} WHERE key = ?1`)
      .bind(object, size),
  ];
}

/** SQL: what was lost is put right by a push. */
function found(column: string): string {
  return `CASE WHEN missing_since IS NULL THEN ${column} ELSE excluded.${column} END`;
}
