/** Layers that no registry has, made as they are sent: a large one is never in memory. */
import { createCipheriv, createHash, randomBytes } from "node:crypto";

export interface Layer {
  readonly bytes: number;
  readonly digest: string;
  pieces(): Generator<Buffer>;
}

const PIECE_BYTES = 1024 ** 2;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/** Bytes that do not compress: a cipher's key stream, the same ones each time that they are asked for. */
export function makeLayer(bytes: number): Layer {
  const key = randomBytes(32);
  function* pieces(): Generator<Buffer> {
    const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
    for (let left = bytes; left > 0; left -= PIECE_BYTES) {
      yield cipher.update(left < PIECE_BYTES ? ZEROS.subarray(0, left) : ZEROS);
    }
  }
  const hash = createHash("sha256");
  for (const piece of pieces()) hash.update(piece);
  return { bytes, digest: `sha256:${hash.digest("hex")}`, pieces };
}
