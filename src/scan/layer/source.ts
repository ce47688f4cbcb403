import type { Meter } from "./meter.ts";

/** workerd answers in pieces of 4 KiB otherwise, which cost more than what is done with them. */
const PIECE_BYTES = 256 * 1024;

interface PieceReader {
  readonly read: () => Promise<{ done: boolean; value?: Uint8Array | undefined }>;
  readonly cancel: (reason: unknown) => Promise<void>;
}

/** Reads a layer's stream piece by piece. An error of the stream itself is kept, so that it is told from a broken layer. */
export class Source {
  readonly #reader: PieceReader;
  #unread: Uint8Array | null = null;
  failure: { readonly error: unknown } | null = null;
  readonly #meter: Meter;

  constructor(stream: ReadableStream<Uint8Array>, meter: Meter) {
    this.#reader = readerOf(stream);
    this.#meter = meter;
  }

  /** Returns the next piece, which is never empty; null at the end. */
  async read(): Promise<Uint8Array | null> {
    const unread = this.#unread;
    this.#unread = null;
    if (unread !== null) return unread;
    for (;;) {
      const { value, done } = await this.#next();
      if (value !== undefined && value.length > 0) {
        this.#meter.packed(value.length);
        return value;
      }
      if (done) return null;
    }
  }

  async #next(): ReturnType<PieceReader["read"]> {
    try {
      return await this.#reader.read();
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  /** Returns the first bytes of what comes, and does not use them up; fewer only at the end. */
  async peek(size: number): Promise<Uint8Array> {
    let head = (await this.read()) ?? new Uint8Array(0);
    while (head.length < size) {
      const more = await this.read();
      if (more === null) break;
      head = joined(head, more);
    }
    if (head.length > 0) this.#unread = head;
    return head.subarray(0, size);
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel(new Error("the layer's walk has ended")).catch(() => {});
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** Streams of R2 are byte streams of workerd, which fill a buffer before they answer. */
function readerOf(stream: ReadableStream<Uint8Array>): PieceReader {
  let byob: ReadableStreamBYOBReader;
  try {
    byob = stream.getReader({ mode: "byob" });
  } catch {
    // It is no byte stream.
    return stream.getReader();
  }
  // Node has no such method; its types are the ones of workerd here.
  if (typeof byob.readAtLeast !== "function") {
    byob.releaseLock();
    return stream.getReader();
  }
  return {
    read: () => byob.readAtLeast(PIECE_BYTES, new Uint8Array(PIECE_BYTES)),
    cancel: (reason) => byob.cancel(reason),
  };
}
