import type { NameRange } from "../auth/ranges.ts";
import { RegistryError } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import { auditChange, type Origin } from "./audit-index.ts";
import { refuseChange } from "./refused.ts";

export type Visibility = "private" | "public";

/** What can be said of a repository. */
export interface Description {
  readonly visibility?: Visibility | undefined;
  readonly description?: string | undefined;
  readonly readme?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
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

/** A repository and what is in it; null where there is too much to count. */
export interface RepositoryDetail extends StoredRepository {
  readonly readme: string;
  /** The bytes of its blobs, each once. */
  readonly size: number | null;
  readonly tags: number | null;
  readonly manifests: number | null;
}

/** What a manifest's annotations say of its repository. */
export interface Introduction {
  readonly description: string;
  readonly labels: Readonly<Record<string, string>>;
}

type Row<T extends StoredRepository> = Omit<T, "labels"> & { readonly labels: string };

const COLUMNS = `name, visibility, description, labels, created_at AS createdAt, version`;
/** Everyone may ask for a public repository, so what one answer counts has an end. */
const MAX_COUNTED = 10_000;
/** ?2 is the version that the caller has seen, or NULL for whichever there is. */
const WANTED = `SELECT id FROM repositories WHERE name = ?1 AND version = coalesce(?2, version)`;
const NAME_TAKEN = /UNIQUE constraint failed: repositories\.name/;

/** D1: the repositories themselves. */
export class RepositoryIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async exists(repository: RepositoryName): Promise<boolean> {
    const row = await this.#db
      .prepare(`SELECT id FROM repositories WHERE name = ?1`)
      .bind(repository)
      .first();
    return row !== null;
  }

