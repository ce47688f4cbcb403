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
 * Parts of one upload that travel to R2 while the next one is read, of the six connections that one request may have open
 * (developers.cloudflare.com/workers/platform/limits). Where others wait for memory it gets fewer by itself: each is asked
 * for anew, and then it is the others' turn.
 */
const PARTS_IN_FLIGHT = 4;

/** Bytes on their way in. */
export interface Incoming {
  readonly body: ReadableStream<Uint8Array> | null;
  /** null when it is not known beforehand. */
  readonly length: number | null;
  readonly owner: Owner;
  /** Hash natively in this algorithm (fast, but the state cannot be saved), or null for a state that can be. */
  readonly native: Algorithm | null;
}

export interface Received {
  readonly written: ChunkResult;
  /** Gives back the tail's memory; call it when the tail is stored. */
  readonly release: () => void;
}

/**
 * Reads to the end, sends every whole part to R2 and keeps the rest.
 * All or nothing: when a body breaks off, its parts are forgotten and a multipart upload that it began is aborted.
 * @param tail the bytes before these, or null when they stay where they are because no part can become whole
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

  /** @returns the bytes after the last whole part, whose memory stays taken */
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
   * With a native hash the last bytes become a part too, so that the finish has only to put the parts together.
   * @param tail what `read` returned
   */
  async finish(tail: Uint8Array): Promise<ChunkResult> {
    const isWhole = this.#native !== null && this.#nextPart > this.#lease.firstPart;
    if (isWhole && tail.length > 0) await this.#send(tail);
    await this.#retry(0);
    return {
      from: this.#lease.offset,
      offset: this.#lease.offset + this.#received,
      hash: isWhole && this.#native !== null ? wholeHash(this.#native) : this.#hash,
      multipart: (await this.#multipart) ?? this.#lease.multipart,
      parts: this.#parts.toSorted((a, b) => a.number - b.number),
      tail: isWhole ? new Uint8Array(0) : tail,
    };
  }

  /** Gives back the tail; the parts under way give back theirs when they have arrived. */
  release(): void {
    this.#claim.close();
  }

  /** Lets what is under way come to rest, so that its buffers are free and no part lands later. */
  async abandon(): Promise<void> {
    if (this.#reader !== null) letGo(this.#reader);
    await Promise.allSettled(this.#inFlight);
    const begun = await this.#multipart?.catch(() => null);
    if (begun) await this.#bucket.abortMultipart(begun);
  }

  /** Takes over a part and its memory, when no more parts than may be are under way. */
  async #send(bytes: Uint8Array): Promise<void> {
    await this.#retry(PARTS_IN_FLIGHT - 1);
    const arrived = this.#claim.send();
    const upload = this.#upload(bytes, this.#nextPart++).finally(() => {
      this.#inFlight.delete(upload);
      arrived();
    });
    upload.catch((error: unknown) => (this.#failure ??= { error }));
    this.#inFlight.add(upload);
  }

  /** Waits until at most that many parts are under way. @throws what the first failed one threw */
  async #retry(most: number): Promise<void> {
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
