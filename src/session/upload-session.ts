import { DurableObject } from "cloudflare:workers";
import { type Env, readSettings } from "../settings.ts";
import type { Digest } from "../oci/digest.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import { BlobStore } from "../db/blobs.ts";
import { Bucket, type UploadedPart } from "../db/bucket.ts";
import { UnfinishedUploads } from "../db/unfinished-uploads.ts";
import { Ledger } from "./ledger.ts";
import {
  advance,
  activeWritersWithout,
  newUpload,
  CLOCK_SKEW,
  grant,
  type Intent,
  knownObject,
  learn,
  type KnownObject,
  type Lease,
  mayFillPart,
  type Progress,
  readBack,
  type UploadClaims,
  toBeCounted,
  type ChunkResult,
} from "./progress.ts";

/**
 * How long to wait after a failed alarm, in milliseconds. The platform gives up on an alarm that failed six times, so a
 * new one is set.
 */
const RETRY_AFTER = 3_600_000;

/** How long an upload is unfinished before the database counts it, in milliseconds; most have ended by then. */
export const COUNT_AFTER = 10_000;
/** How long to wait before the count is tried again after a failure, in milliseconds. */
const COUNT_RETRY_AFTER = 300_000;
/** The value of `counted` while it is unknown whether the database has the count. */
const UNSURE = -1;

/** A refusal. It is a value, because an error that crosses to the Worker would lose its class. */
export type Refused =
  | { readonly ok: false; readonly reason: "unknown" }
  | { readonly ok: false; readonly reason: "order"; readonly offset: number };

const UNKNOWN: Refused = { ok: false, reason: "unknown" };

export type Began =
  | {
      readonly ok: true;
      readonly lease: Lease;
      /** The bytes after the last part, if the writer may need them; null again once it has taken them. */
      tail: Uint8Array | null;
      /** All parts so far, if they have to be completed to one object. */
      readonly parts: readonly UploadedPart[];
      /** What is known of the object that the parts make. The writer adds what it finds out. */
      object: KnownObject | null;
    }
  /** The upload has become this digest already: the client lost the answer and repeats its request. */
  | { readonly ok: true; readonly ended: Digest };

/**
 * The state of one upload: its offset, its parts, its tail, and who may write. It is created by the first request that
 * brings bytes or cancels the upload; before that, the signed id says whose the upload is. The bytes themselves go from
 * the Worker straight to R2, and nothing here waits for them. So no two methods interleave: each reads and writes the
 * storage without an await in between, and the platform delivers the answer only once the writes are durable.
 *
 * A writer begins, works, and commits. If it dies in between, the state still says where it began, and the next writer
 * continues from there. If two write at once, the one that began later wins, and the commit of the other is refused.
 *
 * The object outlives the upload: for UPLOAD_TTL_HOURS it answers a repeated finish. Only then does its alarm clear
 * what finishing requests may have left in the bucket, so that a writer that is merely slow cannot write a row for an
 * object that was cleared.
 */
export class UploadSession extends DurableObject<Env> {
  readonly #kv = this.ctx.storage.kv;
  readonly #ledger = new Ledger(this.ctx.storage.sql);

  /** How many bytes have arrived. */
  status(claims: UploadClaims): { readonly ok: true; readonly offset: number } | Refused {
    const progress = this.#current(claims);
    if (progress === undefined || progress.ended !== null) return UNKNOWN;
    return { ok: true, offset: progress.offset };
  }

  async begin(claims: UploadClaims, intent: Intent): Promise<Began | Refused> {
    const progress = this.#current(claims);
    if (progress === undefined) return UNKNOWN;
    const { finish, length } = intent;
    if (progress.ended !== null) {
      const repeated = finish !== null && finish === progress.ended.digest;
      return repeated ? { ok: true, ended: finish } : UNKNOWN;
    }
    const granted = grant(progress, intent);
    if (granted === null) return { ok: false, reason: "order", offset: progress.offset };
    await this.#save(granted.progress);
    const { lease } = granted;
    const needsTail = finish !== null || mayFillPart(lease.tailLength, length);
    const needsParts = lease.stored !== null || (finish !== null && lease.multipart !== null);
    return {
      ok: true,
      lease,
      tail: needsTail && lease.tailLength > 0 ? this.#ledger.tail(lease.tailLength) : null,
      parts: needsParts ? this.#ledger.parts() : [],
      object: knownObject(progress, lease),
    };
  }

