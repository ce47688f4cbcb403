import { createHash, type Hash } from "node:crypto";
import { type Claim, letGo } from "../memory/claim.ts";
import { claimForBody, claimForTail } from "../memory/isolate.ts";
import type { Owner } from "../memory/pool.ts";
import { type Algorithm, formatDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Bucket, Multipart, UploadedPart } from "../db/bucket.ts";
import { type Lease, PART_SIZE, type PartsHash, type ChunkResult } from "./progress.ts";
import { updateState } from "./running-hash.ts";

/**
 * Parts of one upload in flight to R2 while the next one is read; a request may have six connections open
 * (developers.cloudflare.com/workers/platform/limits). Where other bodies wait for memory, there are fewer by
 * themselves: the memory of each part is claimed anew, and then the others are served first.
 */
const PARTS_IN_FLIGHT = 4;

/** The bytes that a request brings. */
export interface Incoming {
  readonly body: ReadableStream<Uint8Array> | null;
  /** Content-Length in bytes; null when it is not known beforehand. */
  readonly length: number | null;
  readonly owner: Owner;
  /**
   * The algorithm to hash in natively, which is fast but cannot save its state; null for a hash whose state can be
   * saved.
   */
  readonly native: Algorithm | null;
}

export interface Received {
  readonly written: ChunkResult;
  /** Gives back the tail's memory; call it when the tail is stored. */
  readonly release: () => void;
}

/**
 * Reads a body to its end, sends every whole part to R2 and returns the rest. All or nothing: when a body breaks off,
 * its parts are dropped, and a multipart upload that it began is aborted.
 * @param tail the bytes before the body's; null when they stay in the session because no part can become whole
 */
export async function receive(
  incoming: Incoming,
  lease: Lease,
  tail: Uint8Array | null,
  bucket: Bucket,
): Promise<Received> {
  const writer = new PartWriter(incoming, lease, bucket);
  try {
    const rest = await writer.read(tail ?? new Uint8Array(0));
    return { written: await writer.finish(rest), release: () => writer.release() };
  } catch (error) {
    writer.release();
    await writer.abandon();
    throw error;
  }
}

class PartWriter {
  readonly #lease: Lease;
  readonly #bucket: Bucket;
  readonly #claim: Claim;
  readonly #length: number | null;
  readonly #reader: ReadableStreamBYOBReader | null;
  readonly #native: { readonly algorithm: Algorithm; readonly hash: Hash } | null;
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #parts: UploadedPart[] = [];
  #multipart: Promise<Multipart> | null = null;
  #hash: PartsHash;
  #nextPart: number;
  #received = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor({ body, length, native, owner }: Incoming, lease: Lease, bucket: Bucket) {
    this.#lease = lease;
    this.#bucket = bucket;
    this.#claim = body === null ? claimForTail(owner) : claimForBody(owner);
    this.#length = length;
    this.#reader = body?.getReader({ mode: "byob" }) ?? null;
    this.#native = native === null ? null : { algorithm: native, hash: createHash(native) };
    this.#hash = lease.hash;
    this.#nextPart = lease.firstPart;
  }

  /** @returns the bytes after the last whole part, whose memory stays claimed */
  async read(tail: Uint8Array): Promise<Uint8Array> {
    if (this.#reader === null) {
      await this.#claim.grow(tail.length);
      return tail;
    }
    let carried = tail;
    for (;;) {
      const due = this.#length === null ? PART_SIZE : this.#length - this.#received;
      const goal = Math.min(PART_SIZE, carried.length + due);
      const bytes = await this.#claim.fill(this.#reader, carried, goal).catch(bodyBroken);
      this.#received += bytes.length - carried.length;
      if (bytes.length < PART_SIZE) return bytes;
      await this.#send(bytes);
      carried = new Uint8Array(0);
    }
  }

  /**
   * Ends the request's work. With a native hash the last bytes become a part too, so that a finishing request has only
   * to complete the multipart upload.
   * @param tail the bytes that `read` returned
   */
  async finish(tail: Uint8Array): Promise<ChunkResult> {
    const isWhole = this.#native !== null && this.#nextPart > this.#lease.firstPart;
    if (isWhole && tail.length > 0) await this.#send(tail);
    await this.#waitFor(0);
    return {
      from: this.#lease.offset,
      offset: this.#lease.offset + this.#received,
      hash: isWhole && this.#native !== null ? wholeHash(this.#native) : this.#hash,
      multipart: (await this.#multipart) ?? this.#lease.multipart,
      parts: this.#parts.toSorted((a, b) => a.number - b.number),
      tail: isWhole ? new Uint8Array(0) : tail,
    };
  }

  /** Gives back the tail's memory. Parts in flight give back theirs when they have arrived. */
  release(): void {
    this.#claim.close();
  }

  /**
   * Waits until no part is in flight, so that the buffers are free and no part arrives later; then aborts the multipart
   * upload that this writer began.
   */
  async abandon(): Promise<void> {
    if (this.#reader !== null) letGo(this.#reader);
    await Promise.allSettled(this.#inFlight);
    const begun = await this.#multipart?.catch(() => null);
    if (begun) await this.#bucket.abortMultipart(begun);
  }

  /** Sends a part, which takes its memory along, once fewer than the allowed number of parts are in flight. */
  async #send(bytes: Uint8Array): Promise<void> {
    await this.#waitFor(PARTS_IN_FLIGHT - 1);
    const arrived = this.#claim.send();
    const upload = this.#upload(bytes, this.#nextPart++).finally(() => {
      this.#inFlight.delete(upload);
      arrived();
    });
    upload.catch((error: unknown) => (this.#failure ??= { error }));
    this.#inFlight.add(upload);
  }

  /** Waits until at most that many parts are under way. @throws what the first failed one threw */
  async #waitFor(most: number): Promise<void> {
    while (this.#inFlight.size > most && !this.#failure) {
      await Promise.race([...this.#inFlight].map((upload) => upload.catch(() => {})));
    }
    if (this.#failure) throw this.#failure.error;
  }

  async #upload(bytes: Uint8Array, number: number): Promise<void> {
    if (number > this.#lease.maxPart) throw tooLarge();
    this.#update(bytes);
    const { multipart, key, repository } = this.#lease;
    const begin = () => (this.#multipart ??= this.#bucket.createMultipart(key, { repository }));
    const target = multipart ?? (await begin());
    this.#parts.push(await this.#bucket.uploadPart(target, number, bytes));
  }

  #update(bytes: Uint8Array): void {
    if (this.#native !== null) this.#native.hash.update(bytes);
    else if (this.#hash.kind === "running") {
      const state = updateState(this.#lease.algorithm, this.#hash.state, bytes);
      this.#hash = { kind: "running", state };
    }
  }
}

function wholeHash(native: { readonly algorithm: Algorithm; readonly hash: Hash }): PartsHash {
  return { kind: "whole", digest: formatDigest(native.algorithm, native.hash.digest()) };
}

function bodyBroken(cause: unknown): never {
  if (cause instanceof RegistryError) throw cause;
  throw new RegistryError("BODY_BROKEN", { cause });
}

export function tooLarge(): RegistryError {
  return new RegistryError("SIZE_INVALID", {
    message: `too many bytes: an upload has at most 10,000 parts of ${PART_SIZE} bytes, and one request at most 8 GiB once it has begun`,
  });
}
