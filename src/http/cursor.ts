import type { Signing } from "../auth/login/jwt.ts";
import { invalid } from "./input.ts";

/** Begins no name. */
const MARK = "~";
const IV_BYTES = 12;
const BASE64 = { alphabet: "base64url", omitPadding: true } as const;

/** A list, whose cursors are for no other one. */
export type SealedList = "repositories" | "catalog" | "deleted-repositories" | "retention-preview";

/** A place in a list that the caller may not see: the name of a repository that it may not pull, say. */
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

/** The place that `?after=` says, sealed or not. @throws FIELD_INVALID for one that was not sealed here, and for this list */
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

/** A key of its own: what signs tokens is not used for anything else. */
async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(`slipway list cursor\n${secret}`);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return crypto.subtle.importKey("raw", digest, "AES-GCM", false, ["encrypt", "decrypt"]);
}
