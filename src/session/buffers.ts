/**
 * The isolate's budget of upload buffers. A Worker has 128 MB for all the requests that it serves at once, so uploads
 * share this much and wait for one another: first come, first served. A request holds at most one buffer that it fills
 * and those whose upload is under way, which end by themselves; so whoever waits is served in the end.
 */
export const BUFFER_BUDGET = 64 * 1024 * 1024;

interface Waiter {
  readonly bytes: number;
  readonly admit: () => void;
}

export class Buffers {
  readonly #limit: number;
  readonly #waiting: Waiter[] = [];
  #used = 0;
  #peak = 0;

  constructor(limit: number = BUFFER_BUDGET) {
    this.#limit = limit;
  }

  /** Bytes in use, and the most that ever were. */
  get used(): number {
    return this.#used;
  }

  get peak(): number {
    return this.#peak;
  }

  /** Waits until that many bytes are free and takes them. Give them back with `release`. */
  async acquire(bytes: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#used + bytes <= this.#limit) {
      this.#take(bytes);
      return;
    }
    await new Promise<void>((admit) => this.#waiting.push({ bytes, admit }));
  }

  release(bytes: number): void {
    this.#used -= bytes;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.bytes > this.#limit) return;
      this.#waiting.shift();
      this.#take(next.bytes);
      next.admit();
    }
  }

  #take(bytes: number): void {
    this.#used += bytes;
    this.#peak = Math.max(this.#peak, this.#used);
  }
}

/** The isolate's one budget. */
export const buffers = new Buffers();
