/** How lists of packages and findings lie in D1: JSON, deflated, in a BLOB that statements read and write in hexadecimal digits. */
import { deflateRawSync, inflateRawSync } from "node:zlib";

/** D1 takes 2 MB for a parameter, which has two digits a byte (developers.cloudflare.com/d1/platform/limits). */
const MAX_STORED_BYTES = 900 * 1024;
/** JSON of packages is some ten times as long as what is stored of it. */
const MAX_TEXT_BYTES = 32 * 1024 ** 2;

/** Returns hexadecimal digits for `unhex()` in SQL; null for what is too long to be stored. */
export function deflated(value: unknown): string | null {
  const text = new TextEncoder().encode(JSON.stringify(value));
  if (text.length > MAX_TEXT_BYTES) return null;
  const bytes = deflateRawSync(text, { level: 6 });
  return bytes.length > MAX_STORED_BYTES ? null : bytes.toHex();
}

/** Returns the value of digits that `deflated` made. @throws Error if the row is damaged */
export function inflated(hex: string): unknown {
  const text = inflatedText(hex, MAX_TEXT_BYTES);
  if (text === null) throw new Error("what is stored is longer than what is ever stored");
  return JSON.parse(text) as unknown;
}

/** Returns the JSON of digits that `deflated` made; null where it is longer than `maxBytes`. @throws Error if the row is damaged */
export function inflatedText(hex: string, maxBytes: number): string | null {
  try {
    const maxOutputLength = Math.max(maxBytes, 1);
    const bytes = inflateRawSync(Uint8Array.fromHex(hex), { maxOutputLength });
    return new TextDecoder().decode(bytes);
  } catch (error) {
    // What goes over maxOutputLength; damaged bytes are another error.
    if (error instanceof RangeError) return null;
    throw error;
  }
}
