/** Bytes in pieces, as they came. */

export function lengthOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}

/** The first bytes, at most as many as there are. */
export function firstOf(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  let left = count;
  return pieces.flatMap((piece) => {
    const taken = Math.min(left, piece.length);
    left -= taken;
    return taken === 0 ? [] : [piece.subarray(0, taken)];
  });
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
