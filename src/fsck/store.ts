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
  WeightRow,
} from "./row.ts";
import { allRepositoriesOf, bytesOf, linksOf, repositoriesOf, waitingOf } from "./usage-store.ts";
import { IMPORT_JOB } from "../db/jobs.ts";
import { STAGED } from "../db/manifest-rows.ts";

/** SQL over `repositories r`: the name, for a deleted one its former name. */
const NAME = `coalesce(r.former_name, r.name) AS repository`;

/** SQL: the namespaces after ?1 that are counted, or should be. */
const COUNTED = `SELECT name AS namespace FROM namespaces WHERE name > ?1
  UNION SELECT namespace FROM namespace_usage WHERE namespace > ?1 ORDER BY 1`;

/** SQL over `repository_blobs l` or `trashed_blobs l`. */
const NAMED = `EXISTS (
  SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest = l.digest) AS named`;

/** D1: the rows to compare. One statement reads each page, so it shows one moment, whatever changes meanwhile. */
export class FsckStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  blobs({ name }: Place, limit: number): Promise<BlobRow[]> {
    return this.#all(
      `SELECT b.digest, b.key, b.size, b.missing_since IS NOT NULL AS lost,
         EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest = b.digest)
           OR EXISTS (SELECT 1 FROM trashed_blobs k WHERE k.digest = b.digest) AS held,
         EXISTS (SELECT 1 FROM object_deletions d WHERE d.key = b.key) AS doomed
       FROM blobs b WHERE b.digest > ?1 ORDER BY b.digest LIMIT ?2`,
      name,
      limit,
    );
  }

  /** Reads the keys of a page of manifests, whose bytes may be too many to be read at once. */
  manifestKeys({ repository, name }: Place, limit: number): Promise<ManifestKey[]> {
    return this.#all(
      `SELECT repository_id AS repositoryId, digest, size FROM manifests
       WHERE (repository_id, digest) > (?1, ?2) ORDER BY repository_id, digest LIMIT ?3`,
      repository,
      name,
      limit,
    );
  }

  /** Reads those that exist, except in repositories that are being emptied, and manifests that are being written. */
  async manifests(keys: readonly ManifestKey[]): Promise<ManifestRow[]> {
    const rows = await this.#all<ManifestRow & { readonly references: string }>(
      `SELECT m.repository_id AS repositoryId, ${NAME}, m.digest, m.media_type AS mediaType, m.size,
         m.content, m.object, m.subject, m.artifact_type AS artifactType,
         m.deleted_at IS NOT NULL AS deleted, m.missing_since IS NOT NULL AS lost,
         EXISTS (SELECT 1 FROM object_deletions d WHERE d.key = m.object) AS doomed,
         (SELECT json_group_array(json_array(f.digest, f.kind, ${target("f.kind", "f")}))
          FROM manifest_references f WHERE f.repository_id = m.repository_id AND f.manifest = m.digest
         ) AS "references"
       FROM json_each(?1) w
       CROSS JOIN manifests m ON m.repository_id = w.value ->> 0 AND m.digest = w.value ->> 1
         AND m.deleted_at IS NOT ${STAGED}
       CROSS JOIN repositories r ON r.id = m.repository_id AND r.deleted_at IS NOT 0`,
      JSON.stringify(keys.map(({ repositoryId, digest }) => [repositoryId, digest])),
    );
    return rows.map((row) => ({ ...row, references: parseReferences(row.references) }));
  }

  tags({ repository, name }: Place, limit: number): Promise<TagRow[]> {
    return this.#all(
      `SELECT t.repository_id AS repositoryId, ${NAME}, t.name, t.digest,
         CASE WHEN m.digest IS NULL THEN 'nothing' WHEN m.deleted_at IS NULL THEN 'live' ELSE 'deleted' END AS target
       FROM tags t CROSS JOIN repositories r ON r.id = t.repository_id
       LEFT JOIN manifests m ON m.repository_id = t.repository_id AND m.digest = t.digest
       WHERE (t.repository_id, t.name) > (?1, ?2) ORDER BY t.repository_id, t.name LIMIT ?3`,
      repository,
      name,
      limit,
    );
  }

  links({ repository, name }: Place, limit: number): Promise<LinkRow[]> {
    return this.#all(
      `SELECT l.repository_id AS repositoryId, ${NAME}, r.namespace, l.digest, b.digest IS NOT NULL AS stored, ${NAMED},
         EXISTS (SELECT 1 FROM unreferenced_blobs v WHERE v.repository_id = l.repository_id AND v.digest = l.digest) AS reviewed,
         EXISTS (SELECT 1 FROM namespace_blobs n WHERE n.namespace = r.namespace AND n.digest = l.digest) AS weighed
       FROM repository_blobs l CROSS JOIN repositories r ON r.id = l.repository_id
       LEFT JOIN blobs b ON b.digest = l.digest
       WHERE (l.repository_id, l.digest) > (?1, ?2) ORDER BY l.repository_id, l.digest LIMIT ?3`,
      repository,
      name,
      limit,
    );
  }

  kept({ repository, name }: Place, limit: number): Promise<TrashedRow[]> {
    return this.#all(
      `SELECT l.repository_id AS repositoryId, ${NAME}, l.digest, b.digest IS NOT NULL AS stored, ${NAMED},
         EXISTS (SELECT 1 FROM repository_blobs x WHERE x.repository_id = l.repository_id AND x.digest = l.digest) AS linked
       FROM trashed_blobs l CROSS JOIN repositories r ON r.id = l.repository_id
       LEFT JOIN blobs b ON b.digest = l.digest
       WHERE (l.repository_id, l.digest) > (?1, ?2) ORDER BY l.repository_id, l.digest LIMIT ?3`,
      repository,
      name,
      limit,
    );
  }

  /** @param place by its name: namespace and digest, with a blank between */
  weights({ name }: Place, limit: number): Promise<WeightRow[]> {
    const [namespace = "", digest = ""] = name.split(" ");
    return this.#all(
      `SELECT n.namespace, n.digest, n.size, n.links, b.size AS actualSize, ${linksOf("n")} AS actualLinks
       FROM namespace_blobs n LEFT JOIN blobs b ON b.digest = n.digest
       WHERE (n.namespace, n.digest) > (?1, ?2) ORDER BY n.namespace, n.digest LIMIT ?3`,
      namespace,
      digest,
      limit,
    );
  }

  usages({ name }: Place, limit: number): Promise<UsageRow[]> {
    return this.#all(
      `SELECT counted.namespace, u.bytes, u.repositories, u.waiting, u.all_repositories AS allRepositories,
         ${bytesOf("counted")} AS actualBytes, ${repositoriesOf("counted")} AS actualRepositories,
         ${waitingOf("counted")} AS actualWaiting, ${allRepositoriesOf("counted")} AS actualAllRepositories
       FROM (${COUNTED} LIMIT ?2) counted LEFT JOIN namespace_usage u ON u.namespace = counted.namespace ORDER BY counted.namespace`,
      name,
      limit,
    );
  }

  /** Returns those of the keys that no row names, and that do not wait for deletion. */
  async unexplained(keys: readonly string[]): Promise<readonly string[]> {
    return (await this.orphans(keys)).keys;
  }

  /** Returns the same keys, and whether the index is empty, so that no row could name them. */
  async orphans(keys: readonly string[]): Promise<Unexplained> {
    const rows = await this.#all<{ key: string; empty: number }>(
      `SELECT w.value AS key, (SELECT max(id) FROM repositories) IS NULL AS empty FROM json_each(?1) w
       WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.key = w.value)
         AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.object = w.value)
         AND NOT EXISTS (SELECT 1 FROM object_deletions d WHERE d.key = w.value)`,
      JSON.stringify(keys),
    );
    return { keys: rows.map(({ key }) => key), isEmpty: rows.some(({ empty }) => empty === 1) };
  }

  /** Returns whether an import is running: until its end the index is not complete. */
  async isImporting(): Promise<boolean> {
    const rows = await this.#all(
      `SELECT 1 FROM jobs WHERE name = ?1 AND coalesce(state ->> 'phase', 'done') <> 'done'`,
      IMPORT_JOB,
    );
    return rows.length === 1;
  }

  /** Returns the first counted namespace after a name; null at the end. */
  async namespaceAfter(name: string): Promise<string | null> {
    const [row] = await this.#all<{ namespace: string | null }>(
      `SELECT min(namespace) AS namespace FROM (${COUNTED} LIMIT 1)`,
      name,
    );
    return row?.namespace ?? null;
  }

  /** Returns whether the blob still has this object. */
  async isBlob(digest: Digest, key: string): Promise<boolean> {
    const rows = await this.#all(`SELECT 1 FROM blobs WHERE digest = ?1 AND key = ?2`, digest, key);
    return rows.length === 1;
  }

  /**
   * Lists what cannot be pulled without a blob: `repository:tag`, or `repository@digest` for a manifest without a tag.
   */
  needing(digest: Digest, limit: number): Promise<string[]> {
    return this.#affected(
      `SELECT f.repository_id, f.manifest FROM repository_blobs l
       CROSS JOIN manifest_references f ON f.repository_id = l.repository_id AND f.digest = l.digest
       WHERE l.digest = ?1`,
      [digest],
      limit,
    );
  }

  /** Lists what cannot be pulled without a manifest of a repository. */
  needingManifest({ repositoryId, digest }: ManifestKey, limit: number): Promise<string[]> {
    return this.#affected(`SELECT ?1, ?2`, [repositoryId, digest], limit);
  }

  /** @param first SQL: the manifests to start from; the indexes that name them are found from there */
  async #affected(
    first: string,
    parameters: readonly (string | number)[],
    limit: number,
  ): Promise<string[]> {
    const bound = `?${parameters.length + 1}`;
    const rows = await this.#all<{ name: string }>(
      `WITH RECURSIVE named (repository_id, digest) AS (
         SELECT * FROM (${first} LIMIT ${bound})
         UNION
         SELECT f.repository_id, f.manifest FROM named parent
         CROSS JOIN manifest_references f ON f.repository_id = parent.repository_id AND f.digest = parent.digest
         LIMIT 4 * ${bound})
       SELECT DISTINCT coalesce(r.former_name, r.name) || coalesce(':' || t.name, '@' || named.digest) AS name
       FROM named CROSS JOIN repositories r ON r.id = named.repository_id
       LEFT JOIN tags t ON t.repository_id = named.repository_id AND t.digest = named.digest
       ORDER BY t.name IS NULL LIMIT ${bound}`,
      ...parameters,
      limit,
    );
    return rows.map(({ name }) => name);
  }

  async #all<Row>(sql: string, ...parameters: (string | number)[]): Promise<Row[]> {
    const { results } = await this.#db
      .prepare(sql)
      .bind(...parameters)
      .all<Row>();
    return results;
  }
}

/** SQL: what the digest of a row `f` with a repository_id points to. */
function target(kind: string, row: string): string {
  const at = (table: string) =>
    `FROM ${table} x WHERE x.repository_id = ${row}.repository_id AND x.digest = ${row}.digest`;
  return `CASE ${kind}
    WHEN 'blob' THEN CASE
      WHEN EXISTS (SELECT 1 ${at("repository_blobs")}) THEN 'linked'
      WHEN EXISTS (SELECT 1 ${at("trashed_blobs")}) THEN 'kept'
      WHEN EXISTS (SELECT 1 FROM blobs x WHERE x.digest = ${row}.digest) THEN 'stored' ELSE 'nothing' END
    WHEN 'manifest' THEN coalesce(
      (SELECT CASE WHEN x.deleted_at IS NULL THEN 'live' ELSE 'deleted' END ${at("manifests")}), 'nothing')
    ELSE 'nothing' END`;
}

function parseReferences(json: string): ReferenceRow[] {
  const rows = JSON.parse(json) as [Digest, ReferenceRow["kind"], Target][];
  return rows.map(([digest, kind, to]) => ({ digest, kind, target: to }));
}
