/** How fast a body comes in. Only the time counts in which its client was waited for. */

/** The longest stretch that is asked for, and how finely it is cut, in milliseconds. */
const LONGEST = 60_000;
const STEP = 1_000;

interface Mark {
  /** Milliseconds of reading before it, and the bytes that they brought. */
  readonly at: number;
  readonly bytes: number;
}

export class Pace {
  #marks: Mark[] = [{ at: 0, bytes: 0 }];
  #read = 0;
  #bytes = 0;
  /** When the read began that is under way. */
  #began: number | null = null;
  /** What that read may have brought without saying so. */
  #unseen = 0;

  get isReading(): boolean {
    return this.#began !== null;
  }

  /** @param least what the read waits for before it answers */
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

  /** @returns at most how many bytes came in the last so many milliseconds of reading; null before it has been read for so long */
  over(window: number, now: number): number | null {
    const start = this.#readUntil(now) - window;
    if (start < 0) return null;
    // All that came had come before.
    if (start >= this.#read) return this.#unseen;
    const mark = this.#marks.findLast(({ at }) => at <= start);
    return mark === undefined ? null : this.#bytes - mark.bytes + this.#unseen;
  }

  #readUntil(now: number): number {
    return this.#read + (this.#began === null ? 0 : now - this.#began);
  }
}
