import type { Digest } from "../oci/digest.ts";
import type {
  BlobRow,
  TrashedRow,
  LinkRow,
  ManifestKey,
  ManifestRow,
  Place,
  ReferenceRow,
  TagRow,
  Target,
  Unexplained,
  UsageRow,
  CountRow,
} from "./row.ts";
import { allRepositoriesOf, bytesOf, linksOf, repositoriesOf, waitingOf } from "./usage-store.ts";
import { IMPORT_JOB } from "../db/jobs.ts";
import { digestOf, idOf } from "../db/digests.ts";
import { IS_BLOB, IS_MANIFEST, kindOf } from "../db/manifest-references.ts";
import { STORED_TEXT } from "../db/manifest-text.ts";
import { type Fragment, merge, prepare, type Values } from "../db/sql.ts";
import { STAGED } from "../db/manifest-rows.ts";

/** SQL over `repositories r`: the name, for a deleted one its former name. */
const NAME = `coalesce(r.former_name, r.name) AS repository`;

/** SQL: the namespaces after :name that are counted, or should be. */
const COUNTED = `SELECT name AS namespace FROM namespaces WHERE name > :name
  UNION SELECT namespace FROM namespace_usage WHERE namespace > :name ORDER BY 1`;

/** SQL over `repository_blobs l` or `trashed_blobs l`. */
const NAMED = `EXISTS (
  SELECT 1 FROM manifest_references f
  WHERE f.repository_id = l.repository_id AND f.digest_id = l.digest_id) AS named`;

/** SQL: the id and the digest of a row; a digest that is missing, which foreign keys forbid, is called by its id. */
function digestIn(row: string): string {
  const id = `${row}.digest_id`;
  return `${id} AS digestId, coalesce(${digestOf(id)}, 'the digest ' || ${id}) AS digest`;
}

