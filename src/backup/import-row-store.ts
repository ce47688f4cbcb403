import { insertDigestList } from "../db/digest-rows.ts";
import { idOf } from "../db/digests.ts";
import { kindNumber } from "../db/manifest-references.ts";
import { deflateText } from "../db/manifest-text.ts";
import { ROW_BYTES } from "../db/cost.ts";
import { type BlobState, type Line, type Row, TABLE_NAMES, type TableName } from "./exported.ts";
import { prepare } from "../db/sql.ts";

/** The statements that write imported rows, and their helpers. */

/** Characters, of up to 3 bytes each; D1 takes 2 MB in a parameter (developers.cloudflare.com/d1/platform/limits). */
const MAX_PARAMETER = 600_000;

/** A line with a row. */
export type RowLine = Extract<Line, { row: Row }>;

/** Makes a statement for each table and set of columns; it returns a row for each one that it writes. */
export function insertTables(db: D1Database, lines: readonly RowLine[]): D1PreparedStatement[] {
  const tables = Map.groupBy(lines, ({ table }) => table);
  return TABLE_NAMES.flatMap((table) => {
    const rows = (tables.get(table) ?? []).map(({ row }) => row);
    return insertRows(db, table, table === "manifests" ? rows.map(deflated) : rows);
  });
}

/** Columns that the rows do not have get their defaults. */
function insertRows(
  db: D1Database,
  table: TableName | "blobs",
  rows: readonly Row[],
): D1PreparedStatement[] {
  const shapes = Map.groupBy(rows, (row) => Object.keys(row).join(", "));
  return [...shapes].flatMap(([shape, of]) => {
    const columns = shape.split(", ").map((name) => writtenAs(table, name));
    return chunked(of).map((chunk) =>
      prepare(
        db,
        `INSERT INTO ${table} (${columns.map(({ column }) => column).join(", ")})
         SELECT ${columns.map(({ sql }) => sql).join(", ")} FROM json_each(:chunk) w WHERE true
         ON CONFLICT DO NOTHING RETURNING 1`,
        { chunk },
      ),
    );
  });
}

/**
 * Returns the row of a manifest with its text as it is stored. One that was damaged when it was exported has neither
 * text nor object: it is missing until it is pushed again.
 */
function deflated(row: Row): Row {
  const { content, object = null } = row;
  if (typeof content === "string") return { ...row, content: deflateText(content) };
  return object === null ? { ...row, missing_since: row["missing_since"] ?? Date.now() } : row;
}

/** Returns the column that a field of a line is written to, and SQL of its value. */
function writtenAs(table: TableName | "blobs", name: string): { column: string; sql: string } {
  const field = value(name);
  if (table === "blobs" && name === "digest") return { column: "digest_id", sql: idOf(field) };
  if (table === "manifests" && name === "content") return { column: name, sql: `unhex(${field})` };
  return { column: name, sql: field };
}

/**
 * Writes blobs and the links of repositories to them; a blob without a link is deleted again.
 * @param lines the newest first: of two about the same blob the first is right
 */
export function insertBlobLinks(db: D1Database, lines: readonly RowLine[]): D1PreparedStatement[] {
  const found = lines.flatMap(blobLinksIn);
  const newest = uniqueBy(found, ({ repository, digest }) => `${repository} ${digest}`);
  const blobs = uniqueBy(newest, ({ digest }) => digest).map(({ blob }) => blob);
  const links = chunked(newest.map(({ repository, digest, how }) => [repository, digest, how]));
  const insert = (table: string, other: string, how: BlobState) =>
    links.map((chunk) =>
      prepare(
        db,
        `INSERT INTO ${table} (repository_id, digest_id)
         SELECT r.id, ${idOf("w.value ->> 1")} FROM json_each(:chunk) w
         CROSS JOIN repositories r ON r.id = w.value ->> 0
         WHERE w.value ->> 2 = :how AND NOT EXISTS (
           SELECT 1 FROM ${other} o WHERE o.repository_id = r.id AND o.digest_id = ${idOf("w.value ->> 1")})
         ON CONFLICT DO NOTHING`,
        { chunk, how },
      ),
    );
  return [
    ...chunked(newest.map(({ digest }) => digest)).map((chunk) => insertDigestList(db, chunk)),
    ...insertRows(db, "blobs", blobs),
    ...insert("repository_blobs", "trashed_blobs", "linked"),
    ...insert("trashed_blobs", "repository_blobs", "trashed"),
    ...links.map((chunk) =>
      prepare(
        db,
        `DELETE FROM blobs WHERE digest_id IN (SELECT ${idOf("w.value ->> 1")} FROM json_each(:chunk) w)
           AND NOT EXISTS (SELECT 1 FROM repository_blobs l WHERE l.digest_id = blobs.digest_id)
           AND NOT EXISTS (SELECT 1 FROM trashed_blobs k WHERE k.digest_id = blobs.digest_id)`,
        { chunk },
      ),
    ),
  ];
}

