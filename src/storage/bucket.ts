import { algorithmOf, type Digest, hexOf } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { ByteRange } from "../oci/page.ts";

/** R2's errors have no structured code; it stands in parentheses at the end of the message. */
const BAD_DIGEST = /\(10037\)/;
const CONNECTION_LOST = /Network connection lost/;
/** Internal error, unavailable, too many requests for one key: R2 asks to try again. */
const TRANSIENT = /\((?:10001|10043|10058)\)/;
const RETRY_AFTER = [100, 400];
const NO_SUCH_UPLOAD = /\(10024\)/;

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

export interface Multipart {
  readonly key: string;
  readonly uploadId: string;
}

/** The bytes, in R2. */
export class Bucket {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /** @returns null when there is no such object. */
  async open(key: string, range?: ByteRange): Promise<ReadableStream | null> {
    const object = await this.#bucket.get(key, range === undefined ? {} : { range });
    return object?.body ?? null;
  }

  /** @returns the object's size in bytes, or null when there is none. */
  async sizeOf(key: string): Promise<number | null> {
    return (await this.#bucket.head(key))?.size ?? null;
  }

  /**
   * Writes an object in one piece; R2 itself verifies the digest, and nothing is stored when it does not match.
   * @throws DIGEST_INVALID
   */
  async put(key: string, body: ReadableStream | Uint8Array, digest: Digest): Promise<number> {
    try {
      const checksum = { [algorithmOf(digest)]: hexOf(digest) };
      // A stream is gone when it has been read; bytes can be sent again.
      const put = () => this.#bucket.put(key, body, checksum);
      const { size } = body instanceof Uint8Array ? await retrying(put) : await put();
      return size;
    } catch (error) {
      if (BAD_DIGEST.test(String(error))) throw digestMismatch(digest, error);
      // Either side may have broken off, the client or R2. The client, if it is still there, should try again.
      if (CONNECTION_LOST.test(String(error)))
        throw new RegistryError("UNAVAILABLE", { cause: error });
      throw error;
    }
  }

  async createMultipart(key: string): Promise<Multipart> {
    const { uploadId } = await retrying(() => this.#bucket.createMultipartUpload(key));
    return { key, uploadId };
  }

  async uploadPart(
    { key, uploadId }: Multipart,
    number: number,
    bytes: Uint8Array,
  ): Promise<UploadedPart> {
    const upload = this.#bucket.resumeMultipartUpload(key, uploadId);
    const { etag } = await retrying(() => upload.uploadPart(number, bytes));
    return { number, etag };
  }

  async completeMultipart(
    { key, uploadId }: Multipart,
    parts: readonly UploadedPart[],
  ): Promise<void> {
    const upload = this.#bucket.resumeMultipartUpload(key, uploadId);
    const uploaded = parts.map(({ number, etag }) => ({ partNumber: number, etag }));
    await retrying(() => upload.complete(uploaded));
  }

  /** Aborting what has ended already is no error: both sides of a lost answer may do it. */
  async abortMultipart({ key, uploadId }: Multipart): Promise<void> {
    try {
      await this.#bucket.resumeMultipartUpload(key, uploadId).abort();
    } catch (error) {
      if (!isNoSuchUpload(error)) throw error;
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#bucket.delete([...keys]);
  }
}

/** @throws UNAVAILABLE when R2 asks once too often to try again */
async function retrying<T>(call: () => Promise<T>): Promise<T> {
  for (const pause of RETRY_AFTER) {
    try {
      return await call();
    } catch (error) {
      if (!TRANSIENT.test(String(error))) throw error;
      await scheduler.wait(pause);
    }
  }
  return call().catch((cause: unknown) => {
    if (TRANSIENT.test(String(cause))) throw new RegistryError("UNAVAILABLE", { cause });
    throw cause;
  });
}

export function isNoSuchUpload(error: unknown): boolean {
  return NO_SUCH_UPLOAD.test(String(error));
}

export function digestMismatch(digest: Digest, cause?: unknown): RegistryError {
  return new RegistryError("DIGEST_INVALID", {
    message: "the bytes that arrived do not have this digest; nothing was stored",
    detail: { digest },
    cause,
  });
}
