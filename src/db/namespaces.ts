import type { NameRange } from "../auth/policy/ranges.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import type { TagRule } from "../oci/tag-rules.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import {
  tryBatch,
  briefRules,
  create,
  type Creation,
  edit,
  EXPECTED,
  versioned,
} from "./change.ts";
import { NOW } from "./clock.ts";
import type { Visibility } from "./repositories.ts";
import { type Fragment, prepare } from "./sql.ts";

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
 * SQL that tells whether the namespace :name has repositories, or deleted ones, which the next owner of its name could
 * restore. Names from `<name>/` to `<name>0` are searched, since "0" follows "/". There is one lookup for each case,
 * because an OR would scan the table.
 */
const HAS_REPOSITORIES = `(${among("name", "deleted_at IS NULL")} OR ${among("former_name", "deleted_at > 0")})`;

function among(column: string, which: string): string {
  return `
    EXISTS (SELECT 1 FROM repositories WHERE ${which} AND ${column} = :name) OR
    EXISTS (SELECT 1 FROM repositories WHERE ${which} AND ${column} > :name || '/' AND ${column} < :name || '0')`;
}

/** D1: namespaces, which hold repositories and those who may use them. */
export class NamespaceStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async list({ after, limit }: Page): Promise<NamespaceRecord[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM namespaces n WHERE n.name > :after ORDER BY n.name LIMIT :limit`,
      { after, limit },
    ).all<Row>();
    return results.map(parse);
  }

  /**
   * Lists the namespaces whose names lie in one of the ranges. Each range returns at most a page, as in
   * RepositoryLists.list.
   */
  async listAmong(
    ranges: readonly NameRange[],
    { after, limit }: Page,
  ): Promise<NamespaceRecord[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM namespaces n WHERE n.name IN (
         SELECT r.name FROM json_each(:ranges) w CROSS JOIN namespaces r ON r.name IN (
           SELECT name FROM namespaces
           WHERE name >= max(w.value ->> 'from', :after) AND name <= w.value ->> 'to' AND name <> :after
           ORDER BY name LIMIT :limit)
       ) ORDER BY n.name LIMIT :limit`,
      { ranges: JSON.stringify(ranges), after, limit },
    ).all<Row>();
    return results.map(parse);
  }

  /** @throws NOT_FOUND */
  async find(name: Namespace): Promise<NamespaceRecord> {
    const row = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM namespaces n WHERE n.name = :name`,
      { name },
    ).first<Row>();
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
      prepare(
        this.#db,
        `INSERT INTO namespaces (name, visibility, immutable_tags, created_at)
         VALUES (:name, :visibility, :immutableTags, :createdAt)`,
        { name, visibility, immutableTags: JSON.stringify(immutableTags), createdAt },
      ),
    ];
    if (owner !== null) {
      inserts.push(
        prepare(
          this.#db,
          `INSERT INTO members (user, namespace, pattern, role, created_at)
           VALUES (:owner, :name, :name || '/*', 'owner', :createdAt)`,
          { owner, name, createdAt },
        ),
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
      prepare(
        this.#db,
        `UPDATE namespaces AS n SET visibility = coalesce(:visibility, visibility),
           immutable_tags = coalesce(:immutableTags, immutable_tags), version = version + 1
         WHERE ${EXPECTED}
         RETURNING name, visibility, immutable_tags AS immutableTags, created_at AS createdAt, version`,
        {
          name,
          version,
          visibility: visibility ?? null,
          immutableTags: immutableTags === undefined ? null : JSON.stringify(immutableTags),
        },
      ),
    );
    return parse(row);
  }

  /**
   * Deletes the namespace with its members, robots and trust rules.
   * @throws NOT_FOUND, VERSION_MISMATCH, or CONFLICT while it has repositories
   */
  async remove(name: Namespace, version: number | null, initiator: Initiator): Promise<void> {
    const { row } = versioned("namespaces", name, version);
    const which = `FROM namespaces WHERE ${EXPECTED} AND NOT ${HAS_REPOSITORIES}`;
    const ready = { sql: `SELECT 1 ${which}`, values: { name, version } };
    const entry: AuditEntry = { action: "namespace.delete", namespace: name, reference: name };
    const { before, after } = await tryBatch(
      this.#db,
      { initiator, entry, row, ready, extra: [revokeAll(this.#db, ready)] },
      prepare(this.#db, `DELETE ${which} RETURNING name`, ready.values),
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

/**
 * Revokes all that was signed for the members, robots and trust rules of the namespace :name: they lose their rights
 * with it.
 */
function revokeAll(db: D1Database, { sql, values }: Fragment) {
  return prepare(
    db,
    `INSERT INTO revocations (subject, revoked_at)
     SELECT subject, ${NOW} FROM (
       SELECT 'user:' || user || '@' || :name AS subject FROM members WHERE namespace = :name
       UNION SELECT 'robot:' || name FROM robots WHERE namespace = :name
       UNION SELECT 'rule:' || name FROM trust_rules WHERE namespace = :name
     ) WHERE EXISTS (${sql})
     ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at`,
    values,
  );
}
