import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName, Sources } from "../oci/reference.ts";

export interface StoredBlob {
  readonly key: string;
  readonly size: number;
}

/** What the trigger `referenced_blob_stays` says. */
const STILL_REFERENCED = /still referenced/;

/** D1: which blobs there are, and which repositories hold them. */
export class BlobIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @returns null unless this very repository holds the blob. */
  find(repository: RepositoryName, digest: Digest): Promise<StoredBlob | null> {
    return this.#db
      .prepare(
        `SELECT b.key, b.size FROM repositories r
         JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = ?2
         JOIN blobs b ON b.digest = l.digest
         WHERE r.name = ?1`,
      )
      .bind(repository, digest)
      .first<StoredBlob>();
  }

  /**
   * Makes stored bytes a blob of the repository.
   * @returns the key under which the blob lives: another than the given one when the blob was there already
   * @throws BLOB_UPLOAD_UNKNOWN when the object is a blob of another digest: the upload has ended as that one
   */
  async add(repository: RepositoryName, digest: Digest, blob: StoredBlob): Promise<string> {
    const now = Date.now();
    const results = await this.#db.batch<{ key: string }>([
      insertRepository(this.#db, repository, now),
      this.#db
        .prepare(
          `INSERT INTO blobs (digest, key, size, created_at) VALUES (?1, ?2, ?3, ?4)
           ON CONFLICT DO NOTHING`,
        )
        .bind(digest, blob.key, blob.size, now),
      insertLinks(this.#db, repository, [digest]),
      this.#db.prepare(`SELECT key FROM blobs WHERE digest = ?1`).bind(digest),
    ]);
    const key = results[3]?.results[0]?.key;
    if (key === undefined) throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
    return key;
  }

  /** Links a blob that one of the sources holds. @returns whether the repository holds it now. */
  async mount(repository: RepositoryName, digest: Digest, sources: Sources): Promise<boolean> {
    const digests = JSON.stringify([digest]);
    const readable = `SELECT 1 FROM json_each(?2) w WHERE ${readableFrom("w.value", "?3")}`;
    const results = await this.#db.batch<{ held: number }>([
      this.#db
        .prepare(
          `INSERT INTO repositories (name, created_at) SELECT ?1, ?4 WHERE EXISTS (${readable})
           ON CONFLICT (name) DO NOTHING`,
        )
        .bind(repository, digests, sourceList(sources), Date.now()),
      this.#db
        .prepare(
          `INSERT INTO repository_blobs (repository_id, digest)
           SELECT r.id, w.value FROM repositories r, json_each(?2) w
           WHERE r.name = ?1 AND ${readableFrom("w.value", "?3")}
           ON CONFLICT DO NOTHING`,
        )
        .bind(repository, digests, sourceList(sources)),
      this.#db
        .prepare(
          `SELECT EXISTS (
             SELECT 1 FROM repositories r
             JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = ?2
             WHERE r.name = ?1
           ) AS held`,
        )
        .bind(repository, digest),
    ]);
    return results[2]?.results[0]?.held === 1;
  }

  /**
   * Takes the blob out of the repository; the bytes stay for whoever else holds them.
   * @returns false when the repository did not hold it
   * @throws REFERENCED while a manifest of the repository names it
   */
  async remove(repository: RepositoryName, digest: Digest): Promise<boolean> {
    try {
      const removed = await this.#db
        .prepare(
          `DELETE FROM repository_blobs
           WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
           RETURNING digest`,
        )
        .bind(repository, digest)
        .first();
      return removed !== null;
    } catch (error) {
      if (!STILL_REFERENCED.test(String(error))) throw error;
      throw new RegistryError("REFERENCED", {
        message: "a manifest of this repository names the blob; delete the manifest first",
        detail: { digest },
        cause: error,
      });
    }
  }

  /** Those of the keys that are a blob's. */
  async keysInUse(keys: readonly string[]): Promise<Set<string>> {
    const { results } = await this.#db
      .prepare(`SELECT key FROM blobs WHERE key IN (SELECT value FROM json_each(?1))`)
      .bind(JSON.stringify(keys))
      .all<{ key: string }>();
    return new Set(results.map(({ key }) => key));
  }
}

export function insertRepository(
  db: D1Database,
  repository: RepositoryName,
  now: number,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO repositories (name, created_at) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING`,
    )
    .bind(repository, now);
}

/** Links blobs to a repository; digests without a blob are passed over. */
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

/** The sources as a parameter: NULL for all. */
export function sourceList(sources: Sources): string | null {
  return sources === "all" ? null : JSON.stringify(sources);
}

/**
 * SQL: does one of the sources hold the blob? CROSS JOIN keeps the planner to this order: it looks up each source, where it
 * would else walk through all that hold the blob, which may be thousands.
 */
export function readableFrom(digest: string, sources: string): string {
  return `CASE WHEN ${sources} IS NULL
    THEN EXISTS (SELECT 1 FROM repository_blobs any_link WHERE any_link.digest = ${digest})
    ELSE EXISTS (
      SELECT 1 FROM json_each(${sources}) source
      CROSS JOIN repositories held_in ON held_in.name = source.value
      CROSS JOIN repository_blobs link ON link.repository_id = held_in.id AND link.digest = ${digest}
    ) END`;
}
