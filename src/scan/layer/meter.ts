import { WalkEnd, type Limits } from "./limits.ts";

/** Counts the bytes of a layer and those of its archive, and ends a walk that neither could honestly have. */
export class Meter {
  readonly #limits: Limits;
  #packedBytes = 0;
  #unpackedBytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** How many bytes were unpacked. */
  get unpackedBytes(): number {
    return this.#unpackedBytes;
  }

  packed(bytes: number): void {
    this.#packedBytes += bytes;
    if (this.#packedBytes > this.#limits.overheadBytes + 2 * this.#unpackedBytes) {
      throw new WalkEnd(
        "The layer is more than twice as large as what it unpacks to; the rest was not read.",
      );
    }
  }

  unpacked(bytes: number): void {
    this.#unpackedBytes += bytes;
    const { unpackedBytes, ratioFreeBytes, maxRatio } = this.#limits;
    if (this.#unpackedBytes > unpackedBytes) {
      throw new WalkEnd(
        `The layer unpacks to more than ${unpackedBytes} bytes; the rest was not read.`,
      );
    }
    if (this.#unpackedBytes > ratioFreeBytes + maxRatio * this.#packedBytes) {
      throw new WalkEnd(
        `The layer unpacks to more than ${maxRatio} times its size; the rest was not read.`,
      );
    }
  }
}
