/** Bytes that have arrived and are not sent yet, in the pieces in which they came. */
export class ByteQueue {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** Takes the first bytes, at most as many as there are. */
  take(count: number): Uint8Array[] {
    const taken: Uint8Array[] = [];
    let left = Math.min(count, this.#length);
    this.#length -= left;
    while (left > 0) {
      const [first = new Uint8Array(0)] = this.#pieces;
      if (first.length <= left) this.#pieces.shift();
      else this.#pieces[0] = first.subarray(left);
      taken.push(first.subarray(0, left));
      left -= Math.min(left, first.length);
    }
    return taken;
  }
}

/** The first bytes of pieces. */
export function firstOf(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  const queue = new ByteQueue();
  for (const piece of pieces) queue.push(piece);
  return queue.take(count);
}

/** The same pieces without their first bytes. */
export function withoutFirst(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  return pieces.flatMap((piece) => {
    const dropped = Math.min(left, piece.length);
    left -= dropped;
    return dropped === piece.length ? [] : [piece.subarray(dropped)];
  });
}

export function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
