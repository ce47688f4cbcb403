import { deflateRawSync, inflateRawSync } from "node:zlib";
import { DICTIONARIES, NEWEST } from "./manifest-dictionary.ts";

/**
 * The largest manifest, in bytes, whose text is in its row; a larger one is an object in the bucket. D1 allows a row of
 * 2 MB (developers.cloudflare.com/d1/platform/limits).
 */
export const MAX_ROW_CONTENT = 256 * 1024;

/**
 * SQL over `manifests m`: the stored text, in hexadecimal digits; '' if it is in the bucket. D1 would return a BLOB as
 * an array of numbers in JSON, nearly four characters a byte.
 */
export const STORED_TEXT = "hex(m.content) AS content";

/**
 * Deflates a manifest's text for its row: the number of the dictionary in one byte, then raw deflate (RFC 1951). Level 6,
 * since level 9 makes real manifests no smaller, and a hostile text takes it twenty times as long.
 * @returns hexadecimal digits, for `unhex()` in SQL
 */
export function deflateText(text: string): string {
  const dictionary = DICTIONARIES.get(NEWEST);
  if (dictionary === undefined) throw new Error(`there is no dictionary ${NEWEST}`);
  const deflated = deflateRawSync(new TextEncoder().encode(text), { level: 6, dictionary });
  return new Uint8Array([NEWEST]).toHex() + deflated.toHex();
}

/**
 * Returns a manifest's text from its row, byte for byte as it was pushed.
 * @param stored as `STORED_TEXT` selects it
 * @returns null if the text is in the bucket
 * @throws Error if the row is damaged
 */
export function inflateText(stored: string): string | null {
  if (stored === "") return null;
  const all = Uint8Array.fromHex(stored);
  const number = all[0] ?? 0;
  const dictionary = DICTIONARIES.get(number);
  if (dictionary === undefined) throw new Error(`a stored manifest has no dictionary ${number}`);
  const bytes = inflateRawSync(all.subarray(1), { dictionary, maxOutputLength: MAX_ROW_CONTENT });
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

interface Stored {
  readonly digest: string;
  readonly content: string | null;
}

/** Returns a row as `STORED_TEXT` selects it, with its text. @throws Error if the row is damaged */
export function inflated<Row extends Stored>(row: Row): Row {
  return { ...row, content: inflateText(row.content ?? "") };
}

/** Returns the same of one row among others, which a damaged one must not take along: it has `damaged` as its text. */
export function inflatedOr<Row extends Stored, Damaged>(
  damaged: Damaged,
  row: Row,
): Row | (Omit<Row, "content"> & { readonly content: Damaged }) {
  try {
    return inflated(row);
  } catch (error) {
    console.error(`the text of the manifest ${row.digest} is damaged`, error);
    return { ...row, content: damaged };
  }
}
