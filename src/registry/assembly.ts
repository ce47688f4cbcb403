import { algorithmOf, type Algorithm, type Digest, formatDigest } from "../oci/digest.ts";
import { tooLarge } from "../session/parts.ts";
import { type Lease, MAX_PART_NUMBER, type Written } from "../session/progress.ts";
import { finalHash } from "../session/running-hash.ts";
import {
  type Bucket,
  digestMismatch,
  isNoSuchUpload,
  type Multipart,
  type UploadedPart,
} from "../storage/bucket.ts";

/** Puts an upload's parts together, whichever of its requests got how far. */
export class Assembly {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /**
   * Makes one object of the parts and the tail, and verifies its digest: beforehand by the hash that was carried along, or
   * by reading the object back when that could not be.
   * @throws DIGEST_INVALID. The object of a mismatch is left to the session's alarm, which knows whether it is in use.
   */
  async complete(
    multipart: Multipart,
    lease: Lease,
    written: Written,
    digest: Digest,
  ): Promise<void> {
    const carried = carriedDigest(lease.algorithm, written, digest);
    if (carried !== null && carried !== digest) throw digestMismatch(digest);
    const parts = [...written.parts];
    const number = Math.max(lease.firstPart, (parts.at(-1)?.number ?? 0) + 1);
    const last = written.tail.length > 0 ? { number, bytes: written.tail } : null;
    if (last !== null && number > MAX_PART_NUMBER) throw tooLarge();
    const completedNow = await this.completeOnce(multipart, parts, written.offset, last);
    if (completedNow && carried !== null) return;
    if ((await this.#readBack(multipart.key, digest)) !== digest) throw digestMismatch(digest);
  }

  /**
   * @param size what the object then has
   * @param last bytes that are no part yet
   * @returns false when an earlier request got as far as completing the object, but not as far as saying so. Its last bytes
   *   may have come in that request's body, so they are not known to be these.
   */
  async completeOnce(
    multipart: Multipart,
    parts: readonly UploadedPart[],
    size: number,
    last: { readonly number: number; readonly bytes: Uint8Array } | null = null,
  ): Promise<boolean> {
    try {
      const ending =
        last === null ? [] : [await this.#bucket.uploadPart(multipart, last.number, last.bytes)];
      await this.#bucket.completeMultipart(multipart, [...parts, ...ending]);
      return true;
    } catch (error) {
      const actual = isNoSuchUpload(error) ? await this.#bucket.sizeOf(multipart.key) : null;
      if (actual === size) return false;
      throw error;
    }
  }

  async open(key: string): Promise<ReadableStream> {
    const body = await this.#bucket.open(key);
    if (body === null) throw new Error(`object ${key} vanished during its upload`);
    return body;
  }

  async #readBack(key: string, digest: Digest): Promise<Digest> {
    const algorithm = algorithmOf(digest);
    const stream = new crypto.DigestStream(algorithm === "sha256" ? "SHA-256" : "SHA-512");
    await (await this.open(key)).pipeTo(stream);
    return formatDigest(algorithm, new Uint8Array(await stream.digest));
  }
}

/** The digest over all bytes, if the hash was carried along in its algorithm; else null. */
function carriedDigest(
  algorithm: Algorithm,
  { hash, tail }: Written,
  digest: Digest,
): Digest | null {
  if (hash.kind === "whole") {
    return algorithmOf(hash.digest) === algorithmOf(digest) ? hash.digest : null;
  }
  if (algorithm !== algorithmOf(digest)) return null;
  return formatDigest(algorithm, finalHash(algorithm, hash.state, tail));
}
