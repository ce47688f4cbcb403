import { firstOf, withoutFirst } from "../remote/pieces.ts";

/** Smaller pieces are joined: each piece costs an object, and a client decides how small its own are. */
const SMALL_BYTES = 4096;
const BLOCK_BYTES = 65_536;

/** Bytes that have arrived and are not sent yet. */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** The block that small pieces are copied to, and how much of it is used. */
  #block = new Uint8Array(0);
  #used = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Uint8Array): void {
    this.#length += piece.length;
    if (piece.length >= SMALL_BYTES) {
      this.#pieces.push(piece);
      this.#used = this.#block.length;
    } else if (piece.length > 0) {
      this.#join(piece);
    }
  }

  /** Takes the first bytes, at most as many as there are. */
  take(count: number): Uint8Array[] {
    const taken = firstOf(this.#pieces, count);
    this.#pieces = withoutFirst(this.#pieces, count);
    this.#length -= Math.min(count, this.#length);
    // What was taken may be the block's beginning, and the next piece belongs behind what is left.
    this.#used = this.#block.length;
    return taken;
  }

  #join(piece: Uint8Array): void {
    if (this.#used + piece.length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#used = 0;
      this.#pieces.push(this.#block.subarray(0, 0));
    }
    this.#block.set(piece, this.#used);
    const begin = this.#used - (this.#pieces.at(-1)?.length ?? 0);
    this.#used += piece.length;
    this.#pieces[this.#pieces.length - 1] = this.#block.subarray(begin, this.#used);
  }
}
