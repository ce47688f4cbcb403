import { RegistryError } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { TagRule } from "../oci/tag-rules.ts";
import { type AuditEntry, auditChange, type Initiator } from "./audit.ts";
import { briefRules } from "./change.ts";
import { refuseChange } from "./errors.ts";
import { type Fragment, prepare } from "./sql.ts";

export type Visibility = "private" | "public";

/** The fields of a repository that clients can set. */
export interface Description {
  readonly visibility?: Visibility | undefined;
  readonly description?: string | undefined;
  readonly readme?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly immutableTags?: readonly TagRule[] | undefined;
}

export interface StoredRepository {
  readonly name: RepositoryName;
  readonly visibility: Visibility;
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly version: number;
}

/** A repository with the counts of its content; null where there is too much to count. */
export interface RepositoryDetail extends StoredRepository {
  readonly readme: string;
  /** Rules for immutable tags. */
  readonly immutableTags: readonly TagRule[];
  /** Rules for immutable tags that the namespace sets for all its repositories. */
  readonly inheritedImmutableTags: readonly TagRule[];
  /** The bytes of its blobs, each blob counted once. */
  readonly size: number | null;
  readonly tags: number | null;
  readonly manifests: number | null;
}

/** What a manifest's annotations say of its repository. */
export interface ImageAnnotations {
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The fields that are stored as JSON. */
type Packed = "labels" | "immutableTags" | "inheritedImmutableTags";
export type Row<T extends StoredRepository> = {
  readonly [K in keyof T]: K extends Packed ? string : T[K];
};

export const COLUMNS = `name, visibility, description, labels, created_at AS createdAt, version`;
/** The most rows that one answer counts, because anybody may ask for a public repository. */
const MAX_COUNTED = 10_000;
/** SQL for the repository's id; :version is the one that the client has seen, or NULL for any. */
const WANTED = `SELECT id FROM repositories WHERE name = :repository AND version = coalesce(:version, version)`;
const NAME_TAKEN = /UNIQUE constraint failed: repositories\.name/;

/** D1: the repositories themselves. */
export class RepositoryStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async exists(repository: RepositoryName): Promise<boolean> {
    const row = await prepare(this.#db, `SELECT id FROM repositories WHERE name = :repository`, {
      repository,
    }).first();
    return row !== null;
  }

  async find(repository: RepositoryName): Promise<RepositoryDetail | null> {
    const row = await this.#detail(repository).first<Row<RepositoryDetail>>();
    return row === null ? null : parse(row);
  }

  /**
   * Creates a repository.
   * @param namespace "make" also creates the namespace if it does not exist
   * @returns null if the namespace does not exist
   * @throws CONFLICT if the repository already exists, QUOTA_EXCEEDED
   */
  async create(
    repository: RepositoryName,
    given: Description,
    namespace: "make" | "keep",
    initiator: Initiator,
  ): Promise<RepositoryDetail | null> {
    const now = Date.now();
    const name = namespaceOf(repository);
    const there = { sql: `SELECT 1 FROM namespaces WHERE name = :name`, values: { name } };
    const insertNamespace = prepare(
      this.#db,
      `INSERT INTO namespaces (name, created_at) VALUES (:name, :now) ON CONFLICT DO NOTHING`,
      { name, now },
    );
    const { visibility, description = "", readme = "", labels = {}, immutableTags = [] } = given;
    const detail = visibility === undefined ? {} : { detail: visibility };
    try {
      const results = await this.#db.batch<Row<RepositoryDetail>>([
        ...(namespace === "make" ? [insertNamespace] : []),
        auditChange(
          this.#db,
          initiator,
          { action: "repository.create", repository, ...detail },
          there,
        ),
        prepare(
          this.#db,
          `INSERT INTO repositories (name, visibility, description, readme, labels, immutable_tags, created_at)
           SELECT :repository, coalesce(:visibility, visibility), :description, :readme, :labels, :immutableTags, :now
           FROM namespaces WHERE name = :name`,
          {
            repository,
            name,
            visibility: visibility ?? null,
            description,
            readme,
            labels: JSON.stringify(labels),
            immutableTags: JSON.stringify(immutableTags),
            now,
          },
        ),
        this.#detail(repository),
      ]);
      return lastOf(results);
    } catch (error) {
      if (!NAME_TAKEN.test(String(error))) return refuseChange(this.#db, repository, error);
      const message = `the repository ${repository} exists already`;
      throw new RegistryError("CONFLICT", { message, cause: error });
    }
  }

  /**
   * Changes the given fields of a repository.
   * @param version the version that it must have; null for any
   * @returns null if there is no such repository
   * @throws VERSION_MISMATCH
   */
  async update(
    repository: RepositoryName,
    given: Description,
    version: number | null,
    initiator: Initiator,
  ): Promise<RepositoryDetail | null> {
    const { visibility, description, readme, labels, immutableTags } = given;
    const entry: AuditEntry = { action: "repository.update", repository, detail: changeOf(given) };
    const results = await this.#db.batch<Row<RepositoryDetail>>([
      auditChange(this.#db, initiator, entry, wanted(repository, version)),
      prepare(
        this.#db,
        `UPDATE repositories SET
           visibility = coalesce(:visibility, visibility), description = coalesce(:description, description),
           readme = coalesce(:readme, readme), labels = coalesce(:labels, labels),
           immutable_tags = coalesce(:immutableTags, immutable_tags), version = version + 1
         WHERE id = (${WANTED}) RETURNING id`,
        {
          repository,
          version,
          visibility: visibility ?? null,
          description: description ?? null,
          readme: readme ?? null,
          labels: labels === undefined ? null : JSON.stringify(labels),
          immutableTags: immutableTags === undefined ? null : JSON.stringify(immutableTags),
        },
      ),
      this.#detail(repository),
    ]);
    const row = lastOf(results);
    if (row !== null && results[1]?.results.length === 0)
      throw new RegistryError("VERSION_MISMATCH");
    return row;
  }

  /**
   * Deletes the repository with all its content. Its name becomes free, and it can be restored within the trash window.
   * @param version the version that it must have; null for any
   * @returns false if there was none
   * @throws VERSION_MISMATCH
   */
  async delete(
    repository: RepositoryName,
    version: number | null,
    initiator: Initiator,
  ): Promise<boolean> {
    const results = await this.#db.batch([
      auditChange(
        this.#db,
        initiator,
        { action: "repository.delete", repository },
        wanted(repository, version),
      ),
      prepare(
        this.#db,
        `UPDATE repositories SET name = '~' || id, former_name = name, deleted_at = :now, deleted_by = :actor,
           version = version + 1
         WHERE id = (${WANTED}) RETURNING id`,
        { repository, version, now: Date.now(), actor: initiator.actor },
      ),
      prepare(this.#db, `SELECT id FROM repositories WHERE name = :repository`, { repository }),
    ]);
    if (results.at(-1)?.results.length === 1) throw new RegistryError("VERSION_MISMATCH");
    return results[1]?.results.length === 1;
  }

  #detail(repository: RepositoryName): D1PreparedStatement {
    return prepare(
      this.#db,
      `SELECT ${COLUMNS}, readme, immutable_tags AS immutableTags,
         (SELECT immutable_tags FROM namespaces n WHERE n.name = r.namespace) AS inheritedImmutableTags,
         ${counted("tags")}, ${counted("manifests")},
         (SELECT CASE WHEN count(*) <= :maxCounted THEN coalesce(sum(size), 0) END FROM (
            SELECT b.size FROM repository_blobs l CROSS JOIN blobs b ON b.digest_id = l.digest_id
            WHERE l.repository_id = r.id LIMIT :maxCounted + 1)) AS size
       FROM repositories r WHERE name = :repository`,
      { repository, maxCounted: MAX_COUNTED },
    );
  }
}

