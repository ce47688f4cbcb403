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
  /** How many bytes were read of the layer. */
  bytes = 0;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = readerOf(stream);
  }

  /** Returns the next piece, which is never empty; null at the end. */
  async read(): Promise<Uint8Array | null> {
    const unread = this.#unread;
    this.#unread = null;
    if (unread !== null) return unread;
    try {
      for (;;) {
        const { value, done } = await this.#reader.read();
        if (value !== undefined && value.length > 0) {
          this.bytes += value.length;
          return value;
        }
        if (done) return null;
      }
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  /** Gives back what was read and not used. */
  unread(rest: Uint8Array): void {
    this.#unread = rest;
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
