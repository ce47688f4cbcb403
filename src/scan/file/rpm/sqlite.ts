import { UnreadableFile } from "../../layer/list.ts";
import { Pages, within } from "./pages.ts";
import { columnsOf, varint, type Column } from "./sqlite-record.ts";

/** The layout and its sections (§) are those of sqlite.org/fileformat2.html. */
const MAGIC = "SQLite format 3\0";

/** The file's header (§ 1.3), which is at the beginning of the first page. */
const HEADER_BYTES = 100;

/** § 1.6: what a page of a table's b-tree is. */
const INTERIOR = 0x05;
const LEAF = 0x0d;

const TABLE = "Packages";

/** rpm's schema has some forty tables and indexes. */
const MAX_SCHEMA_ROWS = 1_000;

interface Database {
  readonly pages: Pages;
  /** The bytes of a page without those at its end that are reserved for extensions. */
  readonly usable: number;
}

/**
 * Reads the headers of rpm's database: the column `blob` of its table `Packages`. What a write-ahead log beside the file has is
 * not seen.
 * @throws UnreadableFile
 */
export function* sqliteHeaders(bytes: Uint8Array): Generator<Uint8Array> {
  const database = databaseOf(bytes);
  for (const row of rowsOf(database, rootOf(database))) {
    const [, blob] = columnsOf(row);
    if (!(blob instanceof Uint8Array)) {
      throw new UnreadableFile("a row of its table Packages has no header");
    }
    yield blob;
  }
}

function databaseOf(bytes: Uint8Array): Database {
  if (new TextDecoder("latin1").decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) {
    throw new UnreadableFile("it is no SQLite database");
  }
  if (bytes.length < HEADER_BYTES) throw new UnreadableFile("it ends within its header");
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const size = header.getUint16(16) === 1 ? 65_536 : header.getUint16(16);
  const usable = size - header.getUint8(20);
  if (size < 512 || (size & (size - 1)) !== 0 || usable < 480) {
    throw new UnreadableFile(`its pages cannot have ${size} bytes`);
  }
  // The encoding of texts, which is 0 in a database that was never written to.
  if (header.getUint32(56) > 1) throw new UnreadableFile("its texts are not in UTF-8");
  return { pages: new Pages(bytes, size), usable };
}

/** Finds the table of packages in the schema (§ 2.6), whose columns are type, name, tbl_name, rootpage and sql. */
function rootOf(database: Database): number {
  let count = 0;
  for (const row of rowsOf(database, 1)) {
    if (count++ === MAX_SCHEMA_ROWS) throw new UnreadableFile("it has too many tables");
    const [type, name, , root] = columnsOf(row);
    if (isText(type, "table") && isText(name, TABLE) && typeof root === "number") return root;
  }
  throw new UnreadableFile(`it has no table ${TABLE}`);
}

function isText(column: Column | undefined, text: string): boolean {
  if (!(column instanceof Uint8Array) || column.length !== text.length) return false;
  return new TextDecoder().decode(column) === text;
}

/** Walks a table's b-tree. Each page is read once, so no circle of pages is followed. */
function* rowsOf(database: Database, root: number): Generator<Uint8Array> {
  const waiting = [root];
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    const page = pageOf(database, number);
    // The first page has the file's header before its own.
    const at = number === 1 ? HEADER_BYTES : 0;
    const kind = page.getUint8(at);
    if (kind !== INTERIOR && kind !== LEAF) {
      throw new UnreadableFile("a page of a table in it is not a table's");
    }
    const cells = cellsOf(page, at, kind);
    if (kind === LEAF) {
      for (const cell of cells) yield payloadOf(database, page, cell);
      continue;
    }
    waiting.push(page.getUint32(at + 8));
    for (const cell of cells.toReversed()) waiting.push(numberAt(page, cell));
    // Else pages that are named again and again would fill the memory before one is read again.
    if (waiting.length > database.pages.count) {
      throw new UnreadableFile("it names more pages than it has");
    }
  }
}

/** Returns where in a page its cells begin. */
function cellsOf(page: DataView, at: number, kind: number): readonly number[] {
  const count = page.getUint16(at + 3);
  const pointersAt = at + (kind === INTERIOR ? 12 : 8);
  within(page, pointersAt, count * 2);
  return Array.from({ length: count }, (_, i) => page.getUint16(pointersAt + i * 2));
}

function numberAt(page: DataView, at: number): number {
  within(page, at, 4);
  return page.getUint32(at);
}

function pageOf({ pages }: Database, number: number): DataView {
  if (number === 0) throw new UnreadableFile("it names a page that it does not have");
  return pages.take(number - 1);
}

/** Reads a row's record (§ 1.6), whose beginning is in the page and whose rest is in overflow pages. */
function payloadOf(database: Database, page: DataView, cell: number): Uint8Array {
  const bytes = within(page, 0, database.usable);
  const length = varint(bytes, cell);
  const rowId = varint(bytes, length.end);
  const local = localBytes(length.value, database.usable);
  const first = within(page, rowId.end, local);
  if (local === length.value) return first;
  if (length.value > database.pages.count * database.usable) {
    throw new UnreadableFile("a row in it is larger than the database");
  }
  const payload = new Uint8Array(length.value);
  payload.set(first);
  let next = numberAt(page, rowId.end + local);
  for (let filled = local; filled < payload.length;) {
    const overflow = pageOf(database, next);
    next = overflow.getUint32(0);
    const part = within(overflow, 4, Math.min(database.usable - 4, payload.length - filled));
    payload.set(part, filled);
    filled += part.length;
  }
  return payload;
}

/** § 1.6: how much of a payload is in the page of a table's leaf. */
function localBytes(length: number, usable: number): number {
  const most = usable - 35;
  if (length <= most) return length;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const wanted = least + ((length - least) % (usable - 4));
  return wanted <= most ? wanted : least;
}
