import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName, Sources } from "../oci/reference.ts";
import type { ByteRange } from "../oci/page.ts";
import type { Origin } from "../storage/audit-index.ts";
import type { BlobIndex, StoredBlob } from "../storage/blob-index.ts";
import type { Bucket } from "../storage/bucket.ts";

export type { StoredBlob };

/** A blob is visible only through a repository that holds it. */
export class Blobs {
  readonly #index: BlobIndex;
  readonly #bucket: Bucket;

  constructor(index: BlobIndex, bucket: Bucket) {
    this.#index = index;
    this.#bucket = bucket;
  }

  /** @throws BLOB_UNKNOWN */
  async find(repository: RepositoryName, digest: Digest): Promise<StoredBlob> {
    const blob = await this.#index.find(repository, digest);
    if (blob === null) throw new RegistryError("BLOB_UNKNOWN", { detail: { digest } });
    return blob;
  }

  /**
   * As `find`, for a client that asks whether it has to push the blob: it stays for the grace time.
   * @throws BLOB_UNKNOWN
   */
  async confirm(repository: RepositoryName, digest: Digest): Promise<StoredBlob> {
    const blob = await this.#index.confirm(repository, digest);
    if (blob === null) throw new RegistryError("BLOB_UNKNOWN", { detail: { digest } });
    return blob;
  }

  /**
   * The bytes, streamed from R2; nothing of them passes through this isolate's memory.
   * @throws BLOB_UNKNOWN when the blob has gone since it was found
   */
  async open(blob: StoredBlob, range?: ByteRange): Promise<ReadableStream> {
    const body = await this.#bucket.open(blob.key, range);
    if (body !== null) return body;
    if ((await this.#index.keysInUse([blob.key])).size === 0) {
      throw new RegistryError("BLOB_UNKNOWN");
    }
    throw new Error(`object ${blob.key} is missing though its row is there`);
  }

  /** @returns false when none of the sources holds the blob: the client has to upload it */
  mount(
    repository: RepositoryName,
    digest: Digest,
    sources: Sources,
    origin: Origin,
  ): Promise<boolean> {
    return this.#index.mount(repository, digest, sources, origin);
  }

  /** @throws BLOB_UNKNOWN, or REFERENCED while a manifest of the repository names it */
  async delete(repository: RepositoryName, digest: Digest, origin: Origin): Promise<void> {
    const removed = await this.#index.remove(repository, digest, origin);
    if (!removed) throw new RegistryError("BLOB_UNKNOWN", { detail: { digest } });
  }
}
