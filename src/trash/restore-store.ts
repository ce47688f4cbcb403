import { ATTACHMENT_ENDINGS_SQL } from "../oci/attachment-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { IS_BLOB, IS_MANIFEST } from "../db/manifest-references.ts";
import { NOW } from "../db/clock.ts";
import { prepare } from "../db/sql.ts";

/**
 * Restores manifests. With a deleted manifest, its children come back, at any depth, and the attachments of any of them
 * (referrers, and manifests under cosign's tags) that were deleted at the same moment as the manifest.
 */

/** A deleted manifest to restore. */
export interface Root {
  readonly repositoryId: number;
  readonly digest: Digest;
  /** When it was deleted, in milliseconds since 1970. */
  readonly deletedAt: number;
}

export interface Edge {
  readonly parent: Digest;
  readonly child: Digest;
}

/** The most manifests that one request restores; more than any index names. */
const MAX_MANIFESTS = 500;
const MAX_EDGES = 10_000;
const MAX_MISSING = 10;

/** SQL for the manifests to restore: the root :digest, which was deleted at :deletedAt, and what goes with it. */
const NAMED = `WITH RECURSIVE named (id, digest) AS (
    SELECT id, digest FROM manifests WHERE repository_id = :repositoryId AND digest = :digest AND deleted_at = :deletedAt
    UNION
    SELECT c.id, c.digest FROM named parent
    CROSS JOIN manifest_references f
      ON f.repository_id = :repositoryId AND f.manifest_id = parent.id AND ${IS_MANIFEST}
    CROSS JOIN digests d ON d.id = f.digest_id
    CROSS JOIN manifests c
      ON c.repository_id = :repositoryId AND c.digest = d.digest AND c.deleted_at IS NOT NULL
    UNION
    SELECT s.id, s.digest FROM named parent
    CROSS JOIN manifests s INDEXED BY deleted_manifests_by_subject
      ON s.repository_id = :repositoryId AND s.subject = parent.digest AND s.deleted_at = :deletedAt
    UNION
    SELECT a.id, a.digest FROM named parent
    CROSS JOIN ${ATTACHMENT_ENDINGS_SQL} ending
    CROSS JOIN tag_history h INDEXED BY tag_history_by_tag
      ON h.repository_id = :repositoryId AND h.tag = 'sha256-' || substr(parent.digest, 8) || ending.value
        AND h.id >= printf('%012x', :deletedAt) AND h.id < printf('%012x', :deletedAt + 1) AND h.successor IS NULL
    CROSS JOIN manifests a ON a.repository_id = :repositoryId AND a.digest = h.digest AND a.deleted_at = :deletedAt
    LIMIT :most)`;

/**
 * Returns the manifests to restore, children before those that name them; none if the root has changed since it was
 * read.
 * @throws CONFLICT if they are too many, or name content that was purged
 */