  /** Makes a writer's work part of the upload, unless a newer writer has begun. */
  async commit(writer: number, written: ChunkResult): Promise<{ readonly ok: true } | Refused> {
    const progress = this.#progress();
    if (progress === undefined || progress.ended !== null) return UNKNOWN;
    if (writer !== progress.writer || writer <= progress.committed) {
      return { ok: false, reason: "order", offset: progress.offset };
    }
    this.#ledger.commit(written);
    await this.#save(advance(progress, written));
    const superseded = progress.multipart;
    if (superseded !== null && superseded.uploadId !== written.multipart?.uploadId) {
      this.ctx.waitUntil(this.#bucket().abortMultipart(superseded).catch(console.error));
    }
    return { ok: true };
  }

  /**
   * Tells a writer whether its commit was stored, after the answer to it was lost.
   * @returns whether the multipart upload is this upload's; if not, the commit will not be accepted any more
   */
  async holds(writer: number, multipart: string): Promise<boolean> {
    const progress = this.#progress();
    if (progress?.multipart?.uploadId === multipart) return true;
    if (progress?.ended === null && progress.committed < writer) {
      await this.#save({ ...progress, committed: writer });
    }
    return false;
  }

  /**
   * Counts a read-back of the completed object. The writer announces it before it reads, so that one that dies
   * meanwhile counts as well.
   * @param object what is known of the object
   */
  async readBack(object: KnownObject): Promise<{ readonly ok: true } | Refused> {
    const progress = this.#progress();
    const counted = progress === undefined ? null : readBack(progress, object);
    if (counted === null) return UNKNOWN;
    await this.#save(counted);
    return { ok: true };
  }

  /**
   * Releases the lease of a writer that gives up. The upload stays at the offset where that writer began.
   * @param object what the writer has found out about the upload's object, or null
   */
  async release(writer: number, object: KnownObject | null = null): Promise<void> {
    const progress = this.#progress();
    if (progress === undefined || progress.ended !== null) return;
    const known = object === null ? progress : learn(progress, object);
    await this.#save({ ...known, activeWriters: activeWritersWithout(progress, writer) });
  }

  /**
   * Records that the upload has become a blob.
   * @param key the blob's object, if it is this upload's; null if the blob was there already
   * @returns whether no other finish has ever begun; one might make the upload's object a blob of another digest
   */
  async finish(digest: Digest, key: string | null): Promise<boolean> {
    const progress = this.#progress();
    if (progress === undefined) return false;
    await this.#end(progress, { digest, key });
    return progress.finishes === 1;
  }

  /**
   * Cancels the upload. One that has not begun ends as well, so that it never begins.
   * @returns false if there is no such upload
   */
  async cancel(claims: UploadClaims): Promise<boolean> {
    const progress = this.#current(claims);
    if (progress === undefined || progress.ended !== null) return false;
    await this.#end(progress, { digest: null, key: null });
    // If the abort fails, the alarm repeats it.
    if (progress.multipart !== null) {
      await this.#bucket().abortMultipart(progress.multipart).catch(console.error);
    }
    return true;
  }

  /**
   * Counts the upload as unfinished, or expires it. If a finishing request may still be active, the upload is only
   * closed, so that no other begins, and cleared one lifetime later, when that request must have ended too. Any other
   * upload is cleared at once.
   */
  override async alarm(): Promise<void> {
    const progress = this.#progress();
    const isInTime = Date.now() < (this.#kv.get<number>("expiry") ?? 0);
    if (progress !== undefined && isInTime && this.#kv.get("alarm") === "count") {
      // Bytes that come during the count are counted the next time.
      this.#kv.delete("countAt");
      try {
        await this.#count(progress);
      } catch (error) {
        console.error(error);
        this.#kv.put("countAt", Date.now() + COUNT_RETRY_AFTER);
      }
      await this.#wakeUp(this.#progress() ?? progress);
      return;
    }
    if (progress !== undefined && progress.ended === null && progress.objects.length > 0) {
      await this.#end(progress, { digest: null, key: null });
      return;
    }
    try {
      if (progress !== undefined) await this.#clear(progress);
    } catch (error) {
      console.error(error);
      await this.ctx.storage.setAlarm(Date.now() + RETRY_AFTER);
      return;
    }
    await this.ctx.storage.deleteAll();
  }

  /**
   * Has the database count the upload's bytes, once it has stood unfinished for a while; an upload for which there is
   * no room is cancelled. "Unsure" is stored before the call and the count after it: if anything breaks off in between,
   * the call is made once more, or the count is removed when the upload is cleared.
   */
  async #count(before: Progress): Promise<void> {
    const uploads = new UnfinishedUploads(this.env.DB);
    const { upload: name, repository, actor, multipart } = before;
    const bytes = toBeCounted(before);
    this.#kv.put("progress", { ...before, counted: UNSURE });
    if (bytes === null) await uploads.forget(name);
    else {
      const namespace = namespaceOf(repository as RepositoryName);
      const upload = { name, namespace, actor, bytes };
      const fits = await uploads.count(upload, readSettings(this.env).maxUnfinished);
      // The upload may have gone on, or ended, during the call.
      const progress = this.#progress();
      if (!fits && progress !== undefined && progress.ended === null) {
        await this.#end(progress, { digest: null, key: null });
        if (multipart !== null) await this.#bucket().abortMultipart(multipart);
        return;
      }
    }
    const progress = this.#progress();
    if (progress !== undefined) this.#kv.put("progress", { ...progress, counted: bytes });
  }

  /**
   * Sets the alarm for the expiry, or earlier if the database has to count the upload. That is COUNT_AFTER milliseconds
   * after the first change that is not counted; later changes do not delay it.
   */
  async #wakeUp(progress: Progress): Promise<void> {
    const expiry = this.#kv.get<number>("expiry") ?? 0;
    const isReported = toBeCounted(progress) === progress.counted;
    if (isReported) this.#kv.delete("countAt");
    const countAt = isReported
      ? Infinity
      : (this.#kv.get<number>("countAt") ?? Date.now() + COUNT_AFTER);
    if (!isReported) this.#kv.put("countAt", countAt);
    this.#kv.put("alarm", countAt < expiry ? "count" : "expiry");
    await this.ctx.storage.setAlarm(Math.min(expiry, countAt));
  }

  /** Deletes what the upload left in the bucket, except an object that belongs to a blob. */
  async #clear({ upload, counted, multipart, objects, ended }: Progress): Promise<void> {
    if (multipart !== null) await this.#bucket().abortMultipart(multipart);
    if (counted !== null) await new UnfinishedUploads(this.env.DB).forget(upload);
    const unsure = objects.filter((key) => key !== ended?.key);
    if (unsure.length === 0) return;
    // A writer that died may have got as far as the blob's row.
    const unused = await new BlobStore(this.env.DB, "refuse").unusedKeys(unsure);
    if (unused === null)
      throw new Error("the index is empty, or being imported: nothing is cleared");
    await this.#bucket().delete(unused);
  }

