import { RegistryError } from "../oci/errors.ts";
import { Pace } from "./pace.ts";
import type { Body, Holding, Owner, Pool } from "./pool.ts";

/** How often a request shows that it is alive, and looks whether it must make room, in milliseconds. */
const TICK = 1_000;
const KiB = 1024;
/**
 * The size of a body's first buffer. Each further one is twice as large, so a buffer is never more than twice what has
 * come.
 */
const FIRST = 16 * KiB;
/**
 * A body that brings so many bytes within a second gets the rest of its part at once. Otherwise several fast bodies
 * would each hold half a buffer and wait for each other at every step.
 */
const FAST = { bytes: 1024 * KiB, ms: 1_000 };
/**
 * The most that one read waits for. It waits for as many bytes as came in the last second, up to this; smaller reads
 * would cost more calls.
 */
const PIECE = 1024 * KiB;

type Reader = ReadableStreamBYOBReader;

/** One request's part of the isolate's memory: the buffer that it fills, and those that it has passed on. */
export class Claim {
  readonly #pools: readonly Pool[];
  /**
   * The last pool. It also gives claims that are larger than the whole buffer of any pool. The pools are in the order
   * of their buffers' sizes.
   */
  readonly #last: Pool;
  readonly #body: Body;
  readonly #clock: ReturnType<typeof setInterval>;
  #pool: Pool;
  #holding: Holding;
  #bytes = 0;
  #atLeast = FIRST;
  #end: ((error: RegistryError) => void) | null = null;

  /**
   * @param pools a body that outgrows one pool moves to the next; it waits for a later one while it holds an earlier
   *   one, never the reverse, so no two bodies wait for each other
   */
  constructor(pools: readonly [Pool, ...Pool[]], owner: Owner) {
    this.#pools = pools;
    this.#body = { owner, pace: new Pace(), seen: Date.now() };
    [this.#pool] = pools;
    this.#last = pools.at(-1) ?? this.#pool;
    this.#holding = this.#pool.enter(this.#body);
    this.#clock = setInterval(() => this.#tick(), TICK);
  }

  /** Waits until the claim has so many bytes in all. */
  async grow(bytes: number): Promise<void> {
    if (bytes <= this.#bytes) return;
    const pool = this.#pools.find(({ limits }) => bytes <= limits.whole) ?? this.#last;
    if (pool === this.#pool) {
      await pool.take(this.#holding, bytes - this.#bytes);
    } else {
      const holding = pool.enter(this.#body);
      await pool.take(holding, bytes);
      this.#pool.leave(this.#holding);
      this.#pool = pool;
      this.#holding = holding;
    }
    this.#bytes = bytes;
  }

  shrink(bytes: number): void {
    this.#pool.give(this.#holding, this.#bytes - bytes);
    this.#bytes = bytes;
  }

  /**
   * Passes the full buffer on and begins with an empty one.
   * @returns a function that gives the passed buffer back to its pool
   */
  send(): () => void {
    const pool = this.#pool;
    const sent = pool.send(this.#holding);
    pool.leave(this.#holding);
    [this.#pool = pool] = this.#pools;
    this.#holding = this.#pool.enter(this.#body);
    this.#bytes = 0;
    return () => pool.leave(sent);
  }

  close(): void {
    clearInterval(this.#clock);
    this.#pool.leave(this.#holding);
    this.#bytes = 0;
  }

  /**
   * Reads until `goal` bytes are there, including `before`, or the body ends. The buffer grows with what comes.
   * @throws what the reader throws, or TOO_SLOW
   */
  async fill(reader: Reader, before: Uint8Array, goal: number): Promise<Uint8Array<ArrayBuffer>> {
    const claimed = this.#bytes;
    let size = sizeFor(before.length + 1, goal);
    await this.grow(size);
    let buffer = new ArrayBuffer(size);
    new Uint8Array(buffer).set(before);
    let filled = before.length;
    while (filled < goal) {
      if (filled === size) {
        size = this.#isFast(filled) ? goal : sizeFor(filled + 1, goal);
        await this.grow(size);
        buffer = this.#enlarged(buffer, size);
      }
      const { value, done } = await this.#read(reader, new Uint8Array(buffer, filled));
      // A BYOB read detaches the buffer and returns it with its answer; at the body's end it returns it empty.
      const arrived = value ?? new Uint8Array(0);
      buffer = arrived.buffer;
      filled += arrived.length;
      if (done || arrived.length === 0) break;
    }
    this.shrink(Math.max(filled, claimed));
    return new Uint8Array(filled < size ? buffer.transfer(filled) : buffer);
  }

  #isFast(filled: number): boolean {
    const brought = this.#body.pace.over(FAST.ms, Date.now());
    return filled >= FAST.bytes && (brought === null || brought >= FAST.bytes);
  }

  /** Copies a buffer into a larger one. The meter counts both, since both exist during the copy. */
  #enlarged(buffer: ArrayBuffer, size: number): ArrayBuffer {
    const { meter } = this.#pool;
    const { byteLength } = buffer;
    meter.add(byteLength);
    const enlarged = buffer.transfer(size);
    meter.add(-byteLength);
    return enlarged;
  }

  async #read(reader: Reader, view: Uint8Array<ArrayBuffer>) {
    const { pace } = this.#body;
    const ended = Promise.withResolvers<never>();
    this.#end = ended.reject;
    const began = Date.now();
    const least = Math.min(Math.max(this.#atLeast, FIRST), PIECE, view.length);
    pace.begin(began, least);
    let bytes = 0;
    ended.promise.catch((error: unknown) => reader.cancel(error));
    try {
      const reading = reader.readAtLeast(least, view);
      const read = await Promise.race([reading, ended.promise]);
      bytes = read.value?.length ?? 0;
      return read;
    } finally {
      const now = Date.now();
      this.#atLeast = Math.round((bytes * 1_000) / Math.max(now - began, 1));
      this.#end = null;
      pace.end(now, bytes);
    }
  }

  #tick(): void {
    const now = Date.now();
    this.#pool.touch(this.#holding, now);
    if (this.#end === null || !this.#pool.isTooSlow(this.#holding, now)) return;
    this.#end(new RegistryError("TOO_SLOW", { headers: { "retry-after": "5" } }));
  }
}

/**
 * Releases a body that is not read to its end. The code that answers drains it, because the client must get to the end
 * of its own body.
 */
export function letGo(reader: Reader): void {
  try {
    reader.releaseLock();
  } catch (error) {
    // A pending read keeps the lock. The body has stalled, and nobody needs what that read would bring.
    reader.cancel(error).catch(() => {});
  }
}

/** Returns the size of a buffer for at least so many bytes, up to `goal`. */
function sizeFor(bytes: number, goal: number): number {
  let size = FIRST;
  while (size < bytes) size *= 2;
  return Math.min(size, goal);
}
