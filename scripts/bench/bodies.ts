/** Layers to push: random bytes of one seed in memory; layers differ only in their first bytes. */
import { createCipheriv, createHash } from "node:crypto";

export interface Body {
  readonly size: number;
  readonly digest: string;
  /** Its bytes; all but the first piece are shared by all bodies. */
  readonly pieces: readonly Buffer[];
}

const BLOCK_SIZE = 64 * 1024 * 1024;
const HEAD_SIZE = 8;

let block: Buffer | null = null;
let made = 0n;

/** Makes a body that equals no other one; its digest is computed before the measurement. */
export function makeBody(size: number): Body {
  block ??= randomBlock();
  const head = Buffer.alloc(HEAD_SIZE);
  head.writeBigUInt64LE(++made);
  const pieces: Buffer[] = [head];
  for (let left = size - HEAD_SIZE; left > 0; left -= BLOCK_SIZE) {
    pieces.push(block.subarray(0, Math.min(left, BLOCK_SIZE)));
  }
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return { size, digest: `sha256:${hash.digest("hex")}`, pieces };
}

/** A small body of a text's bytes. */
export function textBody(text: string): Body {
  const bytes = Buffer.from(text);
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { size: bytes.length, digest, pieces: [bytes] };
}

/** Makes a cipher's key stream: as good as random, fast, and the same in every run. */
function randomBlock(): Buffer {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(BLOCK_SIZE));
}