  async #end(progress: Progress, ended: NonNullable<Progress["ended"]>): Promise<void> {
    // The tables exist only after a first commit.
    if (progress.offset > 0) this.#ledger.clear();
    await this.#save({ ...progress, ended });
  }

  #upload(): string {
    const { name } = this.ctx.id;
    if (name === undefined) throw new Error("an upload session is always addressed by name");
    return name;
  }

  #progress(): Progress | undefined {
    return this.#kv.get<Progress>("progress");
  }

  /** @returns undefined for an upload that has been cleared away, or that nobody began in time */
  #current(claims: UploadClaims): Progress | undefined {
    const progress = this.#progress();
    if (progress !== undefined || Date.now() >= claims.deadline) return progress;
    return newUpload(this.#upload(), claims);
  }

  /**
   * Stores the state and sets the expiry anew. The expiry is also later than the id's deadline, so that a cleared
   * upload does not begin again; this matters where UPLOAD_TTL_HOURS has become less since the id was given out.
   */
  async #save(progress: Progress): Promise<void> {
    this.#kv.put("progress", progress);
    const { uploadTtl } = readSettings(this.env);
    const expiry = Math.max(Date.now() + uploadTtl, progress.deadline + CLOCK_SKEW);
    this.#kv.put("expiry", expiry);
    await this.#wakeUp(progress);
  }

  #bucket(): Bucket {
    return new Bucket(this.env.BLOBS);
  }
}
