import { UnreadableFile } from "../../layer/list.ts";

/** The layout is that of rpm's lib/backend/ndb/rpmpkg.c: numbers are little-endian, and their letters are magic. */
const MAGIC = letters("RpmP");
const SLOT = letters("Slot");
const BLOB = letters("BlbS");
const BLOB_END = letters("BlbE");

/** The first page has the database's header in place of its first two slots. */
const PAGE_BYTES = 4_096;
const HEADER_BYTES = 32;
const SLOT_BYTES = 16;

/** Blobs begin at multiples of this, with a head and a tail around the header that they hold. */
const BLOCK_BYTES = 16;
const BLOB_HEAD_BYTES = 16;
const BLOB_TAIL_BYTES = 12;

function letters(word: string): number {
  const bytes = new TextEncoder().encode(word);
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

/**
 * Reads the headers of rpm's database of its own format, which SUSE uses.
 * @throws UnreadableFile
 */
export function* ndbHeaders(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw new UnreadableFile("it is no ndb database");
  }
  const version = view.getUint32(4, true);
  if (version !== 0) throw new UnreadableFile(`it is of version ${version} of ndb, and 0 is read`);
  const slotsEnd = view.getUint32(12, true) * PAGE_BYTES;
  if (slotsEnd > bytes.length) throw new UnreadableFile("it ends within its slots");
  for (let at = HEADER_BYTES; at < slotsEnd; at += SLOT_BYTES) {
    if (view.getUint32(at, true) !== SLOT) throw new UnreadableFile("a slot in it is none");
    // A slot that is free is of package 0.
    if (view.getUint32(at + 4, true) === 0) continue;
    yield blobOf(view, at);
  }
}

function blobOf(view: DataView, slot: number): Uint8Array {
  const number = view.getUint32(slot + 4, true);
  const at = view.getUint32(slot + 8, true) * BLOCK_BYTES;
  const end = at + view.getUint32(slot + 12, true) * BLOCK_BYTES;
  if (end > view.byteLength || end - at < BLOB_HEAD_BYTES + BLOB_TAIL_BYTES) {
    throw new UnreadableFile("a slot in it names a place that it does not have");
  }
  const length = view.getUint32(at + 12, true);
  const isWhole =
    view.getUint32(at, true) === BLOB &&
    view.getUint32(at + 4, true) === number &&
    BLOB_HEAD_BYTES + length + BLOB_TAIL_BYTES <= end - at &&
    view.getUint32(end - 4, true) === BLOB_END;
  if (!isWhole) throw new UnreadableFile("a slot in it names what is no package");
  return new Uint8Array(view.buffer, view.byteOffset + at + BLOB_HEAD_BYTES, length);
}
