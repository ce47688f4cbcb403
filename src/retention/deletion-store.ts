import { isAttachmentTagSql } from "../oci/attachment-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { idOf } from "../db/digests.ts";
import { auditEach, type AuditEntry, BY_ITSELF } from "../db/audit.ts";
import { MAX_TAGS, USED_ON } from "./store.ts";
import { invalidateRepositories } from "../db/revocations.ts";
import { prepare } from "../db/sql.ts";

/** A manifest to delete, with the values that it had when it was evaluated. */
export interface Expiring {
  readonly digest: Digest;
  /** The image that it is deleted with; itself for an image. */
  readonly root: Digest;
  /** The depth: greater than that of all manifests that it belongs to; 0 for an image. */
  readonly depth: number;
  /** The time of its deletion, in milliseconds since 1970, which only its image and other attachments share. */
  readonly at: number;
  readonly pushedAt: number;
  /** The last day on which an image was in use; null for never, and where the policy does not depend on it. */
  readonly usedOn: number | null;
  readonly tags: readonly string[];
}

export interface Expiry {
  readonly repository: number;
  /** The run's step: if another run has done it already, nothing is done. */
  readonly step: number;
  readonly manifests: readonly Expiring[];
  /** Whether the policy depends on use. */
  readonly byUse: boolean;
  /** The audit entries, one for each deleted image. */
  readonly entries: readonly (AuditEntry & { readonly digest: Digest })[];
}

/** The audit initiator of deletions by a policy: no request. */
const INITIATOR = { ...BY_ITSELF, via: "retention" };

/** SQL over `deletion_batch d`: whether the manifest is not in the batch. */
function stays(digest: string): string {
  return `NOT EXISTS (
    SELECT 1 FROM deletion_batch e WHERE e.repository_id = :repository AND e.digest = ${digest})`;
}

/**
 * Makes the statements that delete images with their attachments, for one D1 batch. A manifest that changed since it
 * was evaluated stays, with all that belongs to it: it was pushed again, or used where that matters, got or lost a tag,
 * is named by another index, or became immutable. If the policy changed, all of them stay.
 */
export function expire(db: D1Database, expiry: Expiry): D1PreparedStatement[] {
  const { repository, manifests, entries } = expiry;
  const depths = Array.from(
    { length: Math.max(...manifests.map(({ depth }) => depth)) + 1 },
    (_, depth) => depth,
  );
  return [
    ...stage(db, expiry),
    ...depths.map((depth) => dropChanged(db, repository, depth)),
    auditEach(db, INITIATOR, entries, {
      sql: `SELECT 1 FROM deletion_batch d
        WHERE d.repository_id = :repository AND d.digest = e.value ->> 'digest'`,
      values: { repository },
    }),
    ...deleteTags(db, repository),
    ...depths.map((depth) => softDelete(db, repository, depth)),
    invalidateRepositories(db, {
      sql: "r.id = :repository AND EXISTS (SELECT 1 FROM deletion_batch WHERE repository_id = :repository)",
      values: { repository },
    }),
  ];
}

/** The most characters of one parameter: D1 takes 2,000,000 bytes. */
const MAX_PARAMETER = 500_000;

/** Makes JSON lists of the values, each within the limit of a parameter. */
function listsOf(values: readonly string[]): string[] {
  const lists: string[][] = [];
  let left = 0;
  for (const value of values) {
    left -= value.length + 1;
    if (left < 0) {
      lists.push([]);
      left = MAX_PARAMETER - value.length - 2;
    }
    lists.at(-1)?.push(value);
  }
  return lists.map((list) => `[${list.join(",")}]`);
}

