import { UnreadableFile } from "../../layer/list.ts";

/** A number, or the bytes of a text or a blob; null for NULL and for what no table of rpm's has: floats and huge numbers. */
export type Column = number | Uint8Array | null;

/** Tables of rpm's have two columns, the schema has five. */
const MAX_COLUMNS = 8;

/** Reads a varint (sqlite.org/fileformat2.html, § 1.6): seven bits a byte, the highest first, eight in a ninth byte. */
export function varint(bytes: Uint8Array, at: number): { value: number; end: number } {
  let value = 0;
  for (let i = 0; i < 9; i++) {
    const byte = bytes[at + i];
    if (byte === undefined)
      throw new UnreadableFile("a number in it goes over the end of its page");
    value = i === 8 ? value * 256 + byte : value * 128 + (byte & 0x7f);
    if (byte < 0x80 || i === 8) {
      if (value > Number.MAX_SAFE_INTEGER) throw new UnreadableFile("a number in it is too large");
      return { value, end: at + i + 1 };
    }
  }
  throw new UnreadableFile("a number in it has no end");
}

/** Reads the columns of a record (§ 2.1): the length of its header, the types of the values, the values. */
export function columnsOf(record: Uint8Array): readonly Column[] {
  const header = varint(record, 0);
  const columns: Column[] = [];
  let at = header.end;
  let valueAt = header.value;
  while (at < header.value) {
    if (columns.length === MAX_COLUMNS)
      throw new UnreadableFile("a row in it has too many columns");
    const type = varint(record, at);
    const length = lengthOf(type.value);
    const value = record.subarray(valueAt, valueAt + length);
    if (value.length < length) throw new UnreadableFile("a row in it ends too early");
    columns.push(valueOf(type.value, value));
    at = type.end;
    valueAt += length;
  }
  return columns;
}

const LENGTHS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function lengthOf(type: number): number {
  return type >= 12 ? Math.floor((type - 12) / 2) : (LENGTHS[type] ?? 0);
}

function valueOf(type: number, bytes: Uint8Array): Column {
  if (type >= 12) return bytes;
  if (type === 8 || type === 9) return type - 8;
  if (type < 1 || type > 4) return null;
  // Page numbers are positive, so signs do not matter here.
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}
