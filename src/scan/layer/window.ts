import type { Meter } from "./meter.ts";

const NOTHING = new Uint8Array(0);

/** Reads an unpacked layer from its start to its end; of its bytes it holds one piece. */
export class Window {
  readonly #pieces: AsyncIterator<Uint8Array, void>;
  readonly #meter: Meter;
  #piece: Uint8Array = NOTHING;
  #at = 0;
  #arrivedBytes = 0;

  constructor(pieces: AsyncIterator<Uint8Array, void>, meter: Meter) {
    this.#pieces = pieces;
    this.#meter = meter;
  }

  /** How many bytes were read. */
  get position(): number {
    return this.#arrivedBytes - (this.#piece.length - this.#at);
  }

  /** Hands the next bytes on as they come, in pieces that hold for the call. Returns how many there were: fewer only at the end. */
  async pass(size: number, sink?: (piece: Uint8Array) => void): Promise<number> {
    let left = size;
    while (left > 0) {
      if (this.#at === this.#piece.length && !(await this.#next())) break;
      const piece = this.#piece.subarray(this.#at, this.#at + left);
      this.#at += piece.length;
      left -= piece.length;
      sink?.(piece);
    }
    return size - left;
  }

  /** Returns the next bytes, fewer only at the end. They hold until the next call. */
  async read(size: number): Promise<Uint8Array> {
    const end = this.#at + size;
    if (end <= this.#piece.length) {
      const bytes = this.#piece.subarray(this.#at, end);
      this.#at = end;
      return bytes;
    }
    const bytes = new Uint8Array(size);
    return bytes.subarray(0, await this.load(bytes));
  }

  /** Fills a buffer. Returns how many bytes there were: fewer only at the end. */
  async load(buffer: Uint8Array): Promise<number> {
    let filled = 0;
    await this.pass(buffer.length, (piece) => {
      buffer.set(piece, filled);
      filled += piece.length;
    });
    return filled;
  }

  async #next(): Promise<boolean> {
    const { value, done } = await this.#pieces.next();
    this.#piece = value ?? NOTHING;
    this.#at = 0;
    this.#arrivedBytes += this.#piece.length;
    if (done === true) return false;
    this.#meter.unpacked(this.#piece.length);
    return true;
  }
}
