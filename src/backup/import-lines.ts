import { isDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { isReferenceKind } from "../db/manifest-references.ts";
import type { Columns } from "./export-store.ts";
import { type Kind, type Line, TABLES } from "./exported.ts";

/** A line, with the row that it is about. */
export interface Entry {
  readonly line: Line;
  readonly kind: Kind;
  /** JSON: the values of the primary key. */
  readonly key: string;
  /** Its length in the file, in characters. */
  readonly length: number;
}

type Fields = Readonly<Record<string, unknown>>;

const BLOB_LINK = ["repository_id", "digest"];
const REFERENCE = ["digest", "kind", "platform", "state", "blob"];

/**
 * Parses the lines of an exported object, and checks them against the tables and columns of this version.
 * @throws CONFLICT, which names the object, the line and what is wrong with it
 */
export function parseLines(object: string, text: string, columns: Columns): Entry[] {
  const lines = text.split("\n");
  const last = lines.pop();
  if (last !== "") throw broken(object, lines.length + 1, "it ends in the middle of a line");
  return lines.map((line, i) => {
    const wrong = (reason: string) => broken(object, i + 1, reason);
    return { ...parseLine(line, columns, wrong), length: line.length };
  });
}

type Wrong = (reason: string) => RegistryError;

function parseLine(text: string, columns: Columns, wrong: Wrong): Omit<Entry, "length"> {
  const line = parseJson(text, wrong);
  const { table } = line;
  if (!isKind(table)) throw wrong(`there is no table "${String(table)}"`);
  const names = table === "blob_links" ? BLOB_LINK : TABLES[table].key;
  if ("gone" in line) {
    requireFields(line, ["table", "gone"], wrong);
    const { gone } = line;
    const isKey = Array.isArray(gone) && gone.length === names.length && gone.every(isKeyValue);
    if (!isKey) throw wrong(`what is gone is no key of ${table}`);
    return { line: line as Line, kind: table, key: JSON.stringify(gone) };
  }
  const extra = { blob_links: ["state", "blob"], manifests: ["references"] };
  const more = table === "blob_links" || table === "manifests" ? extra[table] : [];
  requireFields(line, ["table", "row", ...more], wrong);
  const row = requireRow(
    line["row"],
    table === "blob_links" ? BLOB_LINK : columns.get(table),
    wrong,
  );
  const values = names.map((name) => row[name]);
  if (!values.every(isKeyValue)) throw wrong(`a row of ${table} without its key`);
  if (table === "blob_links") requireBlobState({ ...line, digest: row["digest"] }, columns, wrong);
  if (table === "manifests") {
    const { object = null } = row;
    if (object !== null) requireObject(object, "manifests/", wrong);
    requireReferences(line["references"], columns, wrong);
  }
  return { line: line as unknown as Line, kind: table, key: JSON.stringify(values) };
}

function parseJson(text: string, wrong: Wrong): Fields {
  try {
    const line: unknown = JSON.parse(text);
    if (isObject(line)) return line;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw wrong("it is no JSON object");
}

function requireReferences(list: unknown, columns: Columns, wrong: Wrong): void {
  if (!Array.isArray(list)) throw wrong("a manifest without its references");
  for (const reference of list as unknown[]) {
    if (!isObject(reference)) throw wrong("a reference is no object");
    requireFields(reference, REFERENCE, wrong);
    const { digest, kind, platform } = reference;
    if (typeof digest !== "string" || !isReferenceKind(String(kind))) {
      throw wrong("a reference without digest and kind");
    }
    if (platform !== undefined && typeof platform !== "string")
      throw wrong("a platform is no text");
    if (reference["state"] !== undefined) requireBlobState(reference, columns, wrong);
    if (!isDigest(digest)) throw wrong("a reference by no digest");
  }
}

function requireBlobState({ state, blob, digest }: Fields, columns: Columns, wrong: Wrong): void {
  if (state !== "linked" && state !== "trashed") throw wrong("a blob in no known state");
  const { key, digest: own } = requireRow(blob, columns.get("blobs"), wrong);
  requireObject(key, "blobs/", wrong);
  if (typeof own !== "string" || !isDigest(own) || own !== digest) {
    throw wrong("a blob under another digest than its own");
  }
}

/** Requires a key under the prefix, since the object that a row names is deleted one day. */
function requireObject(key: unknown, prefix: string, wrong: Wrong): void {
  if (typeof key !== "string" || !key.startsWith(prefix)) throw wrong(`no object of ${prefix}`);
}

/** Checks a row. Columns that later versions added may be missing. */
function requireRow(row: unknown, columns: readonly string[] = [], wrong: Wrong): Fields {
  if (!isObject(row)) throw wrong("it has no row");
  const unknown = Object.keys(row).find((column) => !columns.includes(column));
  if (unknown !== undefined) throw wrong(`there is no column "${unknown}"`);
  const isPlain = Object.values(row).every((value) => value === null || isKeyValue(value));
  if (!isPlain) throw wrong("a column is neither text nor number");
  return row;
}

function requireFields(object: Fields, known: readonly string[], wrong: Wrong): void {
  const unknown = Object.keys(object).find((field) => !known.includes(field));
  if (unknown !== undefined) throw wrong(`there is no field "${unknown}"`);
}

function isKind(table: unknown): table is Kind {
  return table === "blob_links" || (typeof table === "string" && Object.hasOwn(TABLES, table));
}

function isKeyValue(value: unknown): value is string | number {
  return typeof value === "string" || typeof value === "number";
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function broken(object: string, line: number, reason: string): RegistryError {
  return new RegistryError("CONFLICT", {
    message: `${object}, line ${line}: ${reason}. A newer version may have written it: deploy that one, and go on`,
    detail: { object, line },
  });
}