  /**
   * The first of the repositories in some ranges of names, and of the public ones in others. Each range is looked up by
   * its index and gives at most a page, so the cost is that of the page and the ranges.
   */
  async list(
    ranges: { readonly any: readonly NameRange[]; readonly public: readonly NameRange[] },
    limit: number,
  ): Promise<StoredRepository[]> {
    const within = `name >= w.value ->> 'from' AND name <= w.value ->> 'to' ORDER BY name LIMIT ?3`;
    const { results } = await this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM repositories WHERE id IN (
           SELECT r.id FROM json_each(?1) w CROSS JOIN repositories r ON r.id IN (
             SELECT id FROM repositories WHERE ${within})
           UNION
           SELECT r.id FROM json_each(?2) w CROSS JOIN repositories r ON r.id IN (
             SELECT id FROM repositories INDEXED BY public_repositories
             WHERE visibility = 'public' AND ${within})
         ) ORDER BY name LIMIT ?3`,
      )
      .bind(JSON.stringify(ranges.any), JSON.stringify(ranges.public), limit)
      .all<Row<StoredRepository>>();
    return results.map(parse);
  }

  async find(repository: RepositoryName): Promise<RepositoryDetail | null> {
    const row = await this.#detail(repository).first<Row<RepositoryDetail>>();
    return row === null ? null : parse(row);
  }

  /**
   * @param namespace what to do where there is no such namespace yet
   * @returns null when the namespace is not there
   * @throws CONFLICT when the repository is, QUOTA_EXCEEDED
   */
  async create(
    repository: RepositoryName,
    given: Description,
    namespace: "make" | "keep",
    origin: Origin,
  ): Promise<RepositoryDetail | null> {
    const now = Date.now();
    const name = namespaceOf(repository);
    const there = { sql: `SELECT 1 FROM namespaces WHERE name = ?2`, parameters: [name] };
    const insertNamespace = this.#db
      .prepare(`INSERT INTO namespaces (name, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING`)
      .bind(name, now);
    const { visibility, description = "", readme = "", labels = {} } = given;
    const detail = visibility === undefined ? {} : { detail: visibility };
    try {
      const results = await this.#db.batch<Row<RepositoryDetail>>([
        ...(namespace === "make" ? [insertNamespace] : []),
        auditChange(
          this.#db,
          origin,
          { action: "repository.create", repository, ...detail },
          there,
        ),
        this.#db
          .prepare(
            `INSERT INTO repositories (name, visibility, description, readme, labels, created_at)
             SELECT ?1, coalesce(?3, visibility), ?4, ?5, ?6, ?7 FROM namespaces WHERE name = ?2`,
          )
          .bind(
            repository,
            name,
            visibility ?? null,
            description,
            readme,
            JSON.stringify(labels),
            now,
          ),
        this.#detail(repository),
      ]);
      return lastOf(results);
    } catch (error) {
      if (!NAME_TAKEN.test(String(error))) return refuseChange(this.#db, repository, error);
      const message = `the repository ${repository} exists already; change it with PATCH`;
      throw new RegistryError("CONFLICT", { message, cause: error });
    }
  }

  /**
   * @param version only if it is this one; null for any
   * @returns null when there is no such repository
   * @throws VERSION_MISMATCH
   */
  async update(
    repository: RepositoryName,
    given: Description,
    version: number | null,
    origin: Origin,
  ): Promise<RepositoryDetail | null> {
    const { visibility, description, readme, labels } = given;
    const changed = Object.entries(given).flatMap(([field, value]) =>
      value === undefined ? [] : field === "visibility" ? `visibility=${String(value)}` : field,
    );
    const deed = { action: "repository.update", repository, detail: changed.join(" ") };
    const results = await this.#db.batch<Row<RepositoryDetail>>([
      auditChange(this.#db, origin, deed, wanted(repository, version)),
      this.#db
        .prepare(
          `UPDATE repositories SET
             visibility = coalesce(?3, visibility), description = coalesce(?4, description),
             readme = coalesce(?5, readme), labels = coalesce(?6, labels), version = version + 1
           WHERE id = (${WANTED}) RETURNING id`,
        )
        .bind(
          repository,
          version,
          visibility ?? null,
          description ?? null,
          readme ?? null,
          labels === undefined ? null : JSON.stringify(labels),
        ),
      this.#detail(repository),
    ]);
    const row = lastOf(results);
    if (row !== null && results[1]?.results.length === 0)
      throw new RegistryError("VERSION_MISMATCH");
    return row;
  }

  /**
   * Deletes the repository with all that is in it: it gives its name up, and can be restored in the undo window.
   * @param version only if it is this one; null for any
   * @returns false when there was none
   * @throws VERSION_MISMATCH
   */
  async delete(
    repository: RepositoryName,
    version: number | null,
    origin: Origin,
  ): Promise<boolean> {
    const results = await this.#db.batch([
      auditChange(
        this.#db,
        origin,
        { action: "repository.delete", repository },
        wanted(repository, version),
      ),
      this.#db
        .prepare(
          `UPDATE repositories SET name = '~' || id, former_name = name, deleted_at = ?3, deleted_by = ?4,
             version = version + 1
           WHERE id = (${WANTED}) RETURNING id`,
        )
        .bind(repository, version, Date.now(), origin.actor),
      this.#db.prepare(`SELECT id FROM repositories WHERE name = ?1`).bind(repository),
    ]);
    if (results.at(-1)?.results.length === 1) throw new RegistryError("VERSION_MISMATCH");
    return results[1]?.results.length === 1;
  }

  #detail(repository: RepositoryName): D1PreparedStatement {
    return this.#db
      .prepare(
        `SELECT ${COLUMNS}, readme, ${counted("tags")}, ${counted("manifests", "AND deleted_at IS NULL")},
           (SELECT CASE WHEN count(*) <= ?2 THEN coalesce(sum(size), 0) END FROM (
              SELECT b.size FROM repository_blobs l CROSS JOIN blobs b ON b.digest = l.digest
              WHERE l.repository_id = r.id LIMIT ?2 + 1)) AS size
         FROM repositories r WHERE name = ?1`,
      )
      .bind(repository, MAX_COUNTED);
  }
}

/** SQL: how many rows of the table are the repository's; NULL for more than ?2. */
function counted(table: "tags" | "manifests", which = ""): string {
  return `(SELECT CASE WHEN count(*) <= ?2 THEN count(*) END FROM (
    SELECT 1 FROM ${table} c WHERE c.repository_id = r.id ${which} LIMIT ?2 + 1)) AS ${table}`;
}

/** For the audit of a change that needs the repository in this version. */
function wanted(repository: RepositoryName, version: number | null) {
  return {
    sql: `SELECT 1 FROM repositories WHERE name = ?2 AND version = coalesce(?3, version)`,
    parameters: [repository, version],
  };
}

function lastOf(results: readonly D1Result<Row<RepositoryDetail>>[]): RepositoryDetail | null {
  const row = results.at(-1)?.results[0];
  return row === undefined ? null : parse(row);
}

function parse<T extends StoredRepository>(row: Row<T>): T {
  return { ...row, labels: JSON.parse(row.labels) as T["labels"] } as unknown as T;
}

/** Describes a repository by what was pushed to it, where nobody has described it yet. */
export function introduce(
  db: D1Database,
  repository: RepositoryName,
  { description, labels }: Introduction,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE repositories SET
         description = CASE WHEN description = '' THEN ?2 ELSE description END,
         labels = CASE WHEN labels = '{}' THEN ?3 ELSE labels END,
         version = version + 1
       WHERE name = ?1 AND ((description = '' AND ?2 <> '') OR (labels = '{}' AND ?3 <> '{}'))`,
    )
    .bind(repository, description, JSON.stringify(labels));
}
