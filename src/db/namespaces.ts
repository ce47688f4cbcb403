import type { NameRange } from "../auth/policy/ranges.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import type { TagRule } from "../oci/tag-rules.ts";
import type { AuditEntry, Condition, Initiator } from "./audit.ts";
import { tryBatch, briefRules, create, type Creation, edit, versioned } from "./change.ts";
import { NOW } from "./clock.ts";
import type { Visibility } from "./repositories.ts";

export interface NamespaceRecord {
  readonly name: string;
  /** The visibility of repositories that a push creates in the namespace. */
  readonly visibility: Visibility;
  /** Rules for tags that are immutable in all repositories of the namespace. */
  readonly immutableTags: readonly TagRule[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly version: number;
}

/** The fields of a namespace that can be changed. */
export interface NamespaceChange {
  readonly visibility?: Visibility | undefined;
  readonly immutableTags?: readonly TagRule[] | undefined;
}

type Row = Omit<NamespaceRecord, "immutableTags"> & { readonly immutableTags: string };

const COLUMNS = `n.name, n.visibility, n.immutable_tags AS immutableTags, n.created_at AS createdAt, n.version`;

/**
 * SQL that tells whether the namespace has repositories, or deleted ones, which the next owner of its name could
 * restore. Names from `<name>/` to `<name>0` are searched, since "0" follows "/". There is one lookup for each case,
 * because an OR would scan the table.
 */
function hasRepositories(name: string): string {
  const among = (column: string, which: string) => `
    EXISTS (SELECT 1 FROM repositories WHERE ${which} AND ${column} = ${name}) OR
    EXISTS (SELECT 1 FROM repositories WHERE ${which} AND ${column} > ${name} || '/' AND ${column} < ${name} || '0')`;
  return `(${among("name", "deleted_at IS NULL")} OR ${among("former_name", "deleted_at > 0")})`;
}

/** D1: namespaces, which hold repositories and those who may use them. */
export class NamespaceStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async list(page: Page): Promise<NamespaceRecord[]> {
    const { results } = await this.#db
      .prepare(`SELECT ${COLUMNS} FROM namespaces n WHERE n.name > ?1 ORDER BY n.name LIMIT ?2`)
      .bind(page.after, page.limit)
      .all<Row>();
    return results.map(parse);
  }

