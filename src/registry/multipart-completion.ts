import { algorithmOf, type Algorithm, type Digest, formatDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { tooLarge } from "../session/parts.ts";
import {
  type KnownObject,
  type Lease,
  MAX_PART_NUMBER,
  type ChunkResult,
} from "../session/progress.ts";
import { finalHash } from "../session/running-hash.ts";
import {
  type Bucket,
  digestMismatch,
  isNoSuchUpload,
  type Multipart,
  type UploadedPart,
} from "../db/bucket.ts";

/** The multipart upload that a finishing request completes. */
export interface Target {
  readonly multipart: Multipart;
  readonly lease: Lease;
  /** What is known of the object, if an earlier finish has completed it; else null. */
  readonly object: KnownObject | null;
}

/** Puts an upload's parts together, whichever of its requests got how far. */
export class MultipartCompletion {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /**
   * Makes one object of the parts and the tail. Its digest is verified before, by the hash that was computed as the
   * bytes came.
   * @returns the object; without the digest if the hash was not computed in that algorithm, so that the object has to
   *   be read back
   * @throws DIGEST_INVALID
   */
  async complete(
    { multipart, lease, object }: Target,
    written: ChunkResult,
    digest: Digest,
  ): Promise<KnownObject> {
    const size = written.offset;
    const known = object?.size === size ? object : null;
    const carried =
      known?.digests.find((one) => algorithmOf(one) === algorithmOf(digest)) ??
      carriedDigest(lease.algorithm, written, digest);
    if (carried !== null && carried !== digest) throw digestMismatch(digest);
    if (known !== null) {
      await this.#requireObject(multipart.key, size);
      return known;
    }
    const parts = [...written.parts];
    const number = Math.max(lease.firstPart, (parts.at(-1)?.number ?? 0) + 1);
    const last = written.tail.length > 0 ? { number, bytes: written.tail } : null;
    if (last !== null && number > MAX_PART_NUMBER) throw tooLarge();
    const completedNow = await this.completeOnce(multipart, parts, size, last);
    const digests = completedNow && carried !== null ? [carried] : [];
    return { key: multipart.key, size, digests };
  }

  /**
   * Reads an object back.
   * @returns the object with its digest in that algorithm too
   */
  async readBack(object: KnownObject, algorithm: Algorithm): Promise<KnownObject> {
    const stream = new crypto.DigestStream(algorithm === "sha256" ? "SHA-256" : "SHA-512");
    await (await this.open(object.key)).pipeTo(stream);
    const digest = formatDigest(algorithm, new Uint8Array(await stream.digest));
    return { ...object, digests: [...object.digests, digest] };
  }

  /**
   * Completes the multipart upload, unless an earlier request did so.
   * @param size the completed object's size in bytes
   * @param last bytes that are no part yet, with their part number
   * @returns false if an earlier request completed the object but did not report it. The last bytes of the object may
   *   have come in that request's body, so nothing proves that they are these.
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

  /**
   * Checks that the object still exists: a finish that was over the quota has deleted it.
   * @throws BLOB_UPLOAD_UNKNOWN
   */
  async #requireObject(key: string, size: number): Promise<void> {
    if ((await this.#bucket.sizeOf(key)) === size) return;
    throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
  }

  async open(key: string): Promise<ReadableStream> {
    const body = await this.#bucket.open(key);
    if (body === null) throw new Error(`object ${key} vanished during its upload`);
    return body;
  }
}

/** Returns the digest over all bytes if their hash was computed in its algorithm as they came; else null. */
function carriedDigest(
  algorithm: Algorithm,
  { hash, tail }: ChunkResult,
  digest: Digest,
): Digest | null {
  if (hash.kind === "whole") {
    return algorithmOf(hash.digest) === algorithmOf(digest) ? hash.digest : null;
  }
  if (algorithm !== algorithmOf(digest)) return null;
  return formatDigest(algorithm, finalHash(algorithm, hash.state, tail));
}
