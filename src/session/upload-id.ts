import { createHmac } from "node:crypto";
import type { Settings } from "../settings.ts";
import { type Algorithm, parseAlgorithm } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { CLOCK_SKEW, type UploadClaims } from "./progress.ts";

/**
 * The id of an upload: `<name>.<algorithm>.<given out>.<deadline>.<signature>`. It contains all that the session needs
 * to begin with its first byte, so nothing is stored of an upload before that. It stands in the path, because some
 * clients lose the query of a Location, and has only characters that no client escapes (RFC 3986 § 2.3).
 */
export type UploadId = string & { readonly brand: "UploadId" };

/** The client that asks for an upload. */
export interface Holder {
  readonly repository: string;
  readonly actor: string | null;
  /**
   * When the client's token expires or expired, in milliseconds since 1970; null for never. An expired token is still
   * accepted for an upload that began before it expired.
   */
  readonly until: number | null;
}

/** The upload that an id names. */
export interface NamedUpload {
  /** The session's name: a random UUID, from which the keys of the upload's objects are made. */
  readonly name: string;
  readonly claims: UploadClaims;
}

const SHAPE = /^[\w.-]{1,200}$/;
const NAME = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const UPLOAD_ID = new RegExp(
  `^(${NAME})\\.(sha256|sha512)\\.([0-9a-z]{1,10})\\.([0-9a-z]{1,10})\\.([\\w-]{22})$`,
);
const RADIX = 36;
/** 128 bits: a signature cannot be guessed, and two ids with the same one cannot be found. */
const SIGNATURE_BYTES = 16;

/**
 * Parses text in the place of an id. Only the signature proves that it is an id, and that is checked once the client is
 * known.
 * @throws BLOB_UPLOAD_UNKNOWN
 */
export function parseUploadId(text: string): UploadId {
  if (SHAPE.test(text)) return text as UploadId;
  throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
}

/** Issues ids and verifies them. */
export class UploadIds {
  /** The first key signs. Signatures of the others are accepted while the key is being changed. */
  readonly #keys: readonly string[];
  readonly #uploadTtl: number;

  constructor({
    tokenKey,
    nextTokenKey,
    uploadTtl,
  }: Pick<Settings, "tokenKey" | "nextTokenKey" | "uploadTtl">) {
    this.#keys = nextTokenKey === null ? [tokenKey] : [nextTokenKey, tokenKey];
    this.#uploadTtl = uploadTtl;
  }

  issue(holder: Holder, algorithm: Algorithm): UploadId {
    const now = Date.now();
    // The deadline is before the alarm of a session that begins at once, so the alarm never clears a session that could
    // begin again.
    const deadline = now + this.#uploadTtl - CLOCK_SKEW;
    const times = [now, deadline].map((time) => time.toString(RADIX));
    const content = [crypto.randomUUID(), algorithm, ...times].join(".");
    const [key = ""] = this.#keys;
    return `${content}.${signatureOf(content, holder, key)}` as UploadId;
  }

  /**
   * Verifies an id.
   * @throws BLOB_UPLOAD_UNKNOWN for an id that was never given out, that was given to another actor or for another
   *   repository, or that was given out after the holder's token had expired
   */
  open(id: UploadId, holder: Holder): NamedUpload {
    const [, name, algorithm, given, deadline, signature] = UPLOAD_ID.exec(id) ?? [];
    const content = [name, algorithm, given, deadline].join(".");
    const isOurs = this.#keys.some((key) => sameText(signature, signatureOf(content, holder, key)));
    const { repository, actor, until } = holder;
    const isLate = until !== null && timeOf(given) > until;
    if (name === undefined || !isOurs || isLate) throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
    return {
      name,
      claims: {
        repository,
        actor: actor ?? "",
        algorithm: parseAlgorithm(algorithm ?? ""),
        deadline: timeOf(deadline),
      },
    };
  }
}

function timeOf(text = ""): number {
  return Number.parseInt(text, RADIX);
}

/** Signs with a key that is derived for upload ids alone, so the key of the tokens signs nothing else. */
function signatureOf(content: string, { repository, actor }: Holder, key: string): string {
  const own = createHmac("sha256", key).update("slipway upload id").digest();
  const signed = JSON.stringify([content, repository, actor]);
  const signature = createHmac("sha256", own).update(signed).digest();
  const bytes = new Uint8Array(signature).subarray(0, SIGNATURE_BYTES);
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Compares in constant time, so that the time does not show how much of a guess is right. */
function sameText(given: string | undefined, expected: string): boolean {
  if (given?.length !== expected.length) return false;
  const [a, b] = [given, expected].map((text) => new TextEncoder().encode(text));
  return a !== undefined && b !== undefined && crypto.subtle.timingSafeEqual(a, b);
}
