import { WalkEnd } from "./limits.ts";

/** What extended headers say of the entry that follows them. */
export interface Extension {
  path?: string;
  linkPath?: string;
  sizeBytes?: number;
  /** Its content in the archive is not the file's own: it starts with a map, and holes are left out. */
  isSparse?: boolean;
}

const SPACE = 0x20;
const NEWLINE = 0x0a;
const LENGTH_DIGITS = 10;
const decoder = new TextDecoder();

/**
 * Reads the records of a pax header, `LENGTH KEY=VALUE\n` each (POSIX.1-2001, "pax Extended Header"). An empty value takes back what was said.
 * @throws WalkEnd if one is broken
 */
export function readPax(bytes: Uint8Array, into: Extension): void {
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.subarray(at, at + LENGTH_DIGITS + 1).indexOf(SPACE);
    const digits = space < 1 ? "" : decoder.decode(bytes.subarray(at, at + space));
    const end = at + Number(digits);
    if (!/^\d+$/.test(digits) || end > bytes.length || end <= at + space) throw broken();
    if (bytes[end - 1] !== NEWLINE) throw broken();
    const record = bytes.subarray(at + space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) throw broken();
    take(decoder.decode(record.subarray(0, equals)), record.subarray(equals + 1), into);
    at = end;
  }
}

function take(key: string, value: Uint8Array, into: Extension): void {
  if (key === "path" || key === "GNU.sparse.name") assign(into, "path", textOf(value));
  else if (key === "linkpath") assign(into, "linkPath", textOf(value));
  else if (key === "size") {
    const digits = textOf(value);
    if (!/^\d{0,16}$/.test(digits) || Number(digits) > Number.MAX_SAFE_INTEGER) throw broken();
    if (digits === "") delete into.sizeBytes;
    else into.sizeBytes = Number(digits);
  } else if (key.startsWith("GNU.sparse.")) into.isSparse = true;
}

function assign(into: Extension, key: "path" | "linkPath", value: string): void {
  if (value === "") delete into[key];
  else into[key] = value;
}

function textOf(value: Uint8Array): string {
  if (value.includes(0)) throw broken();
  return decoder.decode(value);
}

function broken(): WalkEnd {
  return new WalkEnd(
    "The layer's tar archive is broken: an extended header has a record that is none.",
  );
}
