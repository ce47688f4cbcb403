import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Sources } from "../oci/reference.ts";
import { auditChange, type Initiator } from "./audit.ts";
import { NOW } from "./clock.ts";
import { idOf } from "./digests.ts";
import { ALWAYS, type Fragment, merge, prepare } from "./sql.ts";

/** The statements that every push needs: they create the repository and link its blobs. */

/**
 * Creates the repository and its namespace, if they do not exist.
 * @param condition SQL that must return a row
 */
export function insertRepository(
  db: D1Database,
  repository: RepositoryName,
  initiator: Initiator,
  { sql, values }: Fragment = ALWAYS,
): D1PreparedStatement[] {
  const absent = {
    sql: `SELECT 1 WHERE EXISTS (${sql}) AND NOT EXISTS (SELECT 1 FROM repositories WHERE name = :repository)`,
    values: merge(values, { repository }),
  };
  const named = merge(absent.values, { now: Date.now() });
  return [
    auditChange(
      db,
      initiator,
      { action: "repository.create", repository, detail: "by a push" },
      absent,
    ),
    prepare(
      db,
      `INSERT INTO namespaces (name, created_at)
       SELECT substr(:repository, 1, instr(:repository || '/', '/') - 1), :now WHERE EXISTS (${sql})
       ON CONFLICT (name) DO NOTHING`,
      named,
    ),
    prepare(
      db,
      `INSERT INTO repositories (name, visibility, created_at)
       SELECT :repository, visibility, :now FROM namespaces
       WHERE name = substr(:repository, 1, instr(:repository || '/', '/') - 1) AND EXISTS (${sql})
       ON CONFLICT (name) DO NOTHING`,
      named,
    ),
  ];
}

/** Puts off that the repository loses a blob that no manifest names: somebody counts on it, who may push. */
export function renewGrace(
  db: D1Database,
  repository: RepositoryName,
  digest: Digest,
): D1PreparedStatement {
  return prepare(
    db,
    `UPDATE unreferenced_blobs SET since = ${NOW}, counted_on_at = NULL
     WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository) AND digest_id = ${idOf(":digest")}
       AND since < ${NOW}`,
    { repository, digest },
  );
}

/**
 * Renews the grace period for a client that may only pull, but not beyond one grace period after a pusher last renewed
 * it: otherwise anybody's HEADs could keep unused blobs for ever.
 */
export function renewGraceAsReader(
  db: D1Database,
  { repository, digest, grace }: { repository: RepositoryName; digest: Digest; grace: number },
): D1PreparedStatement {
  return prepare(
    db,
    `UPDATE unreferenced_blobs SET since = ${NOW}, counted_on_at = coalesce(counted_on_at, since)
     WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository) AND digest_id = ${idOf(":digest")}
       AND since < ${NOW} AND coalesce(counted_on_at, since) > ${NOW} - :grace`,
    { repository, digest, grace },
  );
}

/** Links blobs to a repository; digests without a blob are skipped. */
export function insertLinks(
  db: D1Database,
  repository: RepositoryName,
  digests: readonly Digest[],
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO repository_blobs (repository_id, digest_id)
     SELECT r.id, b.digest_id FROM repositories r, json_each(:digests) w
     JOIN blobs b ON b.digest_id = ${idOf("w.value")}
     WHERE r.name = :repository
     ON CONFLICT DO NOTHING`,
    { repository, digests: JSON.stringify(digests) },
  );
}

/** Returns the sources as a parameter; NULL stands for all. */
export function sourceList(sources: Sources): string | null {
  return sources === "all" ? null : JSON.stringify(sources);
}

/**
 * SQL that tells whether one of the sources holds the blob. CROSS JOIN fixes the planner's order: it looks up each
 * source, where it would otherwise scan all repositories that hold the blob, which may be thousands.
 * @param digestId SQL of the id of its digest
 */
export function readableFrom(digestId: string, sources: string): string {
  return `CASE WHEN ${sources} IS NULL
    THEN EXISTS (
      SELECT 1 FROM repository_blobs any_link
      CROSS JOIN repositories holder
        ON holder.id = any_link.repository_id AND holder.deleted_at IS NULL
      WHERE any_link.digest_id = ${digestId}
    )
    ELSE EXISTS (
      SELECT 1 FROM json_each(${sources}) source
      CROSS JOIN repositories held_in ON held_in.name = source.value
      CROSS JOIN repository_blobs link ON link.repository_id = held_in.id AND link.digest_id = ${digestId}
    ) END`;
}
