import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName, Sources } from "../oci/reference.ts";
import { auditChange, type Condition, type Origin } from "./audit-index.ts";

export interface StoredBlob {
  readonly key: string;
  readonly size: number;
}

/** What becomes of a push to a repository that is not there: it makes the repository, or changes nothing at all. */
export type Absent = "make" | "refuse";

/** What the trigger `referenced_blob_stays` says. */
const STILL_REFERENCED = /still referenced/;

/** D1: which blobs there are, and which repositories hold them. */
export class BlobIndex {
  readonly #db: D1Database;
  readonly #absent: Absent;

  constructor(db: D1Database, absent: Absent) {
    this.#db = db;
    this.#absent = absent;
  }

  /** @returns null unless this very repository holds the blob. */
  find(repository: RepositoryName, digest: Digest): Promise<StoredBlob | null> {
    return this.#select(repository, digest).first<StoredBlob>();
  }

  #select(repository: RepositoryName, digest: Digest): D1PreparedStatement {
    return this.#db
      .prepare(
        `SELECT b.key, b.size FROM repositories r
         JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = ?2
         JOIN blobs b ON b.digest = l.digest
         WHERE r.name = ?1`,
      )
      .bind(repository, digest);
  }

  /**
   * Makes stored bytes a blob of the repository.
   * @returns the key under which the blob lives: another than the given one when the blob was there already
   * @throws BLOB_UPLOAD_UNKNOWN when the object is a blob of another digest: the upload has ended as that one; or when the
   *   repository was deleted meanwhile, and pushes make none
   */
  async add(
    repository: RepositoryName,
    digest: Digest,
    blob: StoredBlob,
    origin: Origin,
  ): Promise<string> {
    const deed = { action: "blob.push", repository, digest };
    const held = {
      sql: `SELECT 1 FROM repositories r
        JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = ?3 WHERE r.name = ?2`,
      parameters: [repository, digest],
    };
    const results = await this.#db.batch<StoredBlob>([
      ...(this.#absent === "make" ? insertRepository(this.#db, repository, origin) : []),
      this.#db
        .prepare(
          `INSERT INTO blobs (digest, key, size, created_at)
           SELECT ?2, ?3, ?4, ?5 FROM repositories WHERE name = ?1
           ON CONFLICT DO NOTHING`,
        )
        .bind(repository, digest, blob.key, blob.size, Date.now()),
      insertLinks(this.#db, repository, [digest]),
      // Only now it is known: the object may be a blob of another digest.
      auditChange(this.#db, origin, deed, held),
      // Through the link: what is stored, but not in the repository, was not pushed to it.
      this.#select(repository, digest),
    ]);
    const key = results.at(-1)?.results[0]?.key;
    if (key === undefined) throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
    return key;
  }

  /** Links a blob that one of the sources holds. @returns whether the repository holds it now. */
  async mount(
    repository: RepositoryName,
    digest: Digest,
    sources: Sources,
    origin: Origin,
  ): Promise<boolean> {
    const digests = JSON.stringify([digest]);
    const list = sourceList(sources);
    const readable = {
      sql: `SELECT 1 FROM json_each(?2) w WHERE ${readableFrom("w.value", "?3")}`,
      parameters: [digests, list],
    };
    const linkedAnew = {
      sql: `${readable.sql} AND EXISTS (SELECT 1 FROM repositories WHERE name = ?4) AND NOT EXISTS (
        SELECT 1 FROM repositories r
        JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = w.value WHERE r.name = ?4)`,
      parameters: [...readable.parameters, repository],
    };
    const results = await this.#db.batch<{ held: number }>([
      ...(this.#absent === "make" ? insertRepository(this.#db, repository, origin, readable) : []),
      auditChange(this.#db, origin, { action: "blob.mount", repository, digest }, linkedAnew),
      this.#db
        .prepare(
          `INSERT INTO repository_blobs (repository_id, digest)
           SELECT r.id, w.value FROM repositories r, json_each(?2) w
           WHERE r.name = ?1 AND ${readableFrom("w.value", "?3")}
           ON CONFLICT DO NOTHING`,
        )
        .bind(repository, digests, list),
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
    return results.at(-1)?.results[0]?.held === 1;
  }

  /**
   * Takes the blob out of the repository; the bytes stay for whoever else holds them.
   * @returns false when the repository did not hold it
   * @throws REFERENCED while a manifest of the repository names it
   */
  async remove(repository: RepositoryName, digest: Digest, origin: Origin): Promise<boolean> {
    const held = {
      sql: `SELECT 1 FROM repositories r
        JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = ?3 WHERE r.name = ?2`,
      parameters: [repository, digest],
    };
    try {
      const results = await this.#db.batch([
        auditChange(this.#db, origin, { action: "blob.delete", repository, digest }, held),
        this.#db
          .prepare(
            `DELETE FROM repository_blobs
             WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
             RETURNING digest`,
          )
          .bind(repository, digest),
      ]);
      return results[1]?.results.length === 1;
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

/**
 * The repository and its namespace, where they are not there yet.
 * @param condition SQL that must give a row; its parameters begin at ?2
 */
export function insertRepository(
  db: D1Database,
  repository: RepositoryName,
  origin: Origin,
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
      origin,
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

/** For the audit of a push: one to a repository that is not there changes nothing. */
export function repositoryThere(repository: RepositoryName): Condition {
  return { sql: `SELECT 1 FROM repositories WHERE name = ?2`, parameters: [repository] };
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
