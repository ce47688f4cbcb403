import { createHash, type Hash } from "node:crypto";
import { type Algorithm, formatDigest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Bucket, Multipart, UploadedPart } from "../storage/bucket.ts";
import { buffers } from "./buffers.ts";
import { type Lease, PART_SIZE, type PartsHash, type Written } from "./progress.ts";
import { updateState } from "./running-hash.ts";

/** Parts of one upload that travel to R2 while the next one is read. */
const PARTS_IN_FLIGHT = 2;

/** The bytes of one request. */
export interface Incoming {
  readonly body: ReadableStream<Uint8Array> | null;
  /** Content-Length, or null when the client does not know it. */
  readonly length: number | null;
}

export interface Plan {
  readonly bucket: Bucket;
  /** Where a multipart upload goes if the bytes fill a part and none has begun. */
  readonly key: string;
  /** Hash natively in this algorithm (fast, but the state cannot be saved), or null for a state that can be. */
  readonly native: Algorithm | null;
}

/** Whether so many more bytes bring the tail up to a whole part, or may do so. */
export function mayFillPart(tailLength: number, length: number | null): boolean {
  return length === null || tailLength + length >= PART_SIZE;
}

export interface Received {
  readonly written: Written;
  /** Gives back the buffer that holds the tail; call it when the tail is stored. */
  readonly release: () => void;
}

/**
 * Reads a request's body to its end, sends every whole part to R2 and keeps the rest.
 * All or nothing: when the body breaks off, its parts are forgotten and a multipart upload that it began is aborted.
 * @param tail the bytes before the request's own, or null when they stay where they are because no part can become whole
 */
export async function receive(
  incoming: Incoming,
  lease: Lease,
  tail: Uint8Array | null,
  plan: Plan,
): Promise<Received> {
  const writer = new PartWriter(lease, plan);
  try {
    const rest = await writer.read(incoming, tail ?? new Uint8Array(0));
    return { written: await writer.finish(rest), release: () => writer.release() };
  } catch (error) {
    writer.release();
    await writer.abandon();
    throw error;
  }
}

class PartWriter {
  readonly #lease: Lease;
  readonly #plan: Plan;
  readonly #native: Hash | null;
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #parts: UploadedPart[] = [];
  #multipart: Promise<Multipart> | null = null;
  #hash: PartsHash;
  #nextPart: number;
  #received = 0;
  #failure: { readonly error: unknown } | null = null;
  /** Bytes of the budget taken for the buffer being filled. */
  #held = 0;

  constructor(lease: Lease, plan: Plan) {
    this.#lease = lease;
    this.#plan = plan;
    this.#native = plan.native === null ? null : createHash(plan.native);
    this.#hash = lease.hash;
    this.#nextPart = lease.firstPart;
  }

  /** @returns the bytes after the last whole part, whose share of the budget stays taken */
  async read({ body, length }: Incoming, tail: Uint8Array): Promise<Uint8Array> {
    const reader = body?.getReader({ mode: "byob" });
    let carried = tail;
    for (;;) {
      const due = length === null ? PART_SIZE : length - this.#received;
      await this.#take(Math.min(PART_SIZE, carried.length + (reader ? due : 0)));
      const bytes = reader ? await this.#fill(reader, carried, this.#held) : carried;
      if (bytes.length < PART_SIZE) return bytes;
      await this.#send(bytes);
      carried = new Uint8Array(0);
    }
  }

  async #take(bytes: number): Promise<void> {
    await buffers.acquire(bytes);
    this.#held = bytes;
  }

  /** Gives back the buffer being filled; those under way give theirs back when they have arrived. */
  release(): void {
    buffers.release(this.#held);
    this.#held = 0;
  }

  async finish(tail: Uint8Array): Promise<Written> {
    await this.#settle(0);
    return {
      from: this.#lease.offset,
      offset: this.#lease.offset + this.#received,
      hash: this.#finalHash(tail),
      multipart: (await this.#multipart) ?? this.#lease.multipart,
      parts: this.#parts.toSorted((a, b) => a.number - b.number),
      tail,
    };
  }

  /** Lets what is under way come to rest, so that its buffers are free and no part lands later. */
  async abandon(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    const begun = await this.#multipart?.catch(() => null);
    if (begun) await this.#plan.bucket.abortMultipart(begun);
  }

  /** Fills a buffer of `size` bytes, the carried ones first; fewer only at the body's end. */
  async #fill(
    reader: ReadableStreamBYOBReader,
    carried: Uint8Array,
    size: number,
  ): Promise<Uint8Array> {
    let bytes = new Uint8Array(size);
    bytes.set(carried);
    let filled = carried.length;
    let ended = false;
    while (filled < size && !ended) {
      const result = await reader
        .readAtLeast(size - filled, bytes.subarray(filled))
        .catch((cause: unknown) => {
          throw new RegistryError("BODY_BROKEN", { cause });
        });
      // A read takes the buffer away and hands it back with its answer, at the body's end with nothing in it.
      const arrived = result.value ?? new Uint8Array(0);
      bytes = new Uint8Array(arrived.buffer);
      filled += arrived.byteLength;
      this.#received += arrived.byteLength;
      ended = result.done || arrived.byteLength === 0;
    }
    return bytes.subarray(0, filled);
  }

  /** Takes over a whole part and its share of the budget; waits while enough parts are under way. */
  async #send(bytes: Uint8Array): Promise<void> {
    this.#held = 0;
    const upload = this.#upload(bytes, this.#nextPart++).finally(() => {
      this.#inFlight.delete(upload);
      buffers.release(bytes.length);
    });
    upload.catch((error: unknown) => (this.#failure ??= { error }));
    this.#inFlight.add(upload);
    await this.#settle(PARTS_IN_FLIGHT - 1);
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
    const { bucket, key } = this.#plan;
    const multipart =
      this.#lease.multipart ?? (await (this.#multipart ??= bucket.createMultipart(key)));
    this.#parts.push(await bucket.uploadPart(multipart, number, bytes));
  }

  #update(bytes: Uint8Array): void {
    if (this.#native !== null) this.#native.update(bytes);
    else if (this.#hash.kind === "running") {
      const state = updateState(this.#lease.algorithm, this.#hash.state, bytes);
      this.#hash = { kind: "running", state };
    }
  }

  #finalHash(tail: Uint8Array): PartsHash {
    const { native } = this.#plan;
    if (native !== null && this.#native !== null && this.#parts.length > 0) {
      const hash = this.#native.update(tail).digest();
      return { kind: "whole", digest: formatDigest(native, hash) };
    }
    return this.#hash.kind === "whole" && this.#received > 0 ? { kind: "lost" } : this.#hash;
  }
}

function tooLarge(): RegistryError {
  return new RegistryError("SIZE_INVALID", {
    message: `too many bytes: an upload has at most 10,000 parts of ${PART_SIZE} bytes, and one request at most 8 GiB once it has begun`,
  });
}
