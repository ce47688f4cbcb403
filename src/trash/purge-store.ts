import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { assertion, hasFailed, retry } from "../db/retry.ts";
import { auditChange, auditFound, type Initiator } from "../db/audit.ts";
import { invalidateRepositories } from "../db/revocations.ts";
import { idOf } from "../db/digests.ts";
import { prepare, type Values } from "../db/sql.ts";
import { refuseChange } from "../db/errors.ts";

/** What was purged, and can no longer be restored. */
export interface Purged {
  readonly tags: readonly Tag[];
  /** How many blobs were removed from the repository, because no other manifest in it named them. */
  readonly blobs: number;
  /** How many blobs stay in the repository for other manifests. */
  readonly sharedBlobs: number;
}

const MAX_NAMED = 10;
const REPOSITORY = `(SELECT id FROM repositories WHERE name = :repository)`;
/** SQL for the id of the manifest. */
const MANIFEST = `(SELECT m.id FROM manifests m WHERE m.repository_id = ${REPOSITORY} AND m.digest = :digest)`;
/** SQL for the ids of digests that the manifest names and no other manifest in the repository does. */
const ITS_OWN = `SELECT f.digest_id FROM manifest_references f
  WHERE f.repository_id = ${REPOSITORY} AND f.manifest_id = ${MANIFEST} AND NOT EXISTS (
    SELECT 1 FROM manifest_references o
    WHERE o.repository_id = f.repository_id AND o.digest_id = f.digest_id AND o.manifest_id <> f.manifest_id)`;

