import { createHmac } from "node:crypto";
import type { Settings } from "../settings.ts";
import { type Algorithm, parseAlgorithm } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { CLOCK_SKEW, type UploadClaims } from "./progress.ts";

/**
 * What a client is given to go on with an upload: `<name>.<algorithm>.<given out>.<deadline>.<signature>`. It says all that the
 * session needs to begin with its first byte, so nothing has to be kept of an upload before that. Of characters that no
 * client escapes (RFC 3986 § 2.3), and in the path: some clients lose a Location's query.
 */
export type UploadId = string & { readonly brand: "UploadId" };

/** Who asks for an upload. */
export interface Holder {
  readonly repository: string;
  readonly actor: string | null;
  /** When the token expires or expired, in milliseconds since 1970: it holds for an upload that began before. null: never. */
  readonly until: number | null;
}

/** What an id leads to. */
export interface NamedUpload {
  /** The session's name: random, and what the keys of the upload's objects are made of. */
  readonly name: string;
  readonly claims: UploadClaims;
}

const SHAPE = /^[\w.-]{1,200}$/;
const NAME = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const UPLOAD_ID = new RegExp(
  `^(${NAME})\\.(sha256|sha512)\\.([0-9a-z]{1,10})\\.([0-9a-z]{1,10})\\.([\\w-]{22})$`,
);
const RADIX = 36;
/** 128 bits: nobody can guess a signature, nor look for two ids that have the same. */
const SIGNATURE_BYTES = 16;

/**
 * A text in the place of an id. Whether it is one, only its signature says, once it is known who asks.
 * @throws BLOB_UPLOAD_UNKNOWN
 */
export function parseUploadId(text: string): UploadId {
  if (SHAPE.test(text)) return text as UploadId;
  throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
}

/** Gives ids out and knows them again. */
export class UploadIds {
  /** The first signs; what another one signed still holds while the key is being changed. */
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
    // Earlier than the alarm of a session that begins at once: see `Ticket.deadline`.
    const deadline = now + this.#uploadTtl - CLOCK_SKEW;
    const times = [now, deadline].map((time) => time.toString(RADIX));
    const content = [crypto.randomUUID(), algorithm, ...times].join(".");
    const [key = ""] = this.#keys;
    return `${content}.${signatureOf(content, holder, key)}` as UploadId;
  }

  /**
   * @throws BLOB_UPLOAD_UNKNOWN for an id that was never given out, or to somebody else or for another repository; or given
   *   out after the holder's token had expired
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

/** With a key of its own: what signs tokens signs nothing else. */
function signatureOf(content: string, { repository, actor }: Holder, key: string): string {
  const own = createHmac("sha256", key).update("slipway upload id").digest();
  const signed = JSON.stringify([content, repository, actor]);
  const signature = createHmac("sha256", own).update(signed).digest();
  const bytes = new Uint8Array(signature).subarray(0, SIGNATURE_BYTES);
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Does not tell by the time it takes how close the guess was. */
function sameText(given: string | undefined, expected: string): boolean {
  if (given?.length !== expected.length) return false;
  const [a, b] = [given, expected].map((text) => new TextEncoder().encode(text));
  return a !== undefined && b !== undefined && crypto.subtle.timingSafeEqual(a, b);
}
