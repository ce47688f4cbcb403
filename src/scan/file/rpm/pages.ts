import { UnreadableFile } from "../../layer/list.ts";

/** The pages of a database's file, each of which belongs to one place of it: a page is given out once. */
export class Pages {
  readonly size: number;
  /** How many there are; the first has the number 0. */
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #taken: Uint8Array;

  constructor(bytes: Uint8Array, size: number) {
    this.size = size;
    this.count = Math.floor(bytes.length / size);
    this.#bytes = bytes;
    this.#taken = new Uint8Array(this.count);
  }

  /** @throws UnreadableFile for a number that is no page's, and for a page that was given out before */
  take(number: number): DataView {
    if (number >= this.count) throw new UnreadableFile("it names a page that it does not have");
    if (this.#taken[number] !== 0) throw new UnreadableFile("it names one page twice");
    this.#taken[number] = 1;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + number * this.size, this.size);
  }
}

/** Returns bytes of a page. @throws UnreadableFile if they are not all in it */
export function within(page: DataView, at: number, length: number): Uint8Array {
  if (at < 0 || length < 0 || at + length > page.byteLength) {
    throw new UnreadableFile("a value in it goes over the end of its page");
  }
  return new Uint8Array(page.buffer, page.byteOffset + at, length);
}