/** D1: makes deletions final, also of what was not deleted yet. */
export class PurgeStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Deletes a tag and its history; the manifests stay.
   * @throws NOT_FOUND if the tag does not exist and has no history; IMMUTABLE
   */
  async tag(repository: RepositoryName, tag: Tag, initiator: Initiator): Promise<Purged> {
    const known = {
      sql: `SELECT json_object('digest', (
          SELECT t.digest FROM tags t WHERE t.repository_id = r.id AND t.name = :tag
        )) AS more FROM repositories r WHERE r.name = :repository AND (
        EXISTS (SELECT 1 FROM tags t WHERE t.repository_id = r.id AND t.name = :tag)
        OR EXISTS (SELECT 1 FROM tag_history h WHERE h.repository_id = r.id AND h.tag = :tag))`,
      values: { repository, tag },
    };
    try {
      const [before, , deleted] = await this.#db.batch<{ name: Tag }>([
        prepare(this.#db, known.sql, known.values),
        auditFound(this.#db, initiator, { action: "tag.purge", repository, reference: tag }, known),
        prepare(
          this.#db,
          `DELETE FROM tags WHERE repository_id = ${REPOSITORY} AND name = :tag RETURNING name`,
          { repository, tag },
        ),
        prepare(
          this.#db,
          `DELETE FROM tag_history INDEXED BY tag_history_by_tag
           WHERE repository_id = ${REPOSITORY} AND tag = :tag`,
          { repository, tag },
        ),
      ]);
      if (before?.results.length !== 1) {
        throw new RegistryError("NOT_FOUND", {
          message: `${repository} has no tag ${tag}, and remembers none`,
        });
      }
      return { tags: (deleted?.results ?? []).map(({ name }) => name), blobs: 0, sharedBlobs: 0 };
    } catch (error) {
      return refuseChange(this.#db, repository, error, { sql: "t.name = :tag", values: { tag } });
    }
  }

  /**
   * Purges a manifest, deleted or not, with its tags and the blobs that no other manifest in the repository names.
   * These can no longer be read through the repository, and the next garbage collection deletes those that no other
   * repository holds.
   * @throws NOT_FOUND; REFERENCED while an index names it, even a deleted one; IMMUTABLE while an immutable tag points
   *   to it
   */
  manifest(repository: RepositoryName, digest: Digest, initiator: Initiator): Promise<Purged> {
    return retry(async () => {
      const done = await this.#removeManifest(repository, digest, initiator);
      if (done !== "named") return done;
      const namers = await this.#namersOf(repository, digest);
      if (namers.length === 0) return null;
      throw new RegistryError("REFERENCED", {
        message: `${digest} is named by ${namers.join(", ")}; purge that first, as it could be restored with it`,
        detail: namers.map((namer) => ({ digest: namer })),
      });
    });
  }

  async #removeManifest(
    repository: RepositoryName,
    digest: Digest,
    initiator: Initiator,
  ): Promise<Purged | "named"> {
    const results = await this.#db
      .batch<{ name: Tag; shared: number }>(this.#removal(repository, digest, initiator))
      .catch((error: unknown) => {
        if (hasFailed(error)) return "named" as const;
        const tags = { sql: "t.digest = :digest", values: { digest } };
        return refuseChange(this.#db, repository, error, tags);
      });
    if (results === "named") return results;
    if (results.at(-1)?.results.length !== 1) {
      throw new RegistryError("NOT_FOUND", {
        message: `${repository} has no manifest ${digest}, and keeps none that was deleted`,
      });
    }
    const [, , tags = [], , , blobs = [], counts = []] = results.map((result) => result.results);
    return {
      tags: tags.map(({ name }) => name),
      blobs: blobs.length,
      sharedBlobs: counts[0]?.shared ?? 0,
    };
  }

  #removal(
    repository: RepositoryName,
    digest: Digest,
    initiator: Initiator,
  ): D1PreparedStatement[] {
    const values = { repository, digest };
    const run = (sql: string, others: Values = {}) =>
      prepare(this.#db, sql, { ...values, ...others });
    const named = {
      sql: `SELECT 1 FROM repositories r
        JOIN manifest_references f ON f.repository_id = r.id AND f.digest_id = ${idOf(":digest")}
        WHERE r.name = :repository`,
      values,
    };
    const there = {
      sql: `SELECT 1 FROM repositories r
        JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest WHERE r.name = :repository`,
      values,
    };
    return [
      assertion(this.#db, named, "no row"),
      auditChange(this.#db, initiator, { action: "manifest.purge", repository, digest }, there),
      run(
        `DELETE FROM tags WHERE repository_id = ${REPOSITORY} AND digest = :digest RETURNING name`,
      ),
      run(`DELETE FROM tag_history INDEXED BY tag_history_by_digest
        WHERE repository_id = ${REPOSITORY} AND digest = :digest AND EXISTS (
        SELECT 1 FROM manifests m
        WHERE m.repository_id = tag_history.repository_id AND m.digest = :digest)`),
      // A trigger refuses to remove blobs that a visible manifest names, so this one is soft-deleted first.
      run(
        `UPDATE manifests SET deleted_at = :now, deleted_by = :actor
         WHERE repository_id = ${REPOSITORY} AND digest = :digest AND deleted_at IS NULL`,
        { now: Date.now(), actor: initiator.actor },
      ),
      run(`DELETE FROM repository_blobs
        WHERE repository_id = ${REPOSITORY} AND digest_id IN (${ITS_OWN}) RETURNING digest_id`),
      run(`SELECT count(*) AS shared FROM manifest_references f
        JOIN repository_blobs l ON l.repository_id = f.repository_id AND l.digest_id = f.digest_id
        WHERE f.repository_id = ${REPOSITORY} AND f.manifest_id = ${MANIFEST}`),
      run(
        `DELETE FROM manifest_references WHERE repository_id = ${REPOSITORY} AND manifest_id = ${MANIFEST}`,
      ),
      // The whole repository's cached entries are invalidated, since the digests of the removed blobs are not known
      // here.
      invalidateRepositories(this.#db, {
        sql: `r.name = :repository AND EXISTS (
          SELECT 1 FROM manifests m WHERE m.repository_id = r.id AND m.digest = :digest)`,
        values,
      }),
      run(
        `DELETE FROM manifests WHERE repository_id = ${REPOSITORY} AND digest = :digest RETURNING digest`,
      ),
    ];
  }

  /** Returns the first of the indexes that name the manifest. */
  async #namersOf(repository: RepositoryName, digest: Digest): Promise<Digest[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT p.digest FROM manifest_references f INDEXED BY manifest_references_by_digest
       CROSS JOIN manifests p ON p.id = f.manifest_id
       WHERE f.repository_id = ${REPOSITORY} AND f.digest_id = ${idOf(":digest")} LIMIT ${MAX_NAMED}`,
      { repository, digest },
    ).all<{ digest: Digest }>();
    return results.map((namer) => namer.digest);
  }
}
