import { kindOf } from "../db/manifest-references.ts";
import { inflateText } from "../db/manifest-text.ts";
import { auditChange, type AuditEntry, type Initiator } from "../db/audit.ts";
import {
  type BlobState,
  type Kind,
  type Line,
  type ReferenceLine,
  type Row,
  TABLE_NAMES,
  TABLES,
  type TableName,
} from "./exported.ts";
import { prepare } from "../db/sql.ts";

/** A row by its key, which is JSON, and its approximate size in bytes. */
export interface SizedKey {
  readonly kind: Kind;
  readonly key: string;
  readonly approximateBytes: number;
}

export interface NotedChange extends SizedKey {
  readonly id: number;
}

/** The approximate size of a row without a known size, in bytes. */
const ROW_BYTES = 500;
/** The factor for a manifest's size: its references are written too, which takes about as much again. */
const MANIFEST_FACTOR = 2;

export type Columns = ReadonlyMap<string, readonly string[]>;

/** D1: the index as lines of JSON, and its change log. */
export class ExportStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Reads the columns of each table's lines, without computed ones. */
  async columns(): Promise<Columns> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS name, json_group_array(c.name) AS columns
       FROM json_each(:tables) w JOIN pragma_table_info(w.value) c GROUP BY w.value`,
      { tables: JSON.stringify([...TABLE_NAMES, "blobs"]) },
    ).all<{ name: string; columns: string }>();
    return new Map(
      results.map(({ name, columns }) => [name, ofLine(name, JSON.parse(columns) as string[])]),
    );
  }

  /** Reads changes after a number, the oldest first. */
  async changes(after: number, limit: number): Promise<NotedChange[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT c.id, c.kind, c.key, ${ROW_BYTES} + coalesce(CASE c.kind
         WHEN 'manifests' THEN (SELECT ${MANIFEST_FACTOR} * m.size FROM manifests m
           WHERE m.repository_id = c.key ->> 0 AND m.digest = c.key ->> 1)
         WHEN 'repositories' THEN (SELECT length(r.readme) FROM repositories r WHERE r.id = c.key ->> 0)
         END, 0) AS approximateBytes
       FROM change_log c WHERE c.id > :after ORDER BY c.id LIMIT :limit`,
      { after, limit },
    ).all<NotedChange>();
    return results;
  }

  /** Returns the number of the newest change, and whether there is no repository at all, not even a deleted one. */
  async newest(): Promise<{ readonly id: number; readonly isEmpty: boolean }> {
    const row = await prepare(
      this.#db,
      `SELECT (SELECT max(id) FROM change_log) AS id, (SELECT max(id) FROM repositories) AS used`,
    ).first<{ id: number | null; used: number | null }>();
    return { id: row?.id ?? 0, isEmpty: (row?.used ?? null) === null };
  }

  /** Deletes changes that have been exported, except the last of them. */
  async forget(exported: number): Promise<void> {
    await prepare(this.#db, `DELETE FROM change_log WHERE id < :exported`, { exported }).run();
  }

  /** Reads rows of a table in the order of their keys. @param after a key, or null for the beginning */
  async page(table: TableName, after: string | null, limit: number): Promise<SizedKey[]> {
    const { key } = TABLES[table];
    const columns = key.join(", ");
    const bounds = key.map((_, i) => `:after ->> ${i}`).join(", ");
    const approximateBytes = EXTRA_BYTES[table] ?? "0";
    const { results } = await prepare(
      this.#db,
      `SELECT json_array(${columns}) AS key, ${ROW_BYTES} + ${approximateBytes} AS approximateBytes FROM ${table}
       ${after === null ? "WHERE :after IS NULL" : `WHERE (${columns}) > (${bounds})`} ORDER BY ${columns} LIMIT :limit`,
      { limit, after },
    ).all<{ key: string; approximateBytes: number }>();
    return results.map((row) => ({ ...row, kind: table }));
  }

  /** Reads rows as they are at one moment, a line each, in the order in which their keys first occur. */
  async lines(rows: readonly Pick<SizedKey, "kind" | "key">[]): Promise<Line[]> {
    const columns = await this.columns();
    const keys = Map.groupBy(rows, ({ kind }) => kind);
    const kinds = [...keys].map(([kind, of]) => {
      const distinct = [...new Set(of.map(({ key }) => key))];
      return { kind, keys: distinct, parameter: `[${distinct.join(",")}]` };
    });
    const statements = kinds.flatMap(({ kind, parameter }) => {
      if (kind === "blob_links") return [this.#blobLinks(parameter, columns)];
      const own = this.#rows(kind, parameter, columns);
      return kind === "manifests" ? [own, this.#references(parameter, columns)] : [own];
    });
    if (statements.length === 0) return [];
    const results = (await this.#db.batch<Row>(statements)).map((result) => result.results);
    return kinds.flatMap(({ kind, keys: of }) => {
      const found = new Map(results.shift()?.map((row) => [String(row["line_key"]), row]));
      const references = kind === "manifests" ? groupReferences(results.shift() ?? []) : undefined;
      return of.map((key) => lineOf(kind, key, found.get(key), references?.get(key) ?? []));
    });
  }

  async note(initiator: Initiator, entry: AuditEntry): Promise<void> {
    await auditChange(this.#db, initiator, entry).run();
  }

  #rows(table: TableName, keys: string, columns: Columns): D1PreparedStatement {
    const found = TABLES[table].key.map((column, i) => `t.${column} = w.value ->> ${i}`);
    const all = columns.get(table)?.map((column) => selected(table, column)) ?? [];
    return prepare(
      this.#db,
      `SELECT w.value AS line_key, ${all.join(", ")} FROM json_each(:keys) w
       CROSS JOIN ${table} t ON ${found.join(" AND ")}`,
      { keys },
    );
  }

  #references(keys: string, columns: Columns): D1PreparedStatement {
    return prepare(
      this.#db,
      `SELECT w.value AS line_key, d.digest AS line_digest, f.kind AS line_kind,
         f.platform AS line_platform, ${BLOB_STATE} AS line_state,
         ${blobColumns(columns)}
       FROM json_each(:keys) w
       CROSS JOIN manifests m ON m.repository_id = w.value ->> 0 AND m.digest = w.value ->> 1
       CROSS JOIN manifest_references f ON f.repository_id = m.repository_id AND f.manifest_id = m.id
       CROSS JOIN digests d ON d.id = f.digest_id
       LEFT JOIN repository_blobs l ON l.repository_id = f.repository_id AND l.digest_id = f.digest_id
       LEFT JOIN trashed_blobs k ON k.repository_id = f.repository_id AND k.digest_id = f.digest_id
       LEFT JOIN blobs b ON b.digest_id = f.digest_id`,
      { keys },
    );
  }

  #blobLinks(keys: string, columns: Columns): D1PreparedStatement {
    return prepare(
      this.#db,
      `SELECT w.value AS line_key, ${BLOB_STATE} AS line_state, ${blobColumns(columns)}
       FROM json_each(:keys) w
       CROSS JOIN digests d ON d.hash = unhex(substr(w.value ->> 1, 8))
       LEFT JOIN repository_blobs l ON l.repository_id = w.value ->> 0 AND l.digest_id = d.id
       LEFT JOIN trashed_blobs k ON k.repository_id = w.value ->> 0 AND k.digest_id = d.id
       JOIN blobs b ON b.digest_id = coalesce(l.digest_id, k.digest_id)`,
      { keys },
    );
  }
}

/** Returns the columns of a table's lines. Ids that only this database knows are not in them: a blob has its digest. */
function ofLine(table: string, columns: readonly string[]): string[] {
  if (table === "manifests") return columns.filter((column) => column !== "id");
  return columns.map((column) => (column === "digest_id" ? "digest" : column));
}

/** SQL: a column of a row `t`. */
function selected(table: TableName, column: string): string {
  return table === "manifests" && column === "content"
    ? "hex(t.content) AS content"
    : `t.${column}`;
}

/** SQL: how a repository holds a blob, by its link `l` or as a trashed blob `k`. */
const BLOB_STATE = `CASE WHEN l.digest_id IS NOT NULL THEN 'linked' WHEN k.digest_id IS NOT NULL THEN 'trashed' END`;

/** SQL: the size of a row beyond the usual one, in bytes. */
const EXTRA_BYTES: Partial<Record<TableName, string>> = {
  manifests: `${MANIFEST_FACTOR} * size`,
  repositories: "length(readme)",
};

function blobColumns(columns: Columns): string {
  const own = (columns.get("blobs") ?? []).filter((column) => column !== "digest");
  return ["d.digest", ...own.map((column) => `b.${column}`)].join(", ");
}

function groupReferences(rows: readonly Row[]): Map<string, ReferenceLine[]> {
  const groups = new Map<string, ReferenceLine[]>();
  for (const { line_key, line_digest, line_kind, line_platform, line_state, ...blob } of rows) {
    const reference = {
      digest: String(line_digest),
      kind: kindOf(Number(line_kind)),
      ...(typeof line_platform === "string" ? { platform: line_platform } : {}),
    };
    const of = groups.get(String(line_key)) ?? [];
    of.push(
      line_state === null || line_state === undefined
        ? reference
        : { ...reference, state: line_state as BlobState, blob },
    );
    groups.set(String(line_key), of);
  }
  return groups;
}

function lineOf(
  kind: Kind,
  key: string,
  found: Row | undefined,
  references: readonly ReferenceLine[],
): Line {
  const values = JSON.parse(key) as (string | number)[];
  if (found === undefined) return { table: kind, gone: values };
  const { line_key: _, line_state: state, ...row } = found;
  if (kind === "manifests") {
    const content = exportedText(String(row["content"] ?? ""), key);
    return { table: kind, row: { ...row, content }, references };
  }
  if (kind !== "blob_links") return { table: kind, row };
  const [repository_id = 0, digest = ""] = values;
  return { table: kind, row: { repository_id, digest }, state: state as BlobState, blob: row };
}

/**
 * Returns a manifest's text. A damaged one is left out, and fsck reports it here and after an import: one row must not
 * end the backup of all others.
 */
function exportedText(stored: string, key: string): string | null {
  try {
    return inflateText(stored);
  } catch (error) {
    console.error(`export: the manifest ${key} is damaged`, error);
    return null;
  }
}
