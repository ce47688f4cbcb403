import { createHash, type Hash } from "node:crypto";
import { type Algorithm, formatDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Bucket, Multipart, UploadedPart } from "../storage/bucket.ts";
import { Buffers } from "./buffers.ts";
import { type Lease, PART_SIZE, type PartsHash, type Written } from "./progress.ts";
import { updateState } from "./running-hash.ts";

/**
 * Parts of one upload that travel to R2 while the next one is read, of the six connections that one request may have open
 * (developers.cloudflare.com/workers/platform/limits). Where others wait for a buffer it gets fewer by itself: each is asked
 * for anew, and then it is the others' turn.
 */
const PARTS_IN_FLIGHT = 4;

/**
 * A body that brings less than a piece in this time, in milliseconds, while others wait for a buffer is taken for broken off:
 * as many as there are buffers could keep everybody else waiting for ever.
 */
export const STALLED_AFTER = 60_000;
/** In that time it is 17 KiB a second. Smaller pieces would cost more calls. */
const PIECE_SIZE = 1024 * 1024;

const MiB = 1024 * 1024;
/** For bodies, each as long as its client takes to send it. */
const bodyBuffers = new Buffers(48 * MiB, PART_SIZE);
/** For finishes that bring no body: a client that sends slowly shall not keep another from its answer. */
const tailBuffers = new Buffers(16 * MiB, PART_SIZE);

/** Bytes of upload buffers that this isolate has in use, and the most that it ever had: at most 64 MiB. */
export function bufferUse(): { readonly used: number; readonly peak: number } {
  return {
    used: bodyBuffers.used + tailBuffers.used,
    peak: bodyBuffers.peak + tailBuffers.peak,
  };
}

/** Bytes on their way in. */
export interface Incoming {
  /** One after the other. */
  readonly bodies: readonly ReadableStream<Uint8Array>[];
  /** Of all together, or null when it is not known beforehand. */
  readonly length: number | null;
  /** Hash natively in this algorithm (fast, but the state cannot be saved), or null for a state that can be. */
  readonly native: Algorithm | null;
}

export interface Received {
  readonly written: Written;
  /** Gives back what the tail holds of the budget; call it when the tail is stored. */
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
  readonly #buffers: Buffers;
  readonly #length: number | null;
  readonly #readers: ReadableStreamBYOBReader[];
  readonly #native: { readonly algorithm: Algorithm; readonly hash: Hash } | null;
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #parts: UploadedPart[] = [];
  #multipart: Promise<Multipart> | null = null;
  #hash: PartsHash;
  #nextPart: number;
  #received = 0;
  #failure: { readonly error: unknown } | null = null;
  /** Bytes of the budget taken for the buffer being filled, or for the tail. */
  #held = 0;

  constructor({ bodies, length, native }: Incoming, lease: Lease, bucket: Bucket) {
    this.#lease = lease;
    this.#bucket = bucket;
    this.#buffers = bodies.length === 0 ? tailBuffers : bodyBuffers;
    this.#length = length;
    this.#readers = bodies.map((body) => body.getReader({ mode: "byob" }));
    this.#native = native === null ? null : { algorithm: native, hash: createHash(native) };
    this.#hash = lease.hash;
    this.#nextPart = lease.firstPart;
  }

