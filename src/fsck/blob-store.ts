import type { Digest } from "../oci/digest.ts";
import type { Initiator } from "../db/audit.ts";
import { idOf } from "../db/digests.ts";
import { sizeOf } from "../db/tag-rows.ts";
import { IS_BLOB } from "../db/manifest-references.ts";
import { NOW } from "../db/clock.ts";
import { allRepositoriesOf, bytesOf, linksOf, repositoriesOf, waitingOf } from "./usage-store.ts";
import { noteManifest, repair } from "./repair-store.ts";

/** A blob or manifest of a repository. */
export interface RepositoryContent {
  readonly repositoryId: number;
  /** The repository's name, for the audit log. */
  readonly repository: string;
  readonly digest: Digest;
}

const UNLINKED = `FROM blobs AS b WHERE b.digest_id = ${idOf(":digest")}
  AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest_id = b.digest_id)
  AND NOT EXISTS (SELECT 1 FROM trashed_blobs k WHERE k.digest_id = b.digest_id)`;

const ID = idOf(":digest");
const NAMED = `EXISTS (
  SELECT 1 FROM manifest_references f WHERE f.repository_id = :repositoryId AND f.digest_id = ${ID})`;
const LINKED = `EXISTS (
  SELECT 1 FROM repository_blobs l WHERE l.repository_id = :repositoryId AND l.digest_id = ${ID})`;
const IS_LISTED = `EXISTS (
  SELECT 1 FROM unreferenced_blobs v WHERE v.repository_id = :repositoryId AND v.digest_id = ${ID})`;

/** The most manifests whose tags get their size anew with a blob's: a statement of D1 may take 30 seconds. */
const MAX_HOLDERS = 10_000;

/**
 * SQL: adds the images' sizes up again, of the tags whose manifest names the blob, itself or by its children: images
 * first, then indexes. It changes nothing where they are right.
 */
const SIZE_TAGS = `UPDATE tags SET size = ${sizeOf("tags.repository_id", "tags.digest")}
  WHERE (repository_id, digest) IN (
    WITH RECURSIVE holders (repository_id, id) AS (
      SELECT f.repository_id, f.manifest_id FROM manifest_references f INDEXED BY manifest_references_by_digest
      WHERE f.digest_id = ${ID}
      UNION
      SELECT f.repository_id, f.manifest_id FROM holders CROSS JOIN manifests c ON c.id = holders.id
      CROSS JOIN manifest_references f INDEXED BY manifest_references_by_digest
        ON f.digest_id = ${idOf("c.digest")} AND f.repository_id = holders.repository_id
      LIMIT ${MAX_HOLDERS})
    SELECT m.repository_id, m.digest FROM holders CROSS JOIN manifests m ON m.id = holders.id)
  AND size <> ${sizeOf("tags.repository_id", "tags.digest")}`;