/** SQL that counts the repository's rows of a table; NULL for more than :maxCounted. */
function counted(table: "tags" | "manifests"): string {
  // The index leaves out deleted manifests: there may be any number of them between two others.
  const rows =
    table === "tags"
      ? `tags c WHERE c.repository_id = r.id`
      : `manifests c INDEXED BY live_manifests WHERE c.repository_id = r.id AND c.deleted_at IS NULL`;
  return `(SELECT CASE WHEN count(*) <= :maxCounted THEN count(*) END FROM (
    SELECT 1 FROM ${rows} LIMIT :maxCounted + 1)) AS ${table}`;
}

/** The condition for the audit entry of a change that needs the repository in this version. */
function wanted(repository: RepositoryName, version: number | null): Fragment {
  return { sql: WANTED, values: { repository, version } };
}

function lastOf(results: readonly D1Result<Row<RepositoryDetail>>[]): RepositoryDetail | null {
  const row = results.at(-1)?.results[0];
  return row === undefined ? null : parse(row);
}

const PACKED: readonly string[] = [
  "labels",
  "immutableTags",
  "inheritedImmutableTags",
] satisfies Packed[];

export function parse<T extends StoredRepository>(row: Row<T>): T {
  const entries = Object.entries(row).map(([field, value]): [string, unknown] =>
    PACKED.includes(field) ? [field, JSON.parse(String(value))] : [field, value],
  );
  return Object.fromEntries(entries) as unknown as T;
}

/** Formats a change for the audit log. */
function changeOf({ visibility, immutableTags, ...others }: Description): string {
  const changed = Object.entries(others).flatMap(([field, value]) =>
    value === undefined ? [] : field,
  );
  if (visibility !== undefined) changed.unshift(`visibility=${visibility}`);
  if (immutableTags !== undefined) changed.push(briefRules(immutableTags));
  return changed.join(" ");
}

/** Describes a repository by what was pushed to it, where nobody has described it yet. */
export function describeFromAnnotations(
  db: D1Database,
  repository: RepositoryName,
  { description, labels }: ImageAnnotations,
): D1PreparedStatement {
  return prepare(
    db,
    `UPDATE repositories SET
       description = CASE WHEN description = '' THEN :description ELSE description END,
       labels = CASE WHEN labels = '{}' THEN :labels ELSE labels END,
       version = version + 1
     WHERE name = :repository AND ((description = '' AND :description <> '') OR (labels = '{}' AND :labels <> '{}'))`,
    { repository, description, labels: JSON.stringify(labels) },
  );
}
