import { inflateRawSync } from "node:zlib";
import { UnreadableFile } from "../layer/list.ts";
import { textOf } from "./content.ts";

/** One file in an archive, as the directory at the archive's end has it. */
export interface ZipEntry {
  readonly name: string;
  /** Unpacked, if the directory is right. */
  readonly sizeBytes: number;
  readonly isDeflated: boolean;
  /** A part of the archive: nothing is copied. */
  readonly packed: Uint8Array;
}

// APPNOTE.TXT § 4.3.7, 4.3.12 and 4.3.16.
const FILE_SIGNATURE = 0x04034b50;
const FILE_HEADER_BYTES = 30;
const DIRECTORY_SIGNATURE = 0x02014b50;
const DIRECTORY_HEADER_BYTES = 46;
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const MAX_COMMENT_BYTES = 0xffff;

const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;

/**
 * Returns the files of a zip archive whose names are wanted, in the order of its directory. Those are left out that are
 * encrypted, packed by another method than deflate, or not where the directory says, so as Java could not open them.
 * Archives of ZIP64 need more than 4 GB, or 65,535 files, whose count is not looked at.
 * @throws UnreadableFile if it is no such archive
 */
export function entriesOf(bytes: Uint8Array, isWanted: (name: string) => boolean): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endOf(view);
  const directory = end - view.getUint32(end + 12, true);
  // Offsets count from the first file. A program that unpacks the archive may stand before that.
  const origin = directory - view.getUint32(end + 16, true);
  if (directory < 0 || origin < 0)
    throw new UnreadableFile("the directory of the archive is damaged");
  const entries: ZipEntry[] = [];
  for (let at = directory; at < end;) {
    if (at + DIRECTORY_HEADER_BYTES > end || view.getUint32(at, true) !== DIRECTORY_SIGNATURE) {
      throw new UnreadableFile("the directory of the archive is damaged");
    }
    const nameEnd = at + DIRECTORY_HEADER_BYTES + view.getUint16(at + 28, true);
    const name = textOf(bytes.subarray(at + DIRECTORY_HEADER_BYTES, nameEnd));
    const entry = isWanted(name) ? entryAt(view, at, origin) : null;
    if (entry !== null) entries.push({ name, ...entry });
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

/** The record at the end has a comment after it, so it is searched for from there. */
function endOf(view: DataView): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT_BYTES); at--) {
    if (view.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) <= view.byteLength) return at;
  }
  throw new UnreadableFile("it is no zip archive");
}

function entryAt(view: DataView, at: number, origin: number): Omit<ZipEntry, "name"> | null {
  const isEncrypted = (view.getUint16(at + 8, true) & ENCRYPTED) !== 0;
  const method = view.getUint16(at + 10, true);
  if (isEncrypted || (method !== STORED && method !== DEFLATED)) return null;
  const start = origin + view.getUint32(at + 42, true);
  if (start + FILE_HEADER_BYTES > view.byteLength) return null;
  if (view.getUint32(start, true) !== FILE_SIGNATURE) return null;
  // The extra field of a file's header may have another length than that of the directory.
  const lengths = view.getUint16(start + 26, true) + view.getUint16(start + 28, true);
  const packedStart = start + FILE_HEADER_BYTES + lengths;
  const packedEnd = packedStart + view.getUint32(at + 20, true);
  if (packedEnd > view.byteLength) return null;
  return {
    sizeBytes: view.getUint32(at + 24, true),
    isDeflated: method === DEFLATED,
    packed: new Uint8Array(view.buffer, view.byteOffset + packedStart, packedEnd - packedStart),
  };
}

/**
 * Unpacks a file of an archive. No more is unpacked than the directory says, so check `sizeBytes` before.
 * @returns null if it is damaged
 */
export function unpack({ packed, isDeflated, sizeBytes }: ZipEntry): Uint8Array | null {
  if (!isDeflated || sizeBytes === 0) return packed.length === sizeBytes ? packed : null;
  try {
    const bytes = inflateRawSync(packed, { maxOutputLength: sizeBytes });
    return bytes.length === sizeBytes ? bytes : null;
  } catch {
    return null;
  }
}
