import { UnreadableFile } from "../../layer/list.ts";
import type { Package } from "../../package.ts";
import { sourceOfRpm, withEpoch } from "./names.ts";

/** Tags (rpm.org/docs/latest/manual/tags.html). */
const NAME = 1000;
const VERSION = 1001;
const RELEASE = 1002;
const EPOCH = 1003;
const ARCH = 1022;
const SOURCE_RPM = 1044;

/** Types of values. */
const INT32 = 4;
const STRING = 6;

/** Two lengths, then entries of four numbers each: tag, type, offset, count. */
const INTRO_BYTES = 8;
const ENTRY_BYTES = 16;

/** Names, versions and names of source files: no real ones are as long. */
const MAX_STRING_BYTES = 1_024;

/** A key that signs packages is in the database as if it were one. */
const KEY = "gpg-pubkey";

/**
 * Reads the header of an installed package as databases hold it (rpm.org/docs/latest/manual/hregions.html): the number of
 * entries, the bytes of data, the entries, the data.
 * @returns null for what is no package but a key
 * @throws UnreadableFile
 */
export function readHeader(blob: Uint8Array, path: string): Package | null {
  const header = parse(blob);
  const name = header.string(NAME);
  const version = header.string(VERSION);
  const release = header.string(RELEASE);
  if (name === "" || version === "") {
    throw new UnreadableFile("a package in it has no name or no version");
  }
  if (name === KEY) return null;
  const epoch = header.number(EPOCH);
  const full = withEpoch(`${epoch}`, release === "" ? version : `${version}-${release}`);
  const source = sourceOfRpm(header.string(SOURCE_RPM), `${epoch}`);
  const isSame = source === null || (source.name === name && source.version === full);
  const arch = header.string(ARCH);
  return {
    type: "rpm",
    name,
    version: full,
    source: isSame ? null : source,
    arch: arch === "" ? null : arch,
    path,
  };
}

interface Header {
  /** Empty if the header has no such tag. */
  readonly string: (tag: number) => string;
  /** 0 if the header has no such tag. */
  readonly number: (tag: number) => number;
}

const WANTED = new Set([NAME, VERSION, RELEASE, EPOCH, ARCH, SOURCE_RPM]);

function parse(blob: Uint8Array): Header {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  if (blob.length < INTRO_BYTES) throw new UnreadableFile("a package's header in it is too short");
  const dataAt = INTRO_BYTES + view.getUint32(0) * ENTRY_BYTES;
  const end = dataAt + view.getUint32(4);
  if (end > blob.length) throw new UnreadableFile("a package's header in it ends too early");
  const places = new Map<number, { readonly type: number; readonly at: number }>();
  for (let at = INTRO_BYTES; at < dataAt; at += ENTRY_BYTES) {
    const tag = view.getUint32(at);
    if (WANTED.has(tag)) {
      places.set(tag, { type: view.getUint32(at + 4), at: dataAt + view.getUint32(at + 8) });
    }
  }
  return {
    string: (tag) => {
      const place = places.get(tag);
      return place === undefined || place.type !== STRING ? "" : text(blob, place.at, end);
    },
    number: (tag) => {
      const place = places.get(tag);
      return place === undefined || place.type !== INT32 || place.at + 4 > end
        ? 0
        : view.getUint32(place.at);
    },
  };
}

/** Reads a string that ends with a NUL. */
function text(blob: Uint8Array, at: number, end: number): string {
  const bytes = blob.subarray(at, Math.min(end, at + MAX_STRING_BYTES));
  const length = bytes.indexOf(0);
  if (length === -1) throw new UnreadableFile("a string of a package's header in it has no end");
  return new TextDecoder().decode(bytes.subarray(0, length));
}