  /**
   * Lists the namespaces whose names lie in one of the ranges. Each range returns at most a page, as in
   * RepositoryLists.list.
   */
  async listAmong(ranges: readonly NameRange[], page: Page): Promise<NamespaceRecord[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM namespaces n WHERE n.name IN (
           SELECT r.name FROM json_each(?1) w CROSS JOIN namespaces r ON r.name IN (
             SELECT name FROM namespaces
             WHERE name >= max(w.value ->> 'from', ?2) AND name <= w.value ->> 'to' AND name <> ?2
             ORDER BY name LIMIT ?3)
         ) ORDER BY n.name LIMIT ?3`,
      )
      .bind(JSON.stringify(ranges), page.after, page.limit)
      .all<Row>();
    return results.map(parse);
  }

  /** @throws NOT_FOUND */
  async find(name: Namespace): Promise<NamespaceRecord> {
    const row = await this.#db
      .prepare(`SELECT ${COLUMNS} FROM namespaces n WHERE n.name = ?1`)
      .bind(name)
      .first<Row>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return parse(row);
  }

  /** @returns "orphan" if there is no user of the owner's name */
  create(
    { name, visibility, immutableTags, createdAt }: NamespaceRecord,
    owner: string | null,
    initiator: Initiator,
  ): Promise<Creation> {
    const detail = owner === null ? visibility : `${visibility} owner=${owner}`;
    const entry: AuditEntry = {
      action: "namespace.create",
      namespace: name,
      reference: name,
      detail,
    };
    const inserts = [
      this.#db
        .prepare(
          `INSERT INTO namespaces (name, visibility, immutable_tags, created_at) VALUES (?1, ?2, ?3, ?4)`,
        )
        .bind(name, visibility, JSON.stringify(immutableTags), createdAt),
    ];
    if (owner !== null) {
      inserts.push(
        this.#db
          .prepare(
            `INSERT INTO members (user, namespace, pattern, role, created_at)
             VALUES (?1, ?2, ?2 || '/*', 'owner', ?3)`,
          )
          .bind(owner, name, createdAt),
      );
    }
    return create(this.#db, { initiator, entry }, inserts);
  }

  /** @throws NOT_FOUND or VERSION_MISMATCH */
  async update(
    name: Namespace,
    { visibility, immutableTags }: NamespaceChange,
    version: number | null,
    initiator: Initiator,
  ): Promise<NamespaceRecord> {
    const changed = [
      visibility === undefined ? [] : `visibility=${visibility}`,
      immutableTags === undefined ? [] : briefRules(immutableTags),
    ];
    const detail = changed.flat().join(" ");
    const entry: AuditEntry = {
      action: "namespace.update",
      namespace: name,
      reference: name,
      detail,
    };
    const row = await edit<Row>(
      this.#db,
      { initiator, entry, ...versioned("namespaces", name, version) },
      this.#db
        .prepare(
          `UPDATE namespaces AS n SET visibility = coalesce(?3, visibility),
             immutable_tags = coalesce(?4, immutable_tags), version = version + 1
           WHERE n.name = ?1 AND (?2 IS NULL OR n.version = ?2)
           RETURNING name, visibility, immutable_tags AS immutableTags, created_at AS createdAt, version`,
        )
        .bind(
          name,
          version,
          visibility ?? null,
          immutableTags === undefined ? null : JSON.stringify(immutableTags),
        ),
    );
    return parse(row);
  }

  /**
   * Deletes the namespace with its members, robots and trust rules.
   * @throws NOT_FOUND, VERSION_MISMATCH, or CONFLICT while it has repositories
   */
  async remove(name: Namespace, version: number | null, initiator: Initiator): Promise<void> {
    const row = {
      sql: `SELECT version FROM namespaces WHERE name = ?2`,
      parameters: [name],
    };
    const ready = {
      sql: `SELECT 1 FROM namespaces WHERE name = ?2 AND (?3 IS NULL OR version = ?3)
        AND NOT ${hasRepositories("?2")}`,
      parameters: [name, version],
    };
    const entry: AuditEntry = { action: "namespace.delete", namespace: name, reference: name };
    const { before, after } = await tryBatch(
      this.#db,
      { initiator, entry, row, ready, extra: [revokeAll(this.#db, name, ready)] },
      this.#db
        .prepare(
          `DELETE FROM namespaces WHERE name = ?1 AND (?2 IS NULL OR version = ?2)
           AND NOT ${hasRepositories("?1")} RETURNING name`,
        )
        .bind(name, version),
    );
    if (after !== null) return;
    if (before === null) throw new RegistryError("NOT_FOUND");
    if (version !== null && before["version"] !== version) {
      throw new RegistryError("VERSION_MISMATCH");
    }
    const message =
      "the namespace has repositories, or deleted ones that can still be restored: delete and purge them first";
    throw new RegistryError("CONFLICT", { message });
  }
}

function parse(row: Row): NamespaceRecord {
  return { ...row, immutableTags: JSON.parse(row.immutableTags) as TagRule[] };
}

/** Revokes all that was signed for the namespace's members, robots and trust rules: they lose their rights with it. */
function revokeAll(db: D1Database, name: string, { sql, parameters }: Condition) {
  return db
    .prepare(
      `INSERT INTO revocations (subject, revoked_at)
       SELECT subject, ${NOW} FROM (
         SELECT 'user:' || user || '@' || ?1 AS subject FROM members WHERE namespace = ?1
         UNION SELECT 'robot:' || name FROM robots WHERE namespace = ?1
         UNION SELECT 'rule:' || name FROM trust_rules WHERE namespace = ?1
       ) WHERE EXISTS (${sql})
       ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at`,
    )
    .bind(name, ...parameters);
}
