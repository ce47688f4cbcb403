import type { Settings } from "../settings.ts";
import { algorithmOf, type Algorithm, type Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { Owner } from "../memory/pool.ts";
import { receive, type Received } from "../session/parts.ts";
import type {
  Intent,
  KnownObject,
  Lease,
  Position,
  UploadClaims,
  ChunkResult,
} from "../session/progress.ts";
import { type Holder, parseUploadId, type UploadId, UploadIds } from "../session/upload-id.ts";
import type { Began, Refused, UploadSession } from "../session/upload-session.ts";
import type { Initiator } from "../db/audit.ts";
import type { BlobStore, NewBlob, StoredBlob } from "../db/blobs.ts";
import { type Bucket, digestMismatch, isNoSuchUpload } from "../db/bucket.ts";
import { MultipartCompletion } from "./multipart-completion.ts";
import { OutOfOrder, refuse } from "./refusal.ts";
import { isOverQuota, type Room } from "./room.ts";

export { OutOfOrder, parseUploadId };
export type { Position, UploadId };

/** R2 takes at most 4.995 GiB in one put (developers.cloudflare.com/r2/platform/limits). */
const MAX_PUT = 4.9 * 1024 ** 3;

/** Who uploads, and where to. */
export interface Uploader {
  readonly repository: RepositoryName;
  readonly initiator: Initiator;
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
  readonly index: BlobStore;
  readonly room: Room;
}

type Leased = Extract<Began, { lease: Lease }>;

/** An upload whose id is the uploader's. */
interface Opened {
  readonly name: string;
  readonly session: DurableObjectStub<UploadSession>;
  readonly claims: UploadClaims;
  readonly owner: Owner;
}

/**
 * Uploads: the session object keeps the book, this carries the bytes. Each request begins (one call), sends its bytes to
 * R2, and commits (one call); the digest is verified before the blob's row is written.
 */
export class Uploads {
  readonly #sessions: DurableObjectNamespace<UploadSession>;
  readonly #bucket: Bucket;
  readonly #completion: MultipartCompletion;
  readonly #index: BlobStore;
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
    this.#completion = new MultipartCompletion(bucket);
    this.#index = index;
    this.#room = room;
  }

  /** Nobody is told of an upload before its first byte: the id is all that there is of it. */
  start(uploader: Uploader, algorithm: Algorithm): UploadId {
    return this.#ids.issue(holderOf(uploader), algorithm);
  }

  /** @returns how many bytes have arrived */
  async status(uploader: Uploader, id: UploadId): Promise<number> {
    const { session, claims } = this.#open(uploader, id);
    const status = await session.status(claims);
    return status.ok ? status.offset : refuse(status);
  }

  async cancel(uploader: Uploader, id: UploadId): Promise<void> {
    const { session, claims } = this.#open(uploader, id);
    const cancelled = await session.cancel(claims);
    if (!cancelled) refuse({ ok: false, reason: "unknown" });
  }

  /** @returns how many bytes have arrived now */
  async append(uploader: Uploader, id: UploadId, chunk: Chunk): Promise<number> {
    const opened = this.#open(uploader, id);
    // A chunk may be a part of a blob that the namespace has; nearly all other bodies are a whole one.
    const length = chunk.position.kind === "range" ? null : chunk.length;
    await this.#room.require(uploader.repository, { length, digest: null });
    const began = await this.#begin(opened, { ...intentOf(chunk), finish: null });
    if (!began.ok) return refuse(began);
    // Only a finishing request is told that the upload has ended.
    if ("ended" in began) return refuse({ ok: false, reason: "unknown" });
    const { lease } = began;
    return this.#holding(opened, began, async () => {
      // A client that sends no Content-Range from offset 0 nearly always sends everything in that one request.
      const isWhole = lease.offset === 0 && chunk.position.kind !== "range";
      const native = isWhole ? lease.algorithm : null;
      const received = await this.#receive(opened.owner, began, chunk, native);
      await this.#commit(opened, lease, received);
      return received.written.offset;
    });
  }

  /**
   * Ends the upload with the request's bytes, if it brings any; the blob is in the repository when this returns. A refusal
   * leaves the upload as it was. The same finish again succeeds again.
   * @throws DIGEST_INVALID, CHUNK_OUT_OF_ORDER, BLOB_UPLOAD_UNKNOWN
   */
  async finish(uploader: Uploader, id: UploadId, chunk: Chunk, digest: Digest): Promise<void> {
    const opened = this.#open(uploader, id);
    await this.#room.require(uploader.repository, { length: chunk.length, digest });
    const began = await this.#begin(opened, { ...intentOf(chunk), finish: digest });
    if (!began.ok) return refuse(began);
    if ("ended" in began) {
      // The client must get to the end of its body, or it would take the closed connection for a failure.
      await chunk.body?.pipeTo(new WritableStream());
      // It may have been deleted or collected since; if not, it stays for the grace time.
      const blob = await this.#index.confirm(uploader.repository, digest);
      return blob === null ? refuse({ ok: false, reason: "unknown" }) : undefined;
    }
    await this.#holding(opened, began, async () => {
      const blob = await this.#store(opened, began, chunk, digest);
      const key = await this.#link(uploader, digest, { ...blob, upload: opened.name });
      const isOurs = key === blob.key;
      const alone = await opened.session.finish(digest, isOurs ? key : null);
      // An object that another finish may have made a blob under its digest is left to the session's alarm.
      const isSpare = !isOurs && (alone || blob.key === began.lease.key);
      if (isSpare) await this.#bucket.delete([blob.key]);
    });
  }

  /** @throws BLOB_UPLOAD_UNKNOWN, without a call of anything, for an id that is not the uploader's */
  #open(uploader: Uploader, id: UploadId): Opened {
    const { name, claims } = this.#ids.open(id, holderOf(uploader));
    const { repository, initiator } = uploader;
    const owner = { namespace: namespaceOf(repository), actor: initiator.actor ?? "" };
    return { name, session: this.#sessions.getByName(name), claims, owner };
  }

  async #begin(opened: Opened, intent: Intent): Promise<Began | Refused> {
    const { session, claims } = opened;
    const began = await session.begin(claims, intent);
    if (!began.ok || "ended" in began) return began;
    const { stored } = began.lease;
    if (stored === null) return began;
    await this.#holding(opened, began, () => this.#cutAnew(opened, began, stored));
    return this.#begin(opened, intent);
  }

  /**
   * Reads back what was hashed in one piece, since more is to follow, and commits it in parts whose hash can be continued. The
   * upload stands where it stood; whatever becomes of the request, this need not be done again.
   */
  async #cutAnew(
    opened: Opened,
    { lease, parts, object }: Leased,
    { multipart, size }: NonNullable<Lease["stored"]>,
  ): Promise<void> {
    const known = object?.size === size ? object : null;
    if (known === null) await this.#completion.completeOnce(multipart, parts, size);
    await this.#countReadBack(opened, known ?? { key: multipart.key, size, digests: [] });
    const body = await this.#completion.open(multipart.key);
    const incoming = { body, length: size, owner: opened.owner, native: null };
    await this.#commit(opened, lease, await receive(incoming, lease, null, this.#bucket));
  }

  async #commit(
    { name, session }: Opened,
    lease: Lease,
    { written, release }: Received,
  ): Promise<void> {
    try {
      const committed = await session
        .commit(lease.writer, written)
        .catch((error: unknown) => this.#unanswered(error, name, lease, written));
      if (committed.ok) return;
      await this.#abandon(lease, written);
      refuse(committed);
    } finally {
      release();
    }
  }

  /**
   * Writes the blob's row. Where the quota does not allow it, the bytes go at once, unless another finish of the same upload
   * has made them a blob meanwhile.
   */
  async #link({ repository, initiator }: Uploader, digest: Digest, blob: NewBlob): Promise<string> {
    try {
      const add = () => this.#index.add(repository, digest, blob, initiator);
      return await this.#room.within(repository, add);
    } catch (error) {
      if (isOverQuota(error) && (await this.#index.discard(repository, blob))) {
        await this.#bucket.delete([blob.key]);
        await this.#index.forget(blob.key);
      }
      throw error;
    }
  }

  /** Puts the upload's bytes under one key, verified. */
  async #store(opened: Opened, began: Leased, chunk: Chunk, digest: Digest): Promise<StoredBlob> {
    const { key, offset, repository } = began.lease;
    const { body, length } = chunk;
    if (offset === 0 && body !== null && length !== null && length <= MAX_PUT) {
      return { key, size: await this.#bucket.put(key, body, digest, { repository }) };
    }
    const blob = await this.#join(opened, began, chunk, digest);
    const { object } = began;
    if (object === null || object.digests.includes(digest)) return blob;
    await this.#countReadBack(opened, object);
    began.object = await this.#completion.readBack(object, algorithmOf(digest));
    // The object of a mismatch is left to the session's alarm, which knows whether it is in use.
    if (!began.object.digests.includes(digest)) throw digestMismatch(digest);
    return blob;
  }

  /** @throws BLOB_UPLOAD_UNKNOWN where the bytes were read back as often as they may be */
  async #countReadBack({ session }: Opened, object: KnownObject): Promise<void> {
    const counted = await session.readBack(object);
    if (!counted.ok) refuse(counted);
  }

  /** Puts what came before and what comes now together. Its memory is free when this returns: a read-back may take long. */
  async #join(opened: Opened, began: Leased, chunk: Chunk, digest: Digest): Promise<StoredBlob> {
    const { lease, parts, object } = began;
    const { key, repository } = lease;
    const native = lease.offset === 0 ? algorithmOf(digest) : null;
    const { written, release } = await this.#receive(opened.owner, began, chunk, native);
    const { multipart, offset: size } = written;
    try {
      if (multipart === null) {
        return { key, size: await this.#bucket.put(key, written.tail, digest, { repository }) };
      }
      const all = { ...written, parts: [...parts, ...written.parts] };
      began.object = await this.#completion.complete({ multipart, lease, object }, all, digest);
      return { key: multipart.key, size };
    } catch (error) {
      await this.#abandon(lease, written);
      throw error;
    } finally {
      release();
    }
  }

  /** Takes in the request's bytes, and the tail before them: it must not stay for as long as the request. */
  async #receive(
    owner: Owner,
    began: Leased,
    { body, length, position }: Chunk,
    native: Algorithm | null,
  ): Promise<Received> {
    const { lease, tail } = began;
    began.tail = null;
    const received = await receive({ body, length, owner, native }, lease, tail, this.#bucket);
    const { written, release } = received;
    const arrived = written.offset - written.from;
    if (position.kind !== "range" || position.length === arrived) return received;
    release();
    await this.#abandon(lease, written);
    throw new RegistryError("SIZE_INVALID", {
      message: `Content-Range spans ${position.length} bytes, but ${arrived} arrived`,
    });
  }

  /**
   * Runs the writer's work and gives the lease back if it fails, with what was found of the object: the next one need not do
   * that again. By a stub of its own, as in `#unanswered`: a failed call may have broken the other
   * (developers.cloudflare.com/durable-objects/best-practices/error-handling).
   */
  async #holding<T>({ name }: Opened, began: Leased, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.#sessions.getByName(name).release(began.lease.writer, began.object);
      // The parts are no more: an earlier finish put them together and then failed. Only that finish can be repeated.
      if (isNoSuchUpload(error)) throw new RegistryError("BLOB_UPLOAD_UNKNOWN", { cause: error });
      throw error;
    }
  }

  /** A commit whose answer was lost may be in: only the session knows whether the parts are its own now. */
  async #unanswered(
    error: unknown,
    name: string,
    lease: Lease,
    written: ChunkResult,
  ): Promise<never> {
    const session = this.#sessions.getByName(name);
    const { multipart } = written;
    const isOwn = lease.multipart === null && multipart !== null;
    if (isOwn && !(await session.holds(lease.writer, multipart.uploadId))) {
      await this.#abandon(lease, written);
    }
    throw error;
  }

  /** Aborts what the writer itself began. */
  async #abandon(lease: Lease, { multipart }: ChunkResult): Promise<void> {
    if (lease.multipart === null && multipart !== null)
      await this.#bucket.abortMultipart(multipart);
  }
}

function holderOf({ repository, initiator, until }: Uploader): Holder {
  return { repository, actor: initiator.actor, until };
}

function intentOf({ position, length }: Chunk): Omit<Intent, "finish"> {
  return { position, length };
}