export function insertReferences(db: D1Database, lines: readonly RowLine[]): D1PreparedStatement[] {
  const rows = lines.flatMap((line) => {
    if (line.table !== "manifests") return [];
    const { repository_id, digest: manifest } = line.row;
    return line.references.map(({ digest, kind, platform = null }) => [
      repository_id,
      manifest,
      digest,
      kindNumber(kind),
      platform,
    ]);
  });
  return [
    ...chunked(rows.map(([, , digest]) => digest)).map((chunk) => insertDigestList(db, chunk)),
    ...chunked(rows).map((chunk) =>
      prepare(
        db,
        `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind, platform)
         SELECT m.repository_id, m.id, ${idOf("w.value ->> 2")}, w.value ->> 3, w.value ->> 4
         FROM json_each(:chunk) w
         CROSS JOIN manifests m ON m.repository_id = w.value ->> 0 AND m.digest = w.value ->> 1
         WHERE true ON CONFLICT DO NOTHING`,
        { chunk },
      ),
    ),
  ];
}

/** Sets the cost of manifests, which older exports do not have. */
export function chargeManifests(db: D1Database, lines: readonly RowLine[]): D1PreparedStatement[] {
  const keys = lines.flatMap(({ table, row }) =>
    table === "manifests" ? [[row["repository_id"], row["digest"]]] : [],
  );
  return chunked(keys).map((chunk) =>
    prepare(
      db,
      `UPDATE manifests SET cost = size + ${ROW_BYTES} * (1 + (
         SELECT count(*) FROM manifest_references f
         WHERE f.repository_id = manifests.repository_id AND f.manifest_id = manifests.id))
       WHERE (repository_id, digest) IN (
         SELECT w.value ->> 0, w.value ->> 1 FROM json_each(:chunk) w)`,
      { chunk },
    ),
  );
}

/** A blob, and how a repository holds it. */
interface BlobLinkLine {
  readonly repository: number;
  readonly digest: string;
  readonly how: BlobState;
  readonly blob: Row;
}

function blobLinksIn(line: RowLine): BlobLinkLine[] {
  const repository = Number(line.row["repository_id"]);
  if (line.table === "blob_links") {
    const { state: how, blob } = line;
    return [{ repository, digest: String(line.row["digest"]), how, blob }];
  }
  if (line.table !== "manifests") return [];
  return line.references.flatMap(({ digest, state: how, blob }) =>
    how === undefined || blob === undefined ? [] : [{ repository, digest, how, blob }],
  );
}

/** Returns the first item of each key. */
function uniqueBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  const first = new Map<string, T>();
  for (const item of items) {
    const key = keyOf(item);
    if (!first.has(key)) first.set(key, item);
  }
  return [...first.values()];
}

/** Makes JSON lists, each small enough for one parameter; none of no items. */
export function chunked(items: readonly unknown[]): string[] {
  const chunks: string[][] = [];
  let room = 0;
  for (const item of items) {
    const text = JSON.stringify(item);
    if (text.length > room) {
      chunks.push([]);
      room = MAX_PARAMETER;
    }
    chunks.at(-1)?.push(text);
    room -= text.length;
  }
  return chunks.map((texts) => `[${texts.join(",")}]`);
}

/** SQL: a column of the row `w`. */
export function value(column: string): string {
  return `(w.value ->> '${column}')`;
}
