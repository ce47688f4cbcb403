import { RAISED } from "../db/raised.ts";
import { type AuditEntry, auditChange, type Initiator } from "../db/audit.ts";
import { type Kind, type Row, tableOf } from "./exported.ts";
import {
  chargeManifests,
  chunked,
  insertBlobLinks,
  insertReferences,
  insertTables,
  type RowLine,
  value,
} from "./import-row-store.ts";
import { type Fragment, prepare } from "../db/sql.ts";

/** The tables that only the import may write while it runs. */
const CLOSED = ["repositories", "manifests", "tags", "repository_blobs"] as const;
const EVENTS = ["INSERT", "UPDATE", "DELETE"] as const;

/**
 * The triggers that an import removes while it writes: those that refuse, record changes, audit, or schedule deletions.
 * Its rows were allowed and recorded when they were first written, and now come in another order. Triggers that count
 * and derive stay.
 */
const SET_ASIDE = /RAISE\s*\(|INTO (?:change_log|audit|object_deletions)\b/i;

/** The state of a row here. `gone`: a newer line deletes it. `baseless`: a row that it depends on is missing. */
export type Standing = "new" | "there" | "gone" | "baseless";

/** D1: the index while it is recovered, from the newest lines to the oldest. */
export class ImportStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Returns whether there is no repository at all, not even a deleted one. */
  async isEmpty(): Promise<boolean> {
    const row = await prepare(this.#db, `SELECT max(id) AS id FROM repositories`).first();
    return row?.["id"] === null;
  }

  /** Closes the index to all but the import. @returns false when it is no longer empty, and stays open */
  async close(initiator: Initiator, source: string): Promise<boolean> {
    const entry: AuditEntry = { action: "import.begin", reference: source };
    // May be repeated: a caller that lost the answer closes it again, which is the same import and audited once.
    await this.#db.batch([
      auditChange(this.#db, initiator, entry, isClosed("NOT EXISTS")),
      ...CLOSED.flatMap((table) =>
        EVENTS.map((event) =>
          prepare(
            this.#db,
            `CREATE TRIGGER IF NOT EXISTS ${closing(table, event)} BEFORE ${event} ON ${table}
             BEGIN SELECT RAISE(ABORT, '${RAISED.importing}'); END`,
          ),
        ),
      ),
    ]);
    if (await this.isEmpty()) return true;
    await this.#db.batch(this.#opening());
    return false;
  }

  async open(initiator: Initiator, source: string): Promise<void> {
    const entry: AuditEntry = { action: "import.end", reference: source };
    await this.#db.batch([
      auditChange(this.#db, initiator, entry, isClosed("EXISTS")),
      ...this.#opening(),
    ]);
  }

  /** Renumbers the changes made here so far, which are few, after all imported ones. */
  async renumber(after: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE change_log SET id = id + max(:after, (SELECT max(id) FROM change_log))
       WHERE (SELECT min(id) FROM change_log) <= :after`,
      { after },
    ).run();
  }

  /** Lists objects to read, numbered from `first` on. */
  async listObjects(first: number, keys: readonly string[]): Promise<void> {
    await prepare(
      this.#db,
      `INSERT INTO import_objects (n, key) SELECT :first + w.key, w.value FROM json_each(:keys) w WHERE true
       ON CONFLICT (n) DO UPDATE SET key = excluded.key`,
      { first, keys: JSON.stringify(keys) },
    ).run();
  }

  /** Returns the objects up to a number, the last of them first. */
  async objects(upTo: number, limit: number): Promise<{ n: number; key: string }[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT n, key FROM import_objects WHERE n <= :upTo ORDER BY n DESC LIMIT :limit`,
      { upTo, limit },
    ).all<{ n: number; key: string }>();
    return results;
  }

  /** Returns the state of each row, in their order. */
  async standing(kind: Kind, rows: readonly Row[]): Promise<Standing[]> {
    const { key, bases } = tableOf(kind);
    const wanted = new Set([...key, ...bases.flatMap(({ columns }) => Object.values(columns))]);
    const keys = rows.map((row) => pick(row, wanted));
    const equal = key.map((column) => `t.${column} = ${value(column)}`).join(" AND ");
    // A line about a blob link has all of it, and is written only where no newer one is.
    const there =
      kind === "blob_links" ? "false" : `EXISTS (SELECT 1 FROM ${kind} t WHERE ${equal})`;
    const gone = bases.map((base) => isGone(base.table, Object.values(base.columns)));
    const based = bases.map(({ table: base, columns }) => {
      const pairs = Object.entries(columns);
      const same = pairs.map(([column, own]) => `b.${column} = ${value(own)}`).join(" AND ");
      const none = pairs.map(([, own]) => `${value(own)} IS NULL`).join(" OR ");
      return `(${none} OR EXISTS (SELECT 1 FROM ${base} b WHERE ${same}))`;
    });
    const statements = chunked(keys).map((chunk) =>
      prepare(
        this.#db,
        `SELECT CASE
           WHEN ${there} THEN 'there'
           WHEN ${[isGone(kind, key), ...gone].join(" OR ")} THEN 'gone'
           WHEN ${["true", ...based].join(" AND ")} THEN 'new' ELSE 'baseless' END AS standing
         FROM json_each(:chunk) w ORDER BY w.key`,
        { chunk },
      ),
    );
    if (statements.length === 0) return [];
    const results = await this.#db.batch<{ standing: Standing }>(statements);
    return results.flatMap((result) => result.results.map(({ standing }) => standing));
  }

  /**
   * Writes new rows, all or nothing, and records deleted ones.
   * @param lines the newest first: of two about the same blob the first is right
   * @returns how many were written; a row may be blocked by another of the same name
   */
  async write(lines: readonly RowLine[], gone: readonly Gone[]): Promise<number> {
    const inserts = insertTables(this.#db, lines);
    const results = await this.#unseen([
      ...inserts,
      // The triggers make each link an unreferenced blob until a reference is written.
      ...insertBlobLinks(this.#db, lines),
      ...insertReferences(this.#db, lines),
      ...chargeManifests(this.#db, lines),
      this.#gone(gone),
    ]);
    return results
      .slice(0, inserts.length)
      .reduce((sum, { results: rows }) => sum + rows.length, 0);
  }

  /** Deletes links to blobs that no manifest names: their objects may be gone. @returns how many */
  async dropUnnamed(limit: number): Promise<number> {
    const [result] = await this.#unseen([
      prepare(
        this.#db,
        `DELETE FROM repository_blobs WHERE (repository_id, digest_id) IN (
           SELECT repository_id, digest_id FROM unreferenced_blobs ORDER BY since LIMIT :limit)
         RETURNING digest_id`,
        { limit },
      ),
    ]);
    return result?.results.length ?? 0;
  }

  /** Deletes the rows that only the import needed. @returns how many, up to the limit for each kind */
  async clear(limit: number): Promise<number> {
    const results = await this.#db.batch([
      prepare(
        this.#db,
        `DELETE FROM import_tombstones WHERE (kind, key) IN (
           SELECT kind, key FROM import_tombstones LIMIT :limit) RETURNING 1`,
        { limit },
      ),
      prepare(
        this.#db,
        `DELETE FROM import_objects WHERE n IN (SELECT n FROM import_objects LIMIT :limit) RETURNING 1`,
        { limit },
      ),
    ]);
    return results.reduce((sum, result) => sum + result.results.length, 0);
  }

  /** Runs a batch without the triggers that are meant for new rows. */
  async #unseen(statements: readonly D1PreparedStatement[]): Promise<D1Result[]> {
    const { results: triggers } = await prepare(
      this.#db,
      `SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name <> 'assertions'`,
    ).all<{ name: string; sql: string }>();
    const aside = triggers.filter(({ sql }) => SET_ASIDE.test(sql));
    const results = await this.#db.batch([
      ...aside.map(({ name }) => prepare(this.#db, `DROP TRIGGER ${name}`)),
      ...statements,
      ...aside.map(({ sql }) => prepare(this.#db, sql)),
    ]);
    return results.slice(aside.length, aside.length + statements.length);
  }

  #opening(): D1PreparedStatement[] {
    return CLOSED.flatMap((table) =>
      EVENTS.map((event) => prepare(this.#db, `DROP TRIGGER IF EXISTS ${closing(table, event)}`)),
    );
  }

  #gone(gone: readonly Gone[]): D1PreparedStatement {
    return prepare(
      this.#db,
      `INSERT INTO import_tombstones (kind, key)
       SELECT w.value ->> 0, w.value ->> 1 FROM json_each(:gone) w WHERE true ON CONFLICT DO NOTHING`,
      { gone: JSON.stringify(gone.map(({ kind, key }) => [kind, key])) },
    );
  }
}

/** A row that was deleted. */
export interface Gone {
  readonly kind: Kind;
  /** JSON: the values of its primary key. */
  readonly key: string;
}

function isGone(kind: Kind, columns: readonly string[]): string {
  return `EXISTS (SELECT 1 FROM import_tombstones g
    WHERE g.kind = '${kind}' AND g.key = json_array(${columns.map(value).join(", ")}))`;
}

function pick(row: Row, columns: ReadonlySet<string>): Row {
  return Object.fromEntries(Object.entries(row).filter(([column]) => columns.has(column)));
}

/** The condition for the audit entry of closing or opening the index. */
function isClosed(sign: "EXISTS" | "NOT EXISTS"): Fragment {
  return {
    sql: `SELECT 1 WHERE ${sign} (SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = :trigger)`,
    values: { trigger: closing("repositories", "INSERT") },
  };
}

function closing(table: string, event: string): string {
  return `closed_to_${event.toLowerCase()}_${table}`;
}