  /** @returns the bytes after the last whole part, whose share of the budget stays taken */
  async read(tail: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    let carried = tail;
    for (;;) {
      const due = this.#length === null ? PART_SIZE : this.#length - this.#received;
      const size = Math.min(PART_SIZE, carried.length + (this.#readers.length > 0 ? due : 0));
      const bytes = await this.#fill(carried, size);
      if (bytes.length < PART_SIZE) return bytes;
      await this.#send(bytes);
      carried = new Uint8Array(0);
    }
  }

  /**
   * With a native hash the last bytes become a part too, so that the finish has only to put the parts together.
   * @param tail what `read` returned
   */
  async finish(tail: Uint8Array<ArrayBuffer>): Promise<Written> {
    const isWhole = this.#native !== null && this.#nextPart > this.#lease.firstPart;
    if (isWhole && tail.length > 0) await this.#send(tail);
    await this.#settle(0);
    return {
      from: this.#lease.offset,
      offset: this.#lease.offset + this.#received,
      hash: isWhole && this.#native !== null ? wholeHash(this.#native) : this.#hash,
      multipart: (await this.#multipart) ?? this.#lease.multipart,
      parts: this.#parts.toSorted((a, b) => a.number - b.number),
      tail: isWhole ? new Uint8Array(0) : tail,
    };
  }

  /** Gives back the buffer being filled; those under way give theirs back when they have arrived. */
  release(): void {
    this.#buffers.give(this.#held);
    this.#held = 0;
  }

  /** Lets what is under way come to rest, so that its buffers are free and no part lands later. */
  async abandon(): Promise<void> {
    this.#letGo();
    await Promise.allSettled(this.#inFlight);
    const begun = await this.#multipart?.catch(() => null);
    if (begun) await this.#bucket.abortMultipart(begun);
  }

  /** Leaves what is unread of the bodies to who answers: the client must get to the end of its own. */
  #letGo(): void {
    for (const reader of this.#readers) {
      try {
        reader.releaseLock();
      } catch (error) {
        // A read of a body that stands still goes on for ever, and nobody has a use for what it brings.
        reader.cancel(error).catch(() => {});
      }
    }
  }

  /** @returns a whole part's buffer, the carried bytes first, or at the end a copy of what there is */
  async #fill(carried: Uint8Array, size: number): Promise<Uint8Array<ArrayBuffer>> {
    let buffer = await this.#buffers.take(size);
    this.#held = size;
    new Uint8Array(buffer).set(carried);
    let filled = carried.length;
    for (let reader = this.#readers[0]; filled < size && reader; reader = this.#readers[0]) {
      const view = new Uint8Array(buffer, filled);
      const { value, done } = await this.#read(reader, view).catch(bodyBroken);
      // A read takes the buffer away and hands it back with its answer, at the body's end with nothing in it.
      const arrived = value ?? new Uint8Array(0);
      buffer = arrived.buffer;
      filled += arrived.length;
      this.#received += arrived.length;
      if (done || arrived.length === 0) this.#readers.shift();
    }
    if (filled === PART_SIZE) return new Uint8Array(buffer);
    const rest = new Uint8Array(buffer).slice(0, filled);
    this.#buffers.give(size - filled, buffer);
    this.#held = filled;
    return rest;
  }

  /** At least a piece, or what there is at the body's end. */
  async #read(reader: ReadableStreamBYOBReader, view: Uint8Array<ArrayBuffer>) {
    const stalled = Promise.withResolvers<never>();
    const clock = setInterval(() => {
      if (this.#buffers.isContended) stalled.reject(new Error("the body stands still"));
    }, STALLED_AFTER);
    try {
      const reading = reader.readAtLeast(Math.min(view.length, PIECE_SIZE), view);
      return await Promise.race([reading, stalled.promise]);
    } finally {
      clearInterval(clock);
    }
  }

  /** Takes over a part and its share of the budget, when no more parts than may be are under way. */
  async #send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#settle(PARTS_IN_FLIGHT - 1);
    this.#held = 0;
    const upload = this.#upload(bytes, this.#nextPart++).finally(() => {
      this.#inFlight.delete(upload);
      this.#buffers.give(bytes.length, bytes.buffer);
    });
    upload.catch((error: unknown) => (this.#failure ??= { error }));
    this.#inFlight.add(upload);
  }

  /** Waits until at most that many parts are under way. @throws what the first failed one threw */
  async #settle(most: number): Promise<void> {
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
  throw new RegistryError("BODY_BROKEN", { cause });
}

export function tooLarge(): RegistryError {
  return new RegistryError("SIZE_INVALID", {
    message: `too many bytes: an upload has at most 10,000 parts of ${PART_SIZE} bytes, and one request at most 8 GiB once it has begun`,
  });
}
