import { UnreadableFile } from "../../layer/list.ts";
import { Pages, within } from "./pages.ts";

/** The layout is that of Berkeley DB's src/dbinc/db_page.h; numbers have the order of the machine that wrote them. */
const HASH_MAGIC = 0x061561;

/** Offsets in the first page, which tells of the database. */
const MAGIC_AT = 12;
const PAGE_SIZE_AT = 20;
const ENCRYPTION_AT = 24;
const META_BYTES = 72;

/** Kinds of pages: of a hash (of which one is not sorted), and of what does not fit one. */
const HASH_UNSORTED = 2;
const OVERFLOW = 7;
const HASH = 13;

/** Offsets in a page's header. */
const NEXT_AT = 16;
const ENTRIES_AT = 20;
const FREE_AT = 22;
const KIND_AT = 25;
const PAGE_HEADER_BYTES = 26;

/** Kinds of values: one in the page, one in a run of overflow pages. */
const IN_PAGE = 1;
const OFF_PAGE = 3;
const OFF_PAGE_BYTES = 12;

/** Packages have keys of one number; number 0 has the counter of packages. */
const COUNTER_BYTES = 4;

interface Database {
  readonly pages: Pages;
  readonly isLittleEndian: boolean;
}

/**
 * Reads the headers of rpm's database of Berkeley DB: the values of a hash.
 * @throws UnreadableFile
 */
export function* berkeleyHeaders(bytes: Uint8Array): Generator<Uint8Array> {
  const database = open(bytes);
  const { pages } = database;
  pages.take(0);
  // Which bucket a page is of does not matter: pages of the hash are wherever they are.
  for (let number = 1; number < pages.count; number++) {
    const kind = bytes[number * pages.size + KIND_AT];
    if (kind !== HASH && kind !== HASH_UNSORTED) continue;
    for (const value of valuesOf(database, pages.take(number))) {
      if (value.length > COUNTER_BYTES) yield value;
    }
  }
}

function open(bytes: Uint8Array): Database {
  if (bytes.length < META_BYTES) throw new UnreadableFile("it is no Berkeley database");
  const meta = new DataView(bytes.buffer, bytes.byteOffset, META_BYTES);
  const isLittleEndian = meta.getUint32(MAGIC_AT, true) === HASH_MAGIC;
  if (!isLittleEndian && meta.getUint32(MAGIC_AT) !== HASH_MAGIC) {
    throw new UnreadableFile("it is no Berkeley database of the kind hash");
  }
  if (meta.getUint8(ENCRYPTION_AT) !== 0) throw new UnreadableFile("it is encrypted");
  const size = meta.getUint32(PAGE_SIZE_AT, isLittleEndian);
  if (size < 512 || size > 65_536 || (size & (size - 1)) !== 0) {
    throw new UnreadableFile(`its pages cannot have ${size} bytes`);
  }
  return { pages: new Pages(bytes, size), isLittleEndian };
}

/** Reads the values of a page: keys and values take turns, and lie one before the other from the end of the page. */
function* valuesOf(database: Database, page: DataView): Generator<Uint8Array> {
  const { isLittleEndian } = database;
  const count = page.getUint16(ENTRIES_AT, isLittleEndian);
  within(page, PAGE_HEADER_BYTES, count * 2);
  const offsetOf = (i: number) => page.getUint16(PAGE_HEADER_BYTES + i * 2, isLittleEndian);
  for (let i = 1; i < count; i += 2) {
    const at = offsetOf(i);
    const value = within(page, at, offsetOf(i - 1) - at);
    const [kind] = value;
    if (kind === OFF_PAGE) yield chainOf(database, page, at);
    else if (kind === IN_PAGE) yield value.subarray(1);
    else throw new UnreadableFile("a value in it is of a kind that rpm does not write");
  }
}

/** Reads a value from its run of pages. Each page is read once, so no circle is followed. */
function chainOf({ pages, isLittleEndian }: Database, page: DataView, at: number): Uint8Array {
  within(page, at, OFF_PAGE_BYTES);
  const length = page.getUint32(at + 8, isLittleEndian);
  if (length > pages.count * pages.size) {
    throw new UnreadableFile("a value in it is larger than the database");
  }
  const value = new Uint8Array(length);
  let next = page.getUint32(at + 4, isLittleEndian);
  for (let filled = 0; filled < length;) {
    const overflow = pages.take(next);
    if (overflow.getUint8(KIND_AT) !== OVERFLOW) {
      throw new UnreadableFile("a value in it goes on in a page of another kind");
    }
    const size = overflow.getUint16(FREE_AT, isLittleEndian);
    const part = within(overflow, PAGE_HEADER_BYTES, Math.min(size, length - filled));
    if (part.length === 0) throw new UnreadableFile("a value in it goes on in an empty page");
    value.set(part, filled);
    filled += part.length;
    next = overflow.getUint32(NEXT_AT, isLittleEndian);
  }
  return value;
}
