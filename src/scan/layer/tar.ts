import { WalkEnd, type Limits } from "./limits.ts";
import { type Extension, readPax } from "./pax.ts";
import { BLOCK_BYTES, parseHeader, type TarHeader } from "./tar-header.ts";
import type { Window } from "./window.ts";

export interface TarEntry {
  /** Null for a type that is no entry of the file system, or not known. */
  readonly kind: "file" | "directory" | "hardlink" | "other" | null;
  /** As the archive names it. */
  readonly name: string;
  /** What a hard link is one of. */
  readonly linkName: string;
  readonly mode: number;
  /** How many bytes of content follow. */
  readonly sizeBytes: number;
  /** The bytes that follow are not the file's own. */
  readonly isSparse: boolean;
}

/** Blocks of the map of one sparse file. */
const MAX_SPARSE_BLOCKS = 10_000;

const decoder = new TextDecoder();

/**
 * Walks a tar archive to its end, which is a block of zeros or the end of its bytes. What of an entry's content was not read from the
 * window is passed over.
 * @throws WalkEnd where the archive is broken
 */
export async function* tarEntries(window: Window, limits: Limits): AsyncGenerator<TarEntry, void> {
  let extension: Extension = {};
  let gnu: Extension = {};
  for (let headers = 0; ; headers++) {
    if (headers === limits.headers) {
      throw new WalkEnd(
        `The layer has more than ${limits.headers} entries; the rest was not read.`,
      );
    }
    const header = await nextHeader(window);
    if (header === null) return;
    if (header.type === "x" || header.type === "X") {
      readPax(await extendedHeader(window, header, limits), extension);
    } else if (header.type === "L") {
      gnu.path = untilNul(await extendedHeader(window, header, limits));
    } else if (header.type === "K") {
      gnu.linkPath = untilNul(await extendedHeader(window, header, limits));
    } else {
      const entry = entryOf(header, { ...extension, ...gnu });
      extension = {};
      gnu = {};
      if (header.isExtended) await passSparseMap(window);
      const end = window.position + entry.sizeBytes;
      yield entry;
      await passTo(window, end);
    }
  }
}

async function nextHeader(window: Window): Promise<TarHeader | null> {
  const position = window.position;
  const block = await window.read(BLOCK_BYTES);
  if (block.length < BLOCK_BYTES) {
    // The blocks of zeros at the end may be missing, wholly or in part.
    if (block.every((byte) => byte === 0)) return null;
    throw truncated();
  }
  return parseHeader(block, position);
}

async function extendedHeader(
  window: Window,
  { sizeBytes }: TarHeader,
  { extendedHeaderBytes }: Limits,
): Promise<Uint8Array> {
  if (sizeBytes > extendedHeaderBytes) {
    throw new WalkEnd(
      `The layer's tar archive has an extended header of more than ${extendedHeaderBytes} bytes; the rest was not read.`,
    );
  }
  const bytes = new Uint8Array(sizeBytes);
  if ((await window.load(bytes)) < sizeBytes) throw truncated();
  await window.pass(paddingOf(sizeBytes));
  return bytes;
}

function untilNul(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  return decoder.decode(nul < 0 ? bytes : bytes.subarray(0, nul));
}

/** Types by POSIX.1-1988 "ustar" and GNU's tar; null for what is no entry of the file system. */
function kindOf(type: string, name: string): TarEntry["kind"] | null {
  // The format of V7 has no type, and marks directories by a slash.
  if (type === "\0") return name.endsWith("/") ? "directory" : "file";
  if (type === "0" || type === "7" || type === "S") return "file";
  if (type === "1") return "hardlink";
  if (type === "5") return "directory";
  return type === "2" || type === "3" || type === "4" || type === "6" ? "other" : null;
}

/** Engines, which unpack by Go's archive/tar, apply no global pax headers, and read no content of links, devices and directories. */
function entryOf(header: TarHeader, extension: Extension): TarEntry {
  const name = extension.path ?? header.name;
  const kind = kindOf(header.type, name);
  const hasContent = kind === "file" || kind === null;
  return {
    kind,
    name,
    linkName: extension.linkPath ?? header.linkName,
    mode: header.mode,
    sizeBytes: hasContent ? (extension.sizeBytes ?? header.sizeBytes) : 0,
    isSparse: extension.isSparse === true || header.type === "S",
  };
}

/** The map's further blocks stand between header and content; byte 504 of each says whether another comes. */
async function passSparseMap(window: Window): Promise<void> {
  for (let blocks = 0; blocks < MAX_SPARSE_BLOCKS; blocks++) {
    const block = await window.read(BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw truncated();
    if (block[504] !== 1) return;
  }
  throw new WalkEnd(
    "The layer's tar archive has a sparse file of too many parts; the rest was not read.",
  );
}

function paddingOf(position: number): number {
  return (BLOCK_BYTES - (position % BLOCK_BYTES)) % BLOCK_BYTES;
}

function truncated(): WalkEnd {
  return new WalkEnd("The layer's tar archive is cut off.");
}

async function passTo(window: Window, end: number): Promise<void> {
  const rest = end - window.position;
  if ((await window.pass(rest)) < rest) throw truncated();
  await window.pass(paddingOf(end));
}
