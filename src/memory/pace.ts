/** Measures how fast a body comes in. Only the time counts in which the Worker waited for the client. */

/** The longest window that is asked for, and the time between two marks, in milliseconds. */
const LONGEST = 60_000;
const STEP = 1_000;

interface Mark {
  /** The milliseconds of reading before this mark, and the bytes that came in them. */
  readonly at: number;
  readonly bytes: number;
}

export class Pace {
  #marks: Mark[] = [{ at: 0, bytes: 0 }];
  #read = 0;
  #bytes = 0;
  /** When the read in flight began; null if there is none. */
  #began: number | null = null;
  /** The most bytes that the read in flight may have received without returning. */
  #unseen = 0;

  get isReading(): boolean {
    return this.#began !== null;
  }

  /** @param least how many bytes the read waits for before it returns */
  begin(now: number, least = 1): void {
    this.#began = now;
    this.#unseen = least - 1;
  }

  end(now: number, bytes: number): void {
    this.#read = this.#readUntil(now);
    this.#began = null;
    this.#unseen = 0;
    this.#bytes += bytes;
    if (this.#read - (this.#marks.at(-1)?.at ?? 0) < STEP) return;
    this.#marks.push({ at: this.#read, bytes: this.#bytes });
    const oldest = this.#marks.findLastIndex(({ at }) => at <= this.#read - LONGEST);
    if (oldest > 0) this.#marks.splice(0, oldest);
  }

  /**
   * @returns an upper bound of the bytes that came in the last `window` milliseconds of reading; null if it was not
   *   read for so long
   */
  over(window: number, now: number): number | null {
    const start = this.#readUntil(now) - window;
    if (start < 0) return null;
    // The window lies within the read in flight: all returned bytes came before it.
    if (start >= this.#read) return this.#unseen;
    const mark = this.#marks.findLast(({ at }) => at <= start);
    return mark === undefined ? null : this.#bytes - mark.bytes + this.#unseen;
  }

  #readUntil(now: number): number {
    return this.#read + (this.#began === null ? 0 : now - this.#began);
  }
}
