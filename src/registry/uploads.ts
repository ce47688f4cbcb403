import type { Settings } from "../env.ts";
import { algorithmOf, type Algorithm, type Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { receive, type Received } from "../session/parts.ts";
import type { Intent, Lease, Position, Written } from "../session/progress.ts";
import { type Holder, parseUploadId, type UploadId, UploadIds } from "../session/upload-id.ts";
import type { Began, Refused, UploadSession } from "../session/upload-session.ts";
import type { Origin } from "../storage/audit-index.ts";
import type { BlobIndex, NewBlob, StoredBlob } from "../storage/blob-index.ts";
import { type Bucket, isNoSuchUpload } from "../storage/bucket.ts";
import { Assembly } from "./assembly.ts";
import type { Room } from "./room.ts";

export { parseUploadId };
export type { Position, UploadId };

/** R2 takes at most 4.995 GiB in one put (developers.cloudflare.com/r2/platform/limits). */
const MAX_PUT = 4.9 * 1024 ** 3;

/** Who uploads, and where to. */
export interface Uploader {
  readonly repository: RepositoryName;
  readonly origin: Origin;
  /** When the actor's credentials expire or expired, in milliseconds since 1970; null for never. */
  readonly until: number | null;
}

/** One request's bytes, and where it says they belong. */
export interface Chunk {
  readonly body: ReadableStream<Uint8Array> | null;
  /** Content-Length, or null when the client does not know it. */
  readonly length: number | null;
  readonly position: Position;
}

interface Stores {
  readonly bucket: Bucket;
  readonly index: BlobIndex;
  readonly room: Room;
}

type Open = Extract<Began, { lease: Lease }>;

/**
 * Uploads: the session object keeps the book, this carries the bytes. Each request begins (one call), sends its bytes to
 * R2, and commits (one call); the digest is verified before the blob's row is written.
 */
export class Uploads {
  readonly #sessions: DurableObjectNamespace<UploadSession>;
  readonly #bucket: Bucket;
  readonly #assembly: Assembly;
  readonly #index: BlobIndex;
  readonly #room: Room;
  readonly #ids: UploadIds;

  constructor(
    sessions: DurableObjectNamespace<UploadSession>,
    { bucket, index, room }: Stores,
    settings: Settings,
  ) {
    this.#sessions = sessions;
    this.#ids = new UploadIds(settings);
    this.#bucket = bucket;
    this.#assembly = new Assembly(bucket);
    this.#index = index;
    this.#room = room;
  }

  /** Nobody is told of an upload before its first byte: the id is all that there is of it. */
  start(uploader: Uploader, algorithm: Algorithm): UploadId {
    return this.#ids.issue(holderOf(uploader), algorithm);
  }

  /** @returns how many bytes have arrived */
  async status(uploader: Uploader, id: UploadId): Promise<number> {
    const { session, ticket } = this.#open(uploader, id);
    const status = await session.status(ticket);
    return status.ok ? status.offset : refuse(status);
  }

  async cancel(uploader: Uploader, id: UploadId): Promise<void> {
    const { session, ticket } = this.#open(uploader, id);
    const cancelled = await session.cancel(ticket);
    if (!cancelled) refuse({ ok: false, reason: "unknown" });
  }

  /** @returns how many bytes have arrived now */
  async append(uploader: Uploader, id: UploadId, chunk: Chunk): Promise<number> {
    const { name, session, ticket } = this.#open(uploader, id);
    await this.#room.require(uploader.repository, { length: chunk.length, digest: null });
    const began = await session.begin(ticket, { ...intentOf(chunk), finish: null });
    if (!began.ok) return refuse(began);
    // Only a finishing request is told that the upload has ended.
    if ("ended" in began) return refuse({ ok: false, reason: "unknown" });
    const { lease } = began;
    return this.#holding(name, lease, async () => {
      // A client that sends no Content-Range from offset 0 nearly always sends everything in that one request.
      const isFirst = lease.offset === 0 && lease.stored === null;
      const native = isFirst && chunk.position.kind !== "range" ? lease.algorithm : null;
      const { written, release } = await this.#receive(began, chunk, native);
      try {
        const committed = await session
          .commit(lease.writer, written)
          .catch((error: unknown) => this.#unanswered(error, name, lease, written));
        if (committed.ok) return written.offset;
        await this.#abandon(lease, written);
        return refuse(committed);
      } finally {
        release();
      }
    });
  }

  /**
   * Ends the upload with the request's bytes, if it brings any; the blob is in the repository when this returns. A refusal
   * leaves the upload as it was. The same finish again succeeds again.
   * @throws DIGEST_INVALID, CHUNK_OUT_OF_ORDER, BLOB_UPLOAD_UNKNOWN
   */
  async finish(uploader: Uploader, id: UploadId, chunk: Chunk, digest: Digest): Promise<void> {
    const { name, session, ticket } = this.#open(uploader, id);
    await this.#room.require(uploader.repository, { length: chunk.length, digest });
    const began = await session.begin(ticket, { ...intentOf(chunk), finish: digest });
    if (!began.ok) return refuse(began);
    if ("ended" in began) {
      // The client must get to the end of its body, or it would take the closed connection for a failure.
      await chunk.body?.pipeTo(new WritableStream());
      // It may have been deleted or collected since; if not, it stays for the grace time.
      const blob = await this.#index.confirm(uploader.repository, digest);
      return blob === null ? refuse({ ok: false, reason: "unknown" }) : undefined;
    }
    await this.#holding(name, began.lease, async () => {
      const blob = await this.#store(began, chunk, digest);
      const unfinished = began.lease.isCounted ? name : null;
      const key = await this.#link(uploader, digest, { ...blob, unfinished });
      const isOurs = key === blob.key;
      const alone = await session.finish(digest, isOurs ? key : null);
      // An object that another finish may have made a blob under its digest is left to the session's alarm.
      const isSpare = !isOurs && (alone || blob.key === began.lease.key);
      if (isSpare) await this.#bucket.delete([blob.key]);
    });
  }

  /** @throws BLOB_UPLOAD_UNKNOWN, without a call of anything, for an id that is not the uploader's */
  #open(uploader: Uploader, id: UploadId) {
    const { name, ticket } = this.#ids.open(id, holderOf(uploader));
    return { name, session: this.#sessions.getByName(name), ticket };
  }

  /** Writes the blob's row. Where the quota does not allow it, the bytes go at once. */
  async #link({ repository, origin }: Uploader, digest: Digest, blob: NewBlob): Promise<string> {
    try {
      return await this.#index.add(repository, digest, blob, origin);
    } catch (error) {
      const isOver = error instanceof RegistryError && error.status === 403;
      if (isOver) {
        await this.#index.discard(repository, blob);
        await this.#bucket.delete([blob.key]);
        await this.#index.forget(blob.key);
      }
      throw error;
    }
  }

  /** Puts the upload's bytes under one key, verified. */
  async #store(began: Open, chunk: Chunk, digest: Digest): Promise<StoredBlob> {
    const { lease, parts } = began;
    const { key, stored, repository } = lease;
    const { body, length } = chunk;
    const isFirst = lease.offset === 0 && stored === null;
    if (isFirst && body !== null && length !== null && length <= MAX_PUT) {
      return { key, size: await this.#bucket.put(key, body, digest, { repository }) };
    }
    const native = lease.offset === 0 ? algorithmOf(digest) : null;
    const { written, release } = await this.#receive(began, chunk, native);
    try {
      if (written.multipart === null) {
        return { key, size: await this.#bucket.put(key, written.tail, digest, { repository }) };
      }
      const all = stored === null ? [...parts, ...written.parts] : written.parts;
      await this.#assembly.complete(written.multipart, lease, { ...written, parts: all }, digest);
      return { key: written.multipart.key, size: written.offset };
    } catch (error) {
      await this.#abandon(lease, written);
      throw error;
    } finally {
      release();
    }
  }

  /** Takes in the request's bytes, and before them the upload's own where those have to be read back. */
  async #receive(
    { lease, tail, parts }: Open,
    { body, length, position }: Chunk,
    native: Algorithm | null,
  ): Promise<Received> {
    const bodies = body === null ? [] : [body];
    const { stored } = lease;
    if (stored !== null) {
      await this.#assembly.completeOnce(stored.multipart, parts, stored.size);
      bodies.unshift(await this.#assembly.open(stored.multipart.key));
    }
    const before = stored?.size ?? 0;
    const incoming = { bodies, length: length === null ? null : before + length, native };
    const received = await receive(incoming, lease, tail, this.#bucket);
    const { written, release } = received;
    const arrived = written.offset - written.from - before;
    if (position.kind !== "range" || position.length === arrived) return received;
    release();
    await this.#abandon(lease, written);
    throw new RegistryError("SIZE_INVALID", {
      message: `Content-Range spans ${position.length} bytes, but ${arrived} arrived`,
    });
  }

  /**
   * Runs the writer's work and gives the lease back if it fails. By a stub of its own, as in `#unanswered`: a failed call may
   * have broken the other (developers.cloudflare.com/durable-objects/best-practices/error-handling).
   */
  async #holding<T>(name: string, { writer }: Lease, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.#sessions.getByName(name).release(writer);
      // The parts are no more: an earlier finish put them together and then failed. Only that finish can be repeated.
      if (isNoSuchUpload(error)) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", { cause: error });
      throw error;
    }
  }

  /** A commit whose answer was lost may be in: only the session knows whether the parts are its own now. */
  async #unanswered(error: unknown, name: string, lease: Lease, written: Written): Promise<never> {
    const session = this.#sessions.getByName(name);
    const { multipart } = written;
    const isOwn = lease.multipart === null && multipart !== null;
    if (isOwn && !(await session.holds(lease.writer, multipart.uploadId))) {
      await this.#abandon(lease, written);
    }
    throw error;
  }

  /** Aborts what the writer itself began. */
  async #abandon(lease: Lease, { multipart }: Written): Promise<void> {
    if (lease.multipart === null && multipart !== null)
      await this.#bucket.abortMultipart(multipart);
  }
}

/** The bytes do not continue the upload, which stands at `offset`. */
export class OutOfOrder extends RegistryError {
  readonly offset: number;

  constructor(offset: number) {
    super("CHUNK_OUT_OF_ORDER", { detail: { offset } });
    this.offset = offset;
  }
}

function holderOf({ repository, origin, until }: Uploader): Holder {
  return { repository, actor: origin.actor, until };
}

function intentOf({ position, length }: Chunk): Omit<Intent, "finish"> {
  return { position, length };
}

function refuse(refused: Refused): never {
  if (refused.reason === "unknown") throw new RegistryError("BLOB_UPLOAD_UNKNOWN");
  throw new OutOfOrder(refused.offset);
}
