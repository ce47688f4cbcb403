import { algorithmOf, type Digest, hexOf } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { ByteRange } from "../oci/page.ts";

/** R2's errors have their code in parentheses at the end of the message, and nowhere else. */
const BAD_DIGEST = /\(10037\)/;
const CONNECTION_LOST = /Network connection lost/;
/** Internal error, service unavailable, too many requests for one key: errors after which R2 asks to try again. */
const TRANSIENT = /\((?:10001|10043|10058)\)/;
/**
 * The pauses before each new try, in milliseconds. A key accepts one write a second
 * (developers.cloudflare.com/r2/platform/limits), and a write that failed may still have been made.
 */
const RETRY_AFTER = [100, 1_000];
const NO_SUCH_UPLOAD = /\(10024\)/;

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

export interface Multipart {
  readonly key: string;
  readonly uploadId: string;
}

/**
 * The repository that an object is for. It is stored in the object's metadata, so the object can be assigned again
 * after the loss of the database.
 */
export interface Owner {
  readonly repository: string;
  /** The media type, if the object is a manifest. */
  readonly mediaType?: string;
}

/** An object in a listing of the bucket. */
export interface Listed {
  readonly key: string;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly uploaded: number;
  /** From the object's metadata; null if it has none. */
  readonly repository: string | null;
  readonly mediaType: string | null;
}

/** Reads and writes objects in R2. */
export class Bucket {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  /** @returns null when there is no such object. */
  async open(key: string, range?: ByteRange): Promise<ReadableStream | null> {
    const options = range === undefined ? {} : { range };
    const object = await retrying(() => this.#bucket.get(key, options));
    return object?.body ?? null;
  }

  /** @returns the object's size in bytes, or null when there is none. */
  async sizeOf(key: string): Promise<number | null> {
    return (await retrying(() => this.#bucket.head(key)))?.size ?? null;
  }

  /**
   * Writes an object in one piece. R2 itself verifies the digest, and stores nothing if the bytes do not have it.
   * @returns the object's size in bytes
   * @throws DIGEST_INVALID
   */
  async put(
    key: string,
    body: ReadableStream | Uint8Array,
    digest: Digest,
    owner: Owner,
  ): Promise<number> {
    try {
      const options = { [algorithmOf(digest)]: hexOf(digest), customMetadata: { ...owner } };
      // A stream cannot be sent again once it has been read; bytes can.
      const put = () => this.#bucket.put(key, body, options);
      const { size } = body instanceof Uint8Array ? await retrying(put) : await put();
      return size;
    } catch (error) {
      if (BAD_DIGEST.test(String(error))) throw digestMismatch(digest, error);
      // Either the client or R2 may have broken the connection. A client that is still there should try again.
      if (CONNECTION_LOST.test(String(error)))
        throw new RegistryError("UNAVAILABLE", { cause: error });
      throw error;
    }
  }

  async createMultipart(key: string, owner: Owner): Promise<Multipart> {
    const options = { customMetadata: { ...owner } };
    const { uploadId } = await retrying(() => this.#bucket.createMultipartUpload(key, options));
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

  /**
   * Aborts a multipart upload. One that has already ended is no error: after a lost answer, both sides may abort it.
   */
  async abortMultipart({ key, uploadId }: Multipart): Promise<void> {
    try {
      const upload = this.#bucket.resumeMultipartUpload(key, uploadId);
      await retrying(() => upload.abort());
    } catch (error) {
      if (!isNoSuchUpload(error)) throw error;
    }
  }

  /** Writes a text under a key that may be overwritten, unlike those of blobs and manifests. */
  async write(key: string, text: string): Promise<void> {
    await retrying(() => this.#bucket.put(key, text));
  }

  /** Writes a text, unless the object already exists. */
  async writeOnce(key: string, text: string): Promise<void> {
    const onlyIf = new Headers({ "if-none-match": "*" });
    await retrying(() => this.#bucket.put(key, text, { onlyIf }));
  }

  /** @returns null when there is no such object */
  async read(key: string): Promise<string | null> {
    const body = await this.open(key);
    return body === null ? null : new Response(body).text();
  }

  /**
   * Lists objects in the order of their keys, from the first after a key, at most 1,000. A short or empty page need not
   * be the last: see `more`.
   */
  async list(
    prefix: string,
    after: string | null,
    limit = 1_000,
  ): Promise<{ readonly objects: readonly Listed[]; readonly more: boolean }> {
    const options: R2ListOptions = { prefix, limit, include: ["customMetadata"] };
    if (after !== null) options.startAfter = after;
    const { objects, truncated } = await retrying(() => this.#bucket.list(options));
    const listed = objects.map(({ key, size, uploaded, customMetadata = {} }) => ({
      key,
      size,
      uploaded: uploaded.getTime(),
      repository: customMetadata["repository"] ?? null,
      mediaType: customMetadata["mediaType"] ?? null,
    }));
    return { objects: listed, more: truncated };
  }

  /** Returns the names of the folders directly below a prefix; there are few. */
  async folders(prefix: string): Promise<string[]> {
    const { delimitedPrefixes } = await retrying(() =>
      this.#bucket.list({ prefix, delimiter: "/" }),
    );
    return delimitedPrefixes.map((folder) => folder.slice(prefix.length, -1));
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await retrying(() => this.#bucket.delete([...keys]));
  }
}

/**
 * Repeats a call while R2 asks to try again.
 * @throws UNAVAILABLE when the last try fails in the same way
 */
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