/** D1: repairs the rows of blobs and the counts of their usage. */
export class BlobRepairStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Marks the blob as missing: clients no longer see it, and a push of it restores it. */
  markMissing(digest: Digest, key: string, initiator: Initiator): Promise<boolean> {
    return this.#mark({ digest, key }, ["NULL", NOW, "blob.lost"], initiator);
  }

  markFound(digest: Digest, key: string, initiator: Initiator): Promise<boolean> {
    return this.#mark({ digest, key }, ["NOT NULL", "NULL", "blob.found"], initiator);
  }

  #mark(
    values: { readonly digest: Digest; readonly key: string },
    [from, to, kind]: readonly [from: string, to: string, kind: string],
    initiator: Initiator,
  ): Promise<boolean> {
    const { digest } = values;
    const which = `WHERE digest_id = ${idOf(":digest")} AND key = :key AND missing_since IS ${from}`;
    const statements = [`UPDATE blobs SET missing_since = ${to} ${which}`];
    const broken = `FROM blobs ${which}`;
    return repair(this.#db, { kind, entry: { digest }, broken, statements, values }, initiator);
  }

  resize(digest: Digest, key: string, size: number, initiator: Initiator): Promise<boolean> {
    const which = `WHERE digest_id = ${idOf(":digest")} AND key = :key AND size <> :size`;
    const change = {
      kind: "blob.size",
      entry: { digest },
      broken: `FROM blobs ${which}`,
      statements: [`UPDATE blobs SET size = :size ${which}`, SIZE_TAGS],
      values: { digest, key, size },
    };
    return repair(this.#db, change, initiator);
  }

  /**
   * Deletes the row of a blob without links, as garbage collection would, and its object later.
   * @param delay in milliseconds
   */
  letGo(digest: Digest, delay: number, initiator: Initiator): Promise<boolean> {
    const change = {
      kind: "blob.unlinked",
      entry: { digest },
      broken: UNLINKED,
      statements: [
        `INSERT INTO object_deletions (key, due_at) SELECT b.key, ${NOW} + :delay ${UNLINKED} ON CONFLICT DO NOTHING`,
        `DELETE ${UNLINKED}`,
      ],
      values: { digest, delay },
    };
    return repair(this.#db, change, initiator);
  }

  /** Cancels the deletion of an object that a row names. */
  cancelDeletion(key: string, initiator: Initiator): Promise<boolean> {
    const which = `FROM object_deletions WHERE key = :key AND (
      EXISTS (SELECT 1 FROM blobs b WHERE b.key = :key)
      OR EXISTS (SELECT 1 FROM manifests m WHERE m.object = :key))`;
    const change = {
      kind: "object.scheduled",
      entry: { reference: key },
      broken: which,
      statements: [`DELETE ${which}`],
      values: { key },
    };
    return repair(this.#db, change, initiator);
  }

  listUnreferenced(content: RepositoryContent, initiator: Initiator): Promise<boolean> {
    const which = `FROM repository_blobs l
      WHERE l.repository_id = :repositoryId AND l.digest_id = ${ID} AND NOT ${NAMED} AND NOT ${IS_LISTED}`;
    const insert = `INSERT INTO unreferenced_blobs (repository_id, digest_id, since)
      SELECT :repositoryId, l.digest_id, ${NOW} ${which}`;
    return this.#hold("unreferenced.missing", content, [which, insert], initiator);
  }

  unlistUnreferenced(content: RepositoryContent, initiator: Initiator): Promise<boolean> {
    const which = `FROM unreferenced_blobs WHERE repository_id = :repositoryId AND digest_id = ${ID} AND ${NAMED}`;
    return this.#hold("unreferenced.wrong", content, [which, `DELETE ${which}`], initiator);
  }

  /** Drops a trashed blob that no manifest names any more, or that the repository links again. */
  untrash(content: RepositoryContent, initiator: Initiator): Promise<boolean> {
    const which = `FROM trashed_blobs
      WHERE repository_id = :repositoryId AND digest_id = ${ID} AND (NOT ${NAMED} OR ${LINKED})`;
    return this.#hold("trashed.unneeded", content, [which, `DELETE ${which}`], initiator);
  }

  /**
   * Links the blobs that a manifest of the repository names. Only a blob that was linked once has such a reference, so
   * nobody gains the right to read another repository's blob.
   */
  link(
    manifest: RepositoryContent,
    blobs: readonly Digest[],
    initiator: Initiator,
  ): Promise<boolean> {
    return this.#give(
      manifest,
      blobs,
      ["repository_blobs", `${NAMED_BLOBS} AND NOT ${IS_LINKED}`],
      initiator,
    );
  }

  /** Restores them as trashed blobs, where only deleted manifests name them. */
  keep(
    manifest: RepositoryContent,
    blobs: readonly Digest[],
    initiator: Initiator,
  ): Promise<boolean> {
    const which = `${NAMED_BLOBS} AND NOT ${IS_LINKED} AND NOT ${IS_TRASHED}`;
    return this.#give(manifest, blobs, ["trashed_blobs", which], initiator);
  }

  #give(
    { repositoryId, repository, digest }: RepositoryContent,
    blobs: readonly Digest[],
    [table, which]: readonly [table: string, which: string],
    initiator: Initiator,
  ): Promise<boolean> {
    const change = {
      kind: "reference.unresolved",
      entry: { repository, digest },
      broken: which,
      statements: [
        noteManifest(which),
        `INSERT INTO ${table} (repository_id, digest_id) SELECT :repositoryId, b.digest_id ${which}`,
      ],
      values: { repositoryId, digest, blobs: JSON.stringify(blobs) },
    };
    return repair(this.#db, change, initiator);
  }

  #hold(
    kind: string,
    { repositoryId, repository, digest }: RepositoryContent,
    [broken, statement]: readonly [string, string],
    initiator: Initiator,
  ): Promise<boolean> {
    const values = { repositoryId, digest };
    const entry = { repository, digest };
    return repair(this.#db, { kind, entry, broken, statements: [statement], values }, initiator);
  }

  /** Counts a blob in its namespace again. */
  countBlob(namespace: string, digest: Digest, initiator: Initiator): Promise<boolean> {
    const links = linksOf("counted");
    const counted = `FROM (SELECT :namespace AS namespace, ${ID} AS digest_id) counted
      LEFT JOIN blobs b ON b.digest_id = counted.digest_id`;
    const change = {
      kind: "usage.blob",
      entry: { namespace, digest },
      broken: `${counted}
        LEFT JOIN namespace_blobs w ON w.namespace = counted.namespace AND w.digest_id = counted.digest_id
        WHERE coalesce(w.links, 0) <> ${links} OR w.size <> b.size`,
      statements: [
        `DELETE FROM namespace_blobs WHERE namespace = :namespace AND digest_id = ${ID}`,
        `INSERT INTO namespace_blobs (namespace, digest_id, size, links)
         SELECT :namespace, b.digest_id, b.size, ${links} ${counted} WHERE b.digest_id IS NOT NULL AND ${links} > 0`,
      ],
      values: { namespace, digest },
    };
    return repair(this.#db, change, initiator);
  }

  /** Computes a namespace's usage again. */
  count(namespace: string, initiator: Initiator): Promise<boolean> {
    const actual = {
      bytes: bytesOf("counted"),
      waiting: waitingOf("counted"),
      repositories: repositoriesOf("counted"),
      all_repositories: allRepositoriesOf("counted"),
    };
    const columns = Object.entries(actual);
    const wrong = columns.map(([column, sum]) => `coalesce(u.${column}, 0) <> ${sum}`);
    const change = {
      kind: "usage.namespace",
      entry: { namespace },
      broken: `FROM (SELECT :namespace AS namespace) counted
        LEFT JOIN namespace_usage u ON u.namespace = counted.namespace
        WHERE ${wrong.join(" OR ")}`,
      statements: [
        `INSERT INTO namespace_usage (namespace) VALUES (:namespace) ON CONFLICT DO NOTHING`,
        `UPDATE namespace_usage AS counted SET ${columns.map(([column, sum]) => `${column} = ${sum}`).join(", ")}
         WHERE counted.namespace = :namespace`,
      ],
      values: { namespace },
    };
    return repair(this.#db, change, initiator);
  }
}

/** SQL: those of :blobs that the manifest names. */
const NAMED_BLOBS = `FROM json_each(:blobs) w CROSS JOIN blobs b ON b.digest_id = ${idOf("w.value")} WHERE EXISTS (
  SELECT 1 FROM manifests m CROSS JOIN manifest_references f
    ON f.repository_id = m.repository_id AND f.manifest_id = m.id AND f.digest_id = b.digest_id AND ${IS_BLOB}
  WHERE m.repository_id = :repositoryId AND m.digest = :digest)`;
const IS_LINKED = `EXISTS (
  SELECT 1 FROM repository_blobs l WHERE l.repository_id = :repositoryId AND l.digest_id = b.digest_id)`;
const IS_TRASHED = `EXISTS (
  SELECT 1 FROM trashed_blobs k WHERE k.repository_id = :repositoryId AND k.digest_id = b.digest_id)`;
