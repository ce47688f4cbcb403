import { WalkEnd } from "./limits.ts";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;
const CHECKSUM_BYTES = 4;
/** Archives made for lazy pulls have a frame for each file. Each costs some 20 µs. */
const MAX_FRAMES = 1_000_000;

type Field = "magic" | "skippableSize" | "descriptor" | "header" | "block" | "content" | "end";

/** Finds the ends of zstd frames as their bytes pass, which a decoder has to be given frame by frame (RFC 8878, section 3.1). */
export class ZstdFrames {
  /** What the bytes that come next are, and how many there are of them. */
  #field: Field = "magic";
  #left = 4;
  /** The field's bytes that have come, as a little-endian number. */
  #value = 0;
  #shift = 0;
  #afterContent: Field = "block";
  #trailerBytes = 0;
  #frames = 0;
  /** The frame has no content, and decoders pass it over. */
  isSkippable = false;

  /** Returns where the frame ends in the piece, or the piece's end if it goes on. */
  endIn(piece: Uint8Array, start: number): number {
    if (this.#field === "end") this.#expect("magic", 4);
    let at = start;
    while (at < piece.length) {
      at = this.#take(piece, at);
      while (this.#left === 0) {
        this.#next();
        if (this.#field === "end") return at;
      }
    }
    return at;
  }

  #take(piece: Uint8Array, at: number): number {
    const end = Math.min(piece.length, at + this.#left);
    this.#left -= end - at;
    if (this.#field === "content" || this.#field === "header") return end;
    for (let i = at; i < end; i++) {
      this.#value += (piece[i] ?? 0) * 2 ** this.#shift;
      this.#shift += 8;
    }
    return end;
  }

  #expect(field: Field, bytes: number): void {
    this.#field = field;
    this.#left = bytes;
    this.#value = 0;
    this.#shift = 0;
  }

  #next(): void {
    const value = this.#value;
    if (this.#field === "magic") this.#begin(value);
    else if (this.#field === "skippableSize") this.#content(value, "end");
    else if (this.#field === "descriptor") this.#describe(value);
    else if (this.#field === "header") this.#expect("block", 3);
    else if (this.#field === "block") this.#block(value);
    else if (this.#afterContent === "block") this.#expect("block", 3);
    else this.#field = "end";
  }

  #begin(magic: number): void {
    this.isSkippable = (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
    if (this.isSkippable) {
      this.#expect("skippableSize", 4);
      return;
    }
    if (magic !== MAGIC) throw new WalkEnd("The layer cannot be unpacked: a zstd frame is broken.");
    this.#frames++;
    if (this.#frames > MAX_FRAMES) {
      throw new WalkEnd(
        `The layer has more than ${MAX_FRAMES} zstd frames; the rest was not read.`,
      );
    }
    this.#expect("descriptor", 1);
  }

  #describe(descriptor: number): void {
    const isSingleSegment = (descriptor & 0x20) !== 0;
    const windowBytes = isSingleSegment ? 0 : 1;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
    const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
    this.#trailerBytes = (descriptor & 4) === 0 ? 0 : CHECKSUM_BYTES;
    this.#expect("header", windowBytes + dictionaryBytes + sizeBytes);
  }

  #block(header: number): void {
    const type = (header >> 1) & 3;
    if (type === RESERVED_BLOCK) {
      throw new WalkEnd("The layer cannot be unpacked: a zstd block is broken.");
    }
    const size = type === RLE_BLOCK ? 1 : header >> 3;
    if ((header & 1) === 0) this.#content(size, "block");
    else this.#content(size + this.#trailerBytes, "end");
  }

  #content(bytes: number, after: Field): void {
    this.#expect("content", bytes);
    this.#afterContent = after;
  }
}
