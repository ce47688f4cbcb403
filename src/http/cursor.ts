import type { Signing } from "../auth/login/jwt.ts";
import { invalid } from "./input.ts";

/** The first character of an encrypted cursor; no name begins with it. */
const MARK = "~";
const IV_BYTES = 12;
const BASE64 = { alphabet: "base64url", omitPadding: true } as const;

/** The lists with encrypted cursors. A cursor is valid only for the list that it was made for. */
export type SealedList = "repositories" | "catalog" | "deleted-repositories" | "retention-preview";

/** Encrypts a cursor: its text may be the name of a repository that the caller must not see. */
export async function encryptCursor(
  place: string,
  list: SealedList,
  signing: Signing,
): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const key = await keyOf(signing.nextKey ?? signing.key);
  const bytes = new TextEncoder().encode(place);
  const encrypted = await crypto.subtle.encrypt(algorithm(iv, list), key, bytes);
  return MARK + iv.toBase64(BASE64) + new Uint8Array(encrypted).toBase64(BASE64);
}

/**
 * Decrypts the cursor of `?after=`; a plain one is returned unchanged.
 * @throws FIELD_INVALID for a cursor of another key or list
 */
export async function decryptCursor(
  after: string,
  list: SealedList,
  { key, nextKey }: Signing,
): Promise<string> {
  if (!after.startsWith(MARK)) return after;
  for (const secret of nextKey === null ? [key] : [nextKey, key]) {
    const place = await open(after.slice(MARK.length), list, secret);
    if (place !== null) return place;
  }
  throw invalid("after", "is from another time, list or registry: begin again without it");
}

async function open(text: string, list: SealedList, secret: string): Promise<string | null> {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const iv = bytes.slice(0, IV_BYTES);
    const key = await keyOf(secret);
    const opened = await crypto.subtle.decrypt(algorithm(iv, list), key, bytes.slice(IV_BYTES));
    return new TextDecoder().decode(opened);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof DOMException) return null;
    throw error;
  }
}

function algorithm(iv: Uint8Array<ArrayBuffer>, list: SealedList) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(list) };
}

/** Derives a key for cursors alone: the key that signs tokens is used for nothing else. */
async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(`slipway list cursor\n${secret}`);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return crypto.subtle.importKey("raw", digest, "AES-GCM", false, ["encrypt", "decrypt"]);
}