export async function restorePlan(
  db: D1Database,
  { repositoryId, digest, deletedAt }: Root,
): Promise<Digest[]> {
  const statements = [
    `SELECT digest FROM named`,
    `SELECT parent.digest AS parent, c.digest AS child FROM named parent
     CROSS JOIN manifest_references f
       ON f.repository_id = :repositoryId AND f.manifest_id = parent.id AND ${IS_MANIFEST}
     CROSS JOIN digests d ON d.id = f.digest_id
     CROSS JOIN manifests c
       ON c.repository_id = :repositoryId AND c.digest = d.digest AND c.deleted_at IS NOT NULL
     LIMIT ${MAX_EDGES + 1}`,
    `SELECT DISTINCT d.digest FROM named parent
     CROSS JOIN manifest_references f ON f.repository_id = :repositoryId AND f.manifest_id = parent.id
     CROSS JOIN digests d ON d.id = f.digest_id
     WHERE CASE
       WHEN ${IS_MANIFEST} THEN NOT EXISTS (
         SELECT 1 FROM manifests c WHERE c.repository_id = :repositoryId AND c.digest = d.digest)
       WHEN ${IS_BLOB} THEN NOT EXISTS (
           SELECT 1 FROM repository_blobs l WHERE l.repository_id = :repositoryId AND l.digest_id = f.digest_id)
         AND NOT EXISTS (
           SELECT 1 FROM trashed_blobs k WHERE k.repository_id = :repositoryId AND k.digest_id = f.digest_id)
       ELSE 0 END
     LIMIT ${MAX_MISSING}`,
  ].map((sql) =>
    prepare(db, `${NAMED} ${sql}`, {
      repositoryId,
      digest,
      deletedAt,
      most: MAX_MANIFESTS + 1,
    }),
  );
  const [named, edges, missing] = (await db.batch(statements)).map(({ results }) => results) as [
    { digest: Digest }[],
    Edge[],
    { digest: Digest }[],
  ];
  if (named.length > MAX_MANIFESTS || edges.length > MAX_EDGES) {
    throw new RegistryError("CONFLICT", {
      message: `more than ${MAX_MANIFESTS} manifests would have to come back with ${digest}; restore those that it names before it`,
    });
  }
  if (missing.length > 0) {
    const digests = missing.map((one) => one.digest);
    throw new RegistryError("CONFLICT", {
      message: `${digest} cannot be restored: what it names is not there any more (${digests.join(", ")}); push it again`,
      detail: digests.map((one) => ({ digest: one })),
    });
  }
  return childrenFirst(
    named.map((one) => one.digest),
    edges,
  );
}

/**
 * Sorts digests so that each comes after its children. Such an order exists, because no manifest can contain a digest
 * that depends on its own.
 */
export function childrenFirst(digests: readonly Digest[], edges: readonly Edge[]): Digest[] {
  const children = Map.groupBy(edges, ({ parent }) => parent);
  const seen = new Set<Digest>();
  const ordered: Digest[] = [];
  const visit = (digest: Digest): void => {
    if (seen.has(digest)) return;
    seen.add(digest);
    for (const { child } of children.get(digest) ?? []) visit(child);
    ordered.push(digest);
  };
  for (const digest of digests) visit(digest);
  return ordered;
}

/**
 * Returns the statements that restore manifests with the blobs that they name.
 * @param digests children first, as returned above: the triggers require that what a manifest names is visible before
 *   it
 */
export function restore(
  db: D1Database,
  repositoryId: number,
  digests: readonly Digest[],
): D1PreparedStatement[] {
  const list = JSON.stringify(digests);
  return [
    prepare(
      db,
      `INSERT INTO repository_blobs (repository_id, digest_id)
       SELECT DISTINCT k.repository_id, k.digest_id FROM json_each(:list) w
       CROSS JOIN manifests m ON m.repository_id = :repositoryId AND m.digest = w.value
       CROSS JOIN manifest_references f ON f.repository_id = :repositoryId AND f.manifest_id = m.id
       CROSS JOIN trashed_blobs k ON k.repository_id = :repositoryId AND k.digest_id = f.digest_id
       WHERE true ON CONFLICT DO NOTHING`,
      { repositoryId, list },
    ),
    // This INSERT adds no rows. It is used because an UPDATE has no order, and these rows have to change in that of
    // the list. `pushed_at` is set to now, or a retention policy would delete the manifests again the next day.
    prepare(
      db,
      `INSERT INTO manifests (repository_id, digest, media_type, size, artifact_type, created_at)
       SELECT m.repository_id, m.digest, m.media_type, m.size, m.artifact_type, m.created_at
       FROM json_each(:list) w
       CROSS JOIN manifests m
         ON m.repository_id = :repositoryId AND m.digest = w.value AND m.deleted_at IS NOT NULL
       WHERE true ORDER BY w.key
       ON CONFLICT (repository_id, digest) DO UPDATE
       SET deleted_at = NULL, deleted_by = NULL, pushed_at = ${NOW}`,
      { repositoryId, list },
    ),
  ];
}
