import type { Signing } from "../../auth/token.ts";
import { invalid } from "./input.ts";

/** Begins no name. */
const MARK = "~";
const IV_BYTES = 12;
const BASE64 = { alphabet: "base64url", omitPadding: true } as const;

/** A place in a list that the caller may not see: the name of a repository that it may not pull, say. */
export async function seal(place: string, signing: Signing): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const key = await keyOf(signing.nextKey ?? signing.key);
  const bytes = new TextEncoder().encode(place);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, bytes);
  return MARK + iv.toBase64(BASE64) + new Uint8Array(sealed).toBase64(BASE64);
}

/** The place that `?after=` says, sealed or not. @throws FIELD_INVALID for one that was not sealed here */
export async function unseal(after: string, { key, nextKey }: Signing): Promise<string> {
  if (!after.startsWith(MARK)) return after;
  for (const secret of nextKey === null ? [key] : [nextKey, key]) {
    const place = await open(after.slice(MARK.length), secret);
    if (place !== null) return place;
  }
  throw invalid("after", "is from another time or registry: begin again without it");
}

async function open(text: string, secret: string): Promise<string | null> {
  try {
    const bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
    const iv = bytes.slice(0, IV_BYTES);
    const key = await keyOf(secret);
    const opened = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, bytes.slice(IV_BYTES));
    return new TextDecoder().decode(opened);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof DOMException) return null;
    throw error;
  }
}

/** A key of its own: what signs tokens is not used for anything else. */
async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = new TextEncoder().encode(`slipway list cursor\n${secret}`);
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return crypto.subtle.importKey("raw", digest, "AES-GCM", false, ["encrypt", "decrypt"]);
}
