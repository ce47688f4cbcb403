/**
 * A budget of upload buffers. A Worker has 128 MB for all the requests that it serves at once, so uploads share a part of
 * that and wait for one another: first come, first served. A request holds at most one buffer that it fills and those
 * whose upload is under way, which end by themselves; so whoever waits is served in the end.
 */

/**
 * Waiting is a timer of the request's own. The runtime takes a request that waits for another one's promise for hung and
 * cancels it, since it has nothing under way that could wake it.
 */
const POLL = 5;
/** A waiter that has not polled for so long belongs to a request that is no more. */
const STALE = 5_000;

interface Waiter {
  readonly bytes: number;
  /** When it last polled, in milliseconds. */
  seen: number;
}

export class Buffers {
  readonly #limit: number;
  /** Buffers of this size are used again: the collector frees such large ones far too late. */
  readonly #reusable: number;
  #spare: ArrayBuffer[] = [];
  #waiting: Waiter[] = [];
  #used = 0;
  #peak = 0;

  constructor(limit: number, reusable: number) {
    this.#limit = limit;
    this.#reusable = reusable;
  }

  /** Bytes in use, and the most that ever were. */
  get used(): number {
    return this.#used;
  }

  get peak(): number {
    return this.#peak;
  }

  /** Whether somebody waits for bytes that others have. */
  get isContended(): boolean {
    const now = Date.now();
    return this.#waiting.some(({ seen }) => now - seen < STALE);
  }

  /** Waits until that many bytes are free. What a buffer holds is nobody's business: overwrite it before you read it. */
  async take(bytes: number): Promise<ArrayBuffer> {
    if (bytes === 0) return new ArrayBuffer(0);
    const waiter = { bytes, seen: Date.now() };
    while (!this.#admit(waiter)) {
      await scheduler.wait(POLL);
      waiter.seen = Date.now();
    }
    const spare = bytes === this.#reusable ? this.#spare.pop() : undefined;
    return spare ?? new ArrayBuffer(bytes);
  }

  /** @param buffer a buffer that is free now, if there still is one */
  give(bytes: number, buffer?: ArrayBuffer): void {
    this.#used -= bytes;
    if (buffer?.byteLength === this.#reusable) this.#spare.push(buffer);
    if (this.#used === 0) this.#spare = [];
  }

  /** Takes the waiter's bytes if it is its turn and they are free; else it stands in the queue. */
  #admit(waiter: Waiter): boolean {
    this.#waiting = this.#waiting.filter(({ seen }) => waiter.seen - seen < STALE);
    if (!this.#waiting.includes(waiter)) this.#waiting.push(waiter);
    if (this.#waiting[0] !== waiter || this.#used + waiter.bytes > this.#limit) return false;
    this.#waiting.shift();
    this.#used += waiter.bytes;
    this.#peak = Math.max(this.#peak, this.#used);
    const room = Math.floor((this.#limit - this.#used) / this.#reusable);
    // The one that is about to be used is in the count already.
    this.#spare.length = Math.min(
      this.#spare.length,
      room + (waiter.bytes === this.#reusable ? 1 : 0),
    );
    return true;
  }
}