/** Stages the candidates that did not change since evaluation. */
function stage(
  db: D1Database,
  { repository, step, manifests, byUse }: Expiry,
): D1PreparedStatement[] {
  const rows = manifests.map((one) => JSON.stringify({ ...one, tags: JSON.stringify(one.tags) }));
  const isUnused = `(w.value ->> 'depth' > 0 OR coalesce(${USED_ON}, -1) <= coalesce(w.value ->> 'usedOn', -1))`;
  return [
    ...listsOf(rows).map((list) =>
      prepare(
        db,
        `INSERT INTO deletion_batch (repository_id, digest, root, depth, at, tags)
         SELECT :repository, m.digest, w.value ->> 'root', w.value ->> 'depth', w.value ->> 'at', w.value ->> 'tags'
         FROM retention_runs x
         CROSS JOIN repositories r ON r.id = x.repository_id AND r.deleted_at IS NULL
         CROSS JOIN json_each(:list) w
         CROSS JOIN manifests m ON m.repository_id = :repository AND m.digest = w.value ->> 'digest'
           AND m.deleted_at IS NULL AND m.pushed_at = w.value ->> 'pushedAt'
           ${byUse ? `AND ${isUnused}` : ""}
         WHERE x.repository_id = :repository AND x.step = :step AND x.policy = coalesce(
           r.retention, (SELECT n.retention FROM namespaces n WHERE n.name = r.namespace))`,
        { repository, step, list },
      ),
    ),
    prepare(
      db,
      `DELETE FROM deletion_batch AS d WHERE d.repository_id = :repository AND (
         d.tags <> (SELECT json_group_array(name) FROM (
           SELECT name FROM tags t INDEXED BY tags_by_digest
           WHERE t.repository_id = :repository AND t.digest = d.digest ORDER BY name
           LIMIT ${MAX_TAGS + 1}))
         OR EXISTS (
           SELECT 1 FROM json_each(d.tags) who
           CROSS JOIN matched_immutable_tags p ON p.repository_id = :repository AND p.name = who.value))`,
      { repository },
    ),
  ];
}

/** Drops the candidates of one depth that belong to a manifest that stays; called for each depth in turn. */
function dropChanged(db: D1Database, repository: number, depth: number): D1PreparedStatement {
  return prepare(
    db,
    `DELETE FROM deletion_batch AS d WHERE d.repository_id = :repository AND d.depth = :depth AND (
       ${stays("d.root")}
       OR EXISTS (
         SELECT 1 FROM manifest_references f INDEXED BY manifest_references_by_digest
         CROSS JOIN manifests o ON o.id = f.manifest_id AND o.deleted_at IS NULL
         WHERE f.repository_id = :repository AND f.digest_id = ${idOf("d.digest")} AND ${stays("o.digest")})
       OR EXISTS (
         SELECT 1 FROM manifests m
         CROSS JOIN manifests o ON o.repository_id = :repository AND o.digest = m.subject AND o.deleted_at IS NULL
         WHERE m.repository_id = :repository AND m.digest = d.digest AND ${stays("o.digest")})
       OR EXISTS (
         SELECT 1 FROM json_each(d.tags) who
         CROSS JOIN manifests o ON o.repository_id = :repository
           AND o.digest = 'sha256:' || substr(who.value, 8, 64) AND o.deleted_at IS NULL
         WHERE ${isAttachmentTagSql("who.value")}
           AND ${stays("o.digest")}))`,
    { repository, depth },
  );
}

/** Deletes the tags with the same time as their manifest, so that they are restored together: see trash/store.ts. */
function deleteTags(db: D1Database, repository: number): D1PreparedStatement[] {
  return [
    prepare(
      db,
      `INSERT INTO tag_history (repository_id, id, tag, digest, changed_at)
       SELECT :repository, printf('%012x', d.at) || lower(hex(randomblob(8))), t.name, t.digest, d.at
       FROM deletion_batch d
       CROSS JOIN tags t INDEXED BY tags_by_digest ON t.repository_id = :repository AND t.digest = d.digest
       WHERE d.repository_id = :repository`,
      { repository },
    ),
    prepare(
      db,
      `DELETE FROM tags WHERE repository_id = :repository AND digest IN (
         SELECT d.digest FROM deletion_batch d WHERE d.repository_id = :repository)`,
      { repository },
    ),
  ];
}

function softDelete(db: D1Database, repository: number, depth: number): D1PreparedStatement {
  return prepare(
    db,
    `UPDATE manifests SET deleted_by = NULL, deleted_at = (
       SELECT d.at FROM deletion_batch d WHERE d.repository_id = :repository AND d.digest = manifests.digest)
     WHERE repository_id = :repository AND digest IN (
       SELECT d.digest FROM deletion_batch d WHERE d.repository_id = :repository AND d.depth = :depth)`,
    { repository, depth },
  );
}
