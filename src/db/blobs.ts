import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName, type Sources } from "../oci/reference.ts";
import { auditChange, type Initiator } from "./audit.ts";
import { NOW } from "./clock.ts";
import { insertDigests } from "./digest-rows.ts";
import { idOf } from "./digests.ts";
import { forgetObjects } from "./object-deletions.ts";
import { IMPORT_JOB } from "./jobs.ts";
import {
  insertLinks,
  insertRepository,
  readableFrom,
  sourceList,
  renewGrace,
  renewGraceAsReader,
} from "./links.ts";
import { isStillReferenced, refuseChange } from "./errors.ts";
import { type Fragment, merge, prepare } from "./sql.ts";
import { forgetUpload } from "./unfinished-uploads.ts";

export interface StoredBlob {
  readonly key: string;
  readonly size: number;
}

export interface NewBlob extends StoredBlob {
  /** The name of the upload that brought the bytes. They may be counted as unfinished until they are a blob. */
  readonly upload?: string;
  /** The event to record. A push has none: its manifest's event says what it brought. */
  readonly event?: "blob.link";
}

/** What a push to a missing repository does: it creates the repository, or changes nothing. */
export type Absent = "make" | "refuse";

/** SQL: the object :key is to be deleted, or has been. */
const GIVEN_UP = `SELECT 1 FROM object_deletions WHERE key = :key
  UNION ALL SELECT 1 FROM deleted_keys WHERE key = :key`;

/** D1: which blobs there are, and which repositories hold them. */
export class BlobStore {
  readonly #db: D1Database;
  readonly #absent: Absent;

  constructor(db: D1Database, absent: Absent) {
    this.#db = db;
    this.#absent = absent;
  }