/** D1: the rows to compare. One statement reads each page, so it shows one moment, whatever changes meanwhile. */
export class FsckStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Returns the highest id of a blob's digest. */
  async lastBlob(): Promise<number> {
    const [row] = await this.#all<{ readonly id: number }>(
      `SELECT coalesce(max(digest_id), 0) AS id FROM blobs`,
      {},
    );
    return row?.id ?? 0;
  }

  /** @param place by its name: the digest's id, and the last id of the pass, with a blank between */
  blobs({ name }: Place, limit: number): Promise<BlobRow[]> {
    const [id = "", last = "0"] = name.split(" ");
    return this.#all(
      `SELECT ${digestIn("b")}, b.key, b.size, b.missing_since IS NOT NULL AS lost,
         EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest_id = b.digest_id)
           OR EXISTS (SELECT 1 FROM trashed_blobs k WHERE k.digest_id = b.digest_id) AS inUse,
         EXISTS (SELECT 1 FROM object_deletions d WHERE d.key = b.key) AS scheduled
       FROM blobs b WHERE b.digest_id > :id AND b.digest_id <= :last ORDER BY b.digest_id LIMIT :limit`,
      { id: idIn(id), last: idIn(last), limit },
    );
  }

  /** Reads the keys of a page of manifests, whose bytes may be too many to be read at once. */
  manifestKeys({ repository, name }: Place, limit: number): Promise<ManifestKey[]> {
    return this.#all(
      `SELECT repository_id AS repositoryId, digest, size FROM manifests
       WHERE (repository_id, digest) > (:repository, :name) ORDER BY repository_id, digest LIMIT :limit`,
      { repository, name, limit },
    );
  }

  /** Reads those that exist, except in repositories that are being emptied, and manifests that are being written. */
  async manifests(keys: readonly ManifestKey[]): Promise<ManifestRow[]> {
    const rows = await this.#all<ManifestRow & { readonly references: string }>(
      `SELECT m.repository_id AS repositoryId, ${NAME}, m.digest, m.media_type AS mediaType, m.size,
         ${STORED_TEXT}, m.object, m.subject, m.artifact_type AS artifactType,
         m.deleted_at IS NOT NULL AS deleted, m.missing_since IS NOT NULL AS lost,
         EXISTS (SELECT 1 FROM object_deletions d WHERE d.key = m.object) AS scheduled,
         (SELECT json_group_array(json_array(d.digest, f.kind, ${TARGET}))
          FROM manifest_references f CROSS JOIN digests d ON d.id = f.digest_id
          WHERE f.repository_id = m.repository_id AND f.manifest_id = m.id
         ) AS "references"
       FROM json_each(:keys) w
       CROSS JOIN manifests m ON m.repository_id = w.value ->> 0 AND m.digest = w.value ->> 1
         AND m.deleted_at IS NOT ${STAGED}
       CROSS JOIN repositories r ON r.id = m.repository_id AND r.deleted_at IS NOT 0`,
      { keys: JSON.stringify(keys.map(({ repositoryId, digest }) => [repositoryId, digest])) },
    );
    return rows.map((row) => ({ ...row, references: parseReferences(row.references) }));
  }

  tags({ repository, name }: Place, limit: number): Promise<TagRow[]> {
    return this.#all(
      `SELECT t.repository_id AS repositoryId, ${NAME}, t.name, t.digest,
         CASE WHEN m.digest IS NULL THEN 'nothing' WHEN m.deleted_at IS NULL THEN 'live' ELSE 'deleted' END AS target
       FROM tags t CROSS JOIN repositories r ON r.id = t.repository_id
       LEFT JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
       WHERE (t.repository_id, t.name) > (:repository, :name) ORDER BY t.repository_id, t.name LIMIT :limit`,
      { repository, name, limit },
    );
  }

  links({ repository, name }: Place, limit: number): Promise<LinkRow[]> {
    return this.#all(
      `SELECT l.repository_id AS repositoryId, ${NAME}, r.namespace, ${digestIn("l")}, b.digest_id IS NOT NULL AS stored, ${NAMED},
         EXISTS (SELECT 1 FROM unreferenced_blobs v WHERE v.repository_id = l.repository_id AND v.digest_id = l.digest_id) AS listed,
         EXISTS (SELECT 1 FROM namespace_blobs n WHERE n.namespace = r.namespace AND n.digest_id = l.digest_id) AS counted
       FROM repository_blobs l CROSS JOIN repositories r ON r.id = l.repository_id
       LEFT JOIN blobs b ON b.digest_id = l.digest_id
       WHERE (l.repository_id, l.digest_id) > (:repository, :id) ORDER BY l.repository_id, l.digest_id LIMIT :limit`,
      { repository, id: idIn(name), limit },
    );
  }

  trashed({ repository, name }: Place, limit: number): Promise<TrashedRow[]> {
    return this.#all(
      `SELECT l.repository_id AS repositoryId, ${NAME}, ${digestIn("l")}, b.digest_id IS NOT NULL AS stored, ${NAMED},
         EXISTS (SELECT 1 FROM repository_blobs x WHERE x.repository_id = l.repository_id AND x.digest_id = l.digest_id) AS linked
       FROM trashed_blobs l CROSS JOIN repositories r ON r.id = l.repository_id
       LEFT JOIN blobs b ON b.digest_id = l.digest_id
       WHERE (l.repository_id, l.digest_id) > (:repository, :id) ORDER BY l.repository_id, l.digest_id LIMIT :limit`,
      { repository, id: idIn(name), limit },
    );
  }

  /** @param place by its name: the namespace and the digest's id, with a blank between */
  counts({ name }: Place, limit: number): Promise<CountRow[]> {
    const [namespace = "", digestId = "0"] = name.split(" ");
    return this.#all(
      `SELECT n.namespace, ${digestIn("n")}, n.size, n.links, b.size AS actualSize, ${linksOf("n")} AS actualLinks
       FROM namespace_blobs n LEFT JOIN blobs b ON b.digest_id = n.digest_id
       WHERE (n.namespace, n.digest_id) > (:namespace, :digestId) ORDER BY n.namespace, n.digest_id LIMIT :limit`,
      { namespace, digestId: idIn(digestId), limit },
    );
  }

  usages({ name }: Place, limit: number): Promise<UsageRow[]> {
    return this.#all(
      `SELECT counted.namespace, u.bytes, u.repositories, u.waiting, u.all_repositories AS allRepositories,
         ${bytesOf("counted")} AS actualBytes, ${repositoriesOf("counted")} AS actualRepositories,
         ${waitingOf("counted")} AS actualWaiting, ${allRepositoriesOf("counted")} AS actualAllRepositories
       FROM (${COUNTED} LIMIT :limit) counted LEFT JOIN namespace_usage u ON u.namespace = counted.namespace ORDER BY counted.namespace`,
      { name, limit },
    );
  }

  /** Returns those of the keys that no row names, and that do not wait for deletion. */
  async unexplained(keys: readonly string[]): Promise<readonly string[]> {
    return (await this.orphans(keys)).keys;
  }

  /** Returns the same keys, and whether the index is empty, so that no row could name them. */
  async orphans(keys: readonly string[]): Promise<Unexplained> {
    const rows = await this.#all<{ key: string; empty: number }>(
      `SELECT w.value AS key, (SELECT max(id) FROM repositories) IS NULL AS empty FROM json_each(:keys) w
       WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.key = w.value)
         AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.object = w.value)
         AND NOT EXISTS (SELECT 1 FROM object_deletions d WHERE d.key = w.value)`,
      { keys: JSON.stringify(keys) },
    );
    return { keys: rows.map(({ key }) => key), isEmpty: rows.some(({ empty }) => empty === 1) };
  }

  /** Returns whether an import is running: until its end the index is not complete. */
  async isImporting(): Promise<boolean> {
    const rows = await this.#all(
      `SELECT 1 FROM jobs WHERE name = :job AND coalesce(state ->> 'phase', 'done') <> 'done'`,
      { job: IMPORT_JOB },
    );
    return rows.length === 1;
  }

  /** Returns the first counted namespace after a name; null at the end. */
  async namespaceAfter(name: string): Promise<string | null> {
    const [row] = await this.#all<{ namespace: string | null }>(
      `SELECT min(namespace) AS namespace FROM (${COUNTED} LIMIT 1)`,
      { name },
    );
    return row?.namespace ?? null;
  }

  /** Returns whether the blob still has this object. */
  async isBlob(digest: Digest, key: string): Promise<boolean> {
    const rows = await this.#all(
      `SELECT 1 FROM blobs WHERE digest_id = ${idOf(":digest")} AND key = :key`,
      { digest, key },
    );
    return rows.length === 1;
  }

  /**
   * Lists what cannot be pulled without a blob: `repository:tag`, or `repository@digest` for a manifest without a tag.
   */
  needing(digest: Digest, limit: number): Promise<string[]> {
    const sql = `SELECT f.repository_id, f.manifest_id FROM repository_blobs l
      CROSS JOIN manifest_references f ON f.repository_id = l.repository_id AND f.digest_id = l.digest_id
      WHERE l.digest_id = ${idOf(":digest")}`;
    return this.#affected({ sql, values: { digest } }, limit);
  }

  /** Lists what cannot be pulled without a manifest of a repository. */
  needingManifest({ repositoryId, digest }: ManifestKey, limit: number): Promise<string[]> {
    const sql = `SELECT repository_id, id FROM manifests WHERE repository_id = :repositoryId AND digest = :digest`;
    return this.#affected({ sql, values: { repositoryId, digest } }, limit);
  }

  /** @param first SQL: the repositories and ids of the manifests to start from; the indexes that name them are found from there */
  async #affected(first: Fragment, limit: number): Promise<string[]> {
    const rows = await this.#all<{ name: string }>(
      `WITH RECURSIVE named (repository_id, id) AS (
         SELECT * FROM (${first.sql} LIMIT :limit)
         UNION
         SELECT f.repository_id, f.manifest_id FROM named parent
         CROSS JOIN manifests m ON m.id = parent.id
         CROSS JOIN manifest_references f
           ON f.repository_id = parent.repository_id AND f.digest_id = ${idOf("m.digest")}
         LIMIT 4 * :limit)
       SELECT DISTINCT coalesce(r.former_name, r.name) || coalesce(':' || t.name, '@' || m.digest) AS name
       FROM named CROSS JOIN repositories r ON r.id = named.repository_id
       CROSS JOIN manifests m ON m.id = named.id
       LEFT JOIN tags t ON t.repository_id = named.repository_id AND t.digest = m.digest
       ORDER BY t.name IS NULL LIMIT :limit`,
      merge(first.values, { limit }),
    );
    return rows.map(({ name }) => name);
  }

  async #all<Row>(sql: string, values: Values): Promise<Row[]> {
    return (await prepare(this.#db, sql, values).all<Row>()).results;
  }
}

