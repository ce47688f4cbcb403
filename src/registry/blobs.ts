import type { Defer } from "../defer.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName, Sources } from "../oci/reference.ts";
import type { ByteRange } from "../oci/page.ts";
import type { Initiator } from "../db/audit.ts";
import type { BlobStore } from "../db/blobs.ts";
import type { ObjectCache } from "../db/object-cache.ts";
import type { PullReads } from "../db/pull-reads.ts";
import type { PullCache } from "./pull-cache.ts";
import type { Room } from "./room.ts";

/** A blob that was found, which can be read as a whole or in ranges. */
export interface ReadableBlob {
  readonly size: number;
  /** @throws BLOB_UNKNOWN when the blob has gone since it was found */
  open(range?: ByteRange): Promise<ReadableStream | ArrayBuffer>;
}

interface Stores {
  readonly index: BlobStore;
  readonly reads: PullReads;
  readonly cache: PullCache;
  readonly objects: ObjectCache;
  readonly room: Room;
  /** The grace period: how long a blob stays that no manifest names, in milliseconds. */
  readonly grace: number;
}

/** Finds, mounts and deletes blobs. A blob is visible only through a repository that holds it. */
export class Blobs {
  readonly #index: BlobStore;
  readonly #reads: PullReads;
  readonly #cache: PullCache;
  readonly #objects: ObjectCache;
  readonly #room: Room;
  readonly #grace: number;

  constructor({ index, reads, cache, objects, room, grace }: Stores) {
    this.#index = index;
    this.#reads = reads;
    this.#cache = cache;
    this.#objects = objects;
    this.#room = room;
    this.#grace = grace;
  }

  /** @throws BLOB_UNKNOWN */
  async find(repository: RepositoryName, digest: Digest, defer: Defer): Promise<ReadableBlob> {
    const blob = await this.#cache.blob(repository, digest, defer);
    if (blob === null) throw unknown(digest);
    const open = async (range?: ByteRange): Promise<ReadableStream | ArrayBuffer> =>
      (await this.#objects.open(blob, range, defer)) ??
      (await this.#reopen({ repository, digest, key: blob.key }, range, defer));
    return { size: blob.size, open };
  }

  /**
   * Opens a blob whose object was not at the cached key: the blob was deleted, or was pushed again after its bytes were
   * lost.
   * @throws BLOB_UNKNOWN, or Error where the object is missing though the database has its row
   */
  async #reopen(
    { repository, digest, key }: { repository: RepositoryName; digest: Digest; key: string },
    range: ByteRange | undefined,
    defer: Defer,
  ): Promise<ReadableStream | ArrayBuffer> {
    await this.#cache.forget(repository, digest);
    const current = await this.#reads.currentBlob(repository, digest);
    if (current === null) throw unknown(digest);
    const isOther = current.key !== key;
    const body = isOther ? await this.#objects.open(current, range, defer) : null;
    if (body === null) throw new Error(`an object of ${digest} is missing though its row is there`);
    return body;
  }

  /**
   * Answers a client that asks whether it has to push the blob, so by the database alone, never from a cache. This
   * renews the blob's grace period. A client that may only pull is not told of a blob that nobody has needed for that
   * long.
   * @returns the blob's size in bytes
   * @throws BLOB_UNKNOWN
   */
  async confirm(repository: RepositoryName, digest: Digest, mayPush: boolean): Promise<number> {
    const blob = await (mayPush
      ? this.#index.confirm(repository, digest)
      : this.#index.confirmAsReader(repository, digest, this.#grace));
    if (blob === null) throw unknown(digest);
    return blob.size;
  }

  /**
   * Adds a blob of one of the sources to the repository.
   * @returns false when none of the sources holds the blob: the client has to upload it
   * @throws QUOTA_EXCEEDED
   */
  mount(
    repository: RepositoryName,
    digest: Digest,
    sources: Sources,
    initiator: Initiator,
  ): Promise<boolean> {
    const mount = () => this.#index.mount(repository, digest, sources, initiator);
    return this.#room.within(repository, mount);
  }

  /** @throws BLOB_UNKNOWN, or REFERENCED while a manifest of the repository names it */
  async delete(repository: RepositoryName, digest: Digest, initiator: Initiator): Promise<void> {
    try {
      const removed = await this.#index.remove(repository, digest, initiator);
      if (!removed) throw unknown(digest);
    } finally {
      // What failed, or finds nothing, may have been done: the answer can be lost.
      await this.#cache.forget(repository, digest);
    }
  }
}

function unknown(digest: Digest): RegistryError {
  return new RegistryError("BLOB_UNKNOWN", { detail: { digest } });
}