  /**
   * Finds the blob and renews its grace period: a client that is told of the blob may name it in a manifest later.
   * @returns null unless this repository holds the blob
   */
  async confirm(repository: RepositoryName, digest: Digest): Promise<StoredBlob | null> {
    const [, found] = await this.#db.batch<StoredBlob>([
      renewGrace(this.#db, repository, digest),
      this.#select(repository, digest),
    ]);
    return found?.results[0] ?? null;
  }

  /**
   * Finds the blob for a client that may only pull, or whose token says no more: a client may ask with one token and
   * push with another. A blob whose grace period can no longer be renewed is reported as missing, so that the client
   * uploads it again.
   * @param grace how long a blob stays that no manifest names, in milliseconds
   */
  async confirmAsReader(
    repository: RepositoryName,
    digest: Digest,
    grace: number,
  ): Promise<StoredBlob | null> {
    const [, found] = await this.#db.batch<StoredBlob>([
      renewGraceAsReader(this.#db, { repository, digest, grace }),
      prepare(
        this.#db,
        `SELECT b.key, b.size FROM repositories r
         JOIN repository_blobs l ON l.repository_id = r.id AND l.digest_id = ${idOf(":digest")}
         JOIN blobs b ON b.digest_id = l.digest_id AND b.missing_since IS NULL
         WHERE r.name = :repository AND NOT EXISTS (
           SELECT 1 FROM unreferenced_blobs v WHERE v.repository_id = r.id AND v.digest_id = l.digest_id
             AND coalesce(v.counted_on_at, v.since) <= ${NOW} - :grace)`,
        { repository, digest, grace },
      ),
    ]);
    return found?.results[0] ?? null;
  }

  #select(repository: RepositoryName, digest: Digest): D1PreparedStatement {
    return prepare(
      this.#db,
      `SELECT b.key, b.size FROM repositories r
       JOIN repository_blobs l ON l.repository_id = r.id AND l.digest_id = ${idOf(":digest")}
       JOIN blobs b ON b.digest_id = l.digest_id AND b.missing_since IS NULL
       WHERE r.name = :repository`,
      { repository, digest },
    );
  }

  /**
   * Makes stored bytes a blob of the repository.
   * @returns the key of the blob's object: not the given one if the blob already existed and its bytes were not missing
   * @throws BLOB_UPLOAD_UNKNOWN if the object is a blob of another digest (the upload has ended as that one), if it was
   *   a blob that has been deleted since, or if the repository was deleted meanwhile and pushes create none;
   *   QUOTA_EXCEEDED, after which nothing names the object, and the caller deletes it
   */
  async add(
    repository: RepositoryName,
    digest: Digest,
    blob: NewBlob,
    initiator: Initiator,
  ): Promise<string> {
    const { upload, event } = blob;
    // Without this the push fails, and a failed push must not create a repository.
    const possible = {
      sql: `SELECT 1 WHERE EXISTS (SELECT 1 FROM blobs WHERE digest_id = ${idOf(":digest")}) OR NOT EXISTS (
        SELECT 1 FROM blobs WHERE key = :key UNION ALL ${GIVEN_UP})`,
      values: { digest, key: blob.key },
    };
    // What the object may become: it is not given up, and no blob of another digest.
    const free = {
      sql: `SELECT 1 FROM repositories
        WHERE name = :repository AND NOT EXISTS (${GIVEN_UP}) AND NOT EXISTS (SELECT 1 FROM blobs WHERE key = :key)`,
      values: { repository, key: blob.key },
    };
    const statements = [
      ...(upload === undefined ? [] : [forgetUpload(this.#db, upload)]),
      ...(this.#absent === "make"
        ? insertRepository(this.#db, repository, initiator, possible)
        : []),
      insertDigests(this.#db, [digest], free),
      prepare(
        this.#db,
        `INSERT INTO blobs (digest_id, key, size, created_at)
         SELECT ${idOf(":digest")}, :key, :size, :now WHERE EXISTS (${free.sql})
         ON CONFLICT (digest_id) DO UPDATE SET key = excluded.key, size = excluded.size, missing_since = NULL
         WHERE missing_since IS NOT NULL`,
        merge(free.values, { digest, size: blob.size, now: Date.now() }),
      ),
      insertLinks(this.#db, repository, [digest]),
      renewGrace(this.#db, repository, digest),
      // Only now it is known: the object may be a blob of another digest.
      ...(event === undefined
        ? []
        : [
            auditChange(
              this.#db,
              initiator,
              { action: event, repository, digest },
              linked(repository, digest),
            ),
          ]),
      // Through the link: what is stored, but not in the repository, was not pushed to it.
      this.#select(repository, digest),
    ];
    try {
      const results = await this.#db.batch<StoredBlob>(statements);
      const key = results.at(-1)?.results[0]?.key;
      if (key === undefined) throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
      return key;
    } catch (error) {
      return refuseChange(this.#db, repository, error);
    }
  }

  /**
   * Schedules the deletion of an object that belongs to no blob; it can never become one. Until it is deleted, it
   * counts as waiting for deletion.
   * @returns false if the object belongs to a blob or already waits for deletion: the caller must not delete it
   */
  async discard(repository: RepositoryName, { key, size }: StoredBlob): Promise<boolean> {
    const { results } = await prepare(
      this.#db,
      `INSERT INTO object_deletions (key, due_at, namespace, size)
       SELECT :key, ${NOW}, :namespace, :size WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE key = :key)
       ON CONFLICT DO NOTHING RETURNING key`,
      { key, namespace: namespaceOf(repository), size },
    ).all();
    return results.length === 1;
  }

  /** Records that a discarded object has been deleted. */
  async forget(key: string): Promise<void> {
    await this.#db.batch(forgetObjects(this.#db, [key]));
  }

  /**
   * Links a blob that one of the sources holds to the repository.
   * @returns whether the repository holds the blob now
   */
  async mount(
    repository: RepositoryName,
    digest: Digest,
    sources: Sources,
    initiator: Initiator,
  ): Promise<boolean> {
    const isReadable = `d.hash = unhex(substr(:digest, 8)) AND ${readableFrom("d.id", ":sources")}
      AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest_id = d.id AND b.missing_since IS NOT NULL)`;
    const readable = {
      sql: `SELECT 1 FROM digests d WHERE ${isReadable}`,
      values: { digest, sources: sourceList(sources) },
    };
    const statements = [
      ...(this.#absent === "make"
        ? insertRepository(this.#db, repository, initiator, readable)
        : []),
      prepare(
        this.#db,
        `INSERT INTO repository_blobs (repository_id, digest_id)
         SELECT r.id, d.id FROM repositories r, digests d
         WHERE r.name = :repository AND ${isReadable}
         ON CONFLICT DO NOTHING`,
        merge(readable.values, { repository }),
      ),
      renewGrace(this.#db, repository, digest),
      prepare(
        this.#db,
        `SELECT EXISTS (
           SELECT 1 FROM repositories r
           JOIN repository_blobs l ON l.repository_id = r.id AND l.digest_id = ${idOf(":digest")}
           JOIN blobs b ON b.digest_id = l.digest_id AND b.missing_since IS NULL
           WHERE r.name = :repository
         ) AS linked`,
        { repository, digest },
      ),
    ];
    try {
      const results = await this.#db.batch<{ linked: number }>(statements);
      return results.at(-1)?.results[0]?.linked === 1;
    } catch (error) {
      return refuseChange(this.#db, repository, error);
    }
  }

  /**
   * Removes the blob from the repository. The bytes stay while another repository holds the blob.
   * @returns false if the repository did not hold it
   * @throws REFERENCED while a manifest of the repository names it
   */
  async remove(repository: RepositoryName, digest: Digest, initiator: Initiator): Promise<boolean> {
    const there = linked(repository, digest);
    try {
      const results = await this.#db.batch([
        auditChange(this.#db, initiator, { action: "blob.delete", repository, digest }, there),
        prepare(
          this.#db,
          `DELETE FROM repository_blobs
           WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository)
             AND digest_id = ${idOf(":digest")}
           RETURNING digest_id`,
          { repository, digest },
        ),
      ]);
      return results[1]?.results.length === 1;
    } catch (error) {
      if (!isStillReferenced(error)) throw error;
      throw new RegistryError("REFERENCED", {
        message: "a manifest of this repository names the blob; delete the manifest first",
        detail: { digest },
        cause: error,
      });
    }
  }

  /**
   * Returns those of the keys that belong to no blob.
   * @returns null if the database cannot tell, because it is empty (as after its loss) or still being imported
   */
  async unusedKeys(keys: readonly string[]): Promise<string[] | null> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS key, EXISTS (SELECT 1 FROM blobs b WHERE b.key = w.value) AS used,
         (SELECT max(id) FROM repositories) IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM jobs WHERE name = :job AND state ->> 'phase' <> 'done') AS known
       FROM json_each(:keys) w`,
      { keys: JSON.stringify(keys), job: IMPORT_JOB },
    ).all<{ key: string; used: number; known: number }>();
    if (results.some(({ known }) => known === 0)) return null;
    return results.filter(({ used }) => used === 0).map(({ key }) => key);
  }
}

/** The condition that the repository holds the blob. */
function linked(repository: RepositoryName, digest: Digest): Fragment {
  return {
    sql: `SELECT 1 FROM repositories r
      JOIN repository_blobs l ON l.repository_id = r.id AND l.digest_id = ${idOf(":digest")} WHERE r.name = :repository`,
    values: { repository, digest },
  };
}
