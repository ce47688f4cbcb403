import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Sources } from "../oci/reference.ts";
import { auditChange, type Condition, type Initiator } from "./audit.ts";
import { NOW } from "./clock.ts";

/** The statements that every push needs: they create the repository and link its blobs. */

/**
 * Creates the repository and its namespace, if they do not exist.
 * @param condition SQL that must return a row; its parameters begin at ?2
 */
export function insertRepository(
  db: D1Database,
  repository: RepositoryName,
  initiator: Initiator,
  condition: Condition = { sql: "SELECT 1", parameters: [] },
): D1PreparedStatement[] {
  const { sql, parameters } = condition;
  const now = Date.now();
  const time = `?${parameters.length + 2}`;
  const absent = {
    sql: `SELECT 1 WHERE EXISTS (${sql}) AND NOT EXISTS (SELECT 1 FROM repositories WHERE name = ${time})`,
    parameters: [...parameters, repository],
  };
  return [
    auditChange(
      db,
      initiator,
      { action: "repository.create", repository, detail: "by a push" },
      absent,
    ),
    db
      .prepare(
        `INSERT INTO namespaces (name, created_at)
         SELECT substr(?1, 1, instr(?1 || '/', '/') - 1), ${time} WHERE EXISTS (${sql})
         ON CONFLICT (name) DO NOTHING`,
      )
      .bind(repository, ...parameters, now),
    db
      .prepare(
        `INSERT INTO repositories (name, visibility, created_at)
         SELECT ?1, visibility, ${time} FROM namespaces
         WHERE name = substr(?1, 1, instr(?1 || '/', '/') - 1) AND EXISTS (${sql})
         ON CONFLICT (name) DO NOTHING`,
      )
      .bind(repository, ...parameters, now),
  ];
}

/** Puts off that the repository loses a blob that no manifest names: somebody counts on it, who may push. */
export function renewGrace(
  db: D1Database,
  repository: RepositoryName,
  digest: Digest,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE unreferenced_blobs SET since = ${NOW}, counted_on_at = NULL
       WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
         AND since < ${NOW}`,
    )
    .bind(repository, digest);
}

/**
 * Renews the grace period for a client that may only pull, but not beyond one grace period after a pusher last renewed
 * it: otherwise anybody's HEADs could keep unused blobs for ever.
 */
export function renewGraceAsReader(
  db: D1Database,
  { repository, digest, grace }: { repository: RepositoryName; digest: Digest; grace: number },
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE unreferenced_blobs SET since = ${NOW}, counted_on_at = coalesce(counted_on_at, since)
       WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
         AND since < ${NOW} AND coalesce(counted_on_at, since) > ${NOW} - ?3`,
    )
    .bind(repository, digest, grace);
}

/** Links blobs to a repository; digests without a blob are skipped. */
export function insertLinks(
  db: D1Database,
  repository: RepositoryName,
  digests: readonly Digest[],
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO repository_blobs (repository_id, digest)
       SELECT r.id, b.digest FROM repositories r, json_each(?2) w
       JOIN blobs b ON b.digest = w.value
       WHERE r.name = ?1
       ON CONFLICT DO NOTHING`,
    )
    .bind(repository, JSON.stringify(digests));
}

/** Returns the sources as a parameter; NULL stands for all. */
export function sourceList(sources: Sources): string | null {
  return sources === "all" ? null : JSON.stringify(sources);
}

/**
 * SQL that tells whether one of the sources holds the blob. CROSS JOIN fixes the planner's order: it looks up each
 * source, where it would otherwise scan all repositories that hold the blob, which may be thousands.
 */
export function readableFrom(digest: string, sources: string): string {
  return `CASE WHEN ${sources} IS NULL
    THEN EXISTS (
      SELECT 1 FROM repository_blobs any_link
      CROSS JOIN repositories holder
        ON holder.id = any_link.repository_id AND holder.deleted_at IS NULL
      WHERE any_link.digest = ${digest}
    )
    ELSE EXISTS (
      SELECT 1 FROM json_each(${sources}) source
      CROSS JOIN repositories held_in ON held_in.name = source.value
      CROSS JOIN repository_blobs link ON link.repository_id = held_in.id AND link.digest = ${digest}
    ) END`;
}