/** SQL over `manifest_references f` and its digest `d`: what the reference points to. */
const TARGET = `CASE
  WHEN ${IS_BLOB} THEN CASE
    WHEN EXISTS (SELECT 1 FROM repository_blobs x WHERE x.repository_id = f.repository_id AND x.digest_id = f.digest_id)
      THEN 'linked'
    WHEN EXISTS (SELECT 1 FROM trashed_blobs x WHERE x.repository_id = f.repository_id AND x.digest_id = f.digest_id)
      THEN 'trashed'
    WHEN EXISTS (SELECT 1 FROM blobs x WHERE x.digest_id = f.digest_id) THEN 'stored' ELSE 'nothing' END
  WHEN ${IS_MANIFEST} THEN coalesce((
    SELECT CASE WHEN x.deleted_at IS NULL THEN 'live' ELSE 'deleted' END FROM manifests x
    WHERE x.repository_id = f.repository_id AND x.digest = d.digest), 'nothing')
  ELSE 'nothing' END`;

/** Returns the id of a digest that a cursor names; 0, before all others, where it names none. */
function idIn(name: string): number {
  const id = Number(name);
  return Number.isSafeInteger(id) ? id : 0;
}

function parseReferences(json: string): ReferenceRow[] {
  const rows = JSON.parse(json) as [Digest, number, Target][];
  return rows.map(([digest, kind, to]) => ({ digest, kind: kindOf(kind), target: to }));
}
