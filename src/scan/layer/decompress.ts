import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import type { Source } from "./source.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** What one step unpacks at most: more is not held, whatever the layer would unpack to. */
const PIECE_BYTES = 256 * 1024;

/** A zstd frame may ask for a window of GiB. This is four times what every decoder should take (RFC 8878, section 3.1.1.1.2). */
const MAX_ZSTD_WINDOW_LOG = 25;

type Unpacker = ReturnType<typeof createGunzip>;

/**
 * Unpacks a layer. Its first bytes tell the compression, since its media type often is wrong.
 * @throws zlib's error where it is broken, or the source's
 */
export async function* unpacked(source: Source): AsyncGenerator<Uint8Array, void> {
  const head = await source.peek(4);
  if (isGzip(head)) {
    // Members that follow each other are taken as one (RFC 1952, section 2.2).
    yield* through(createGunzip({ chunkSize: PIECE_BYTES }), piecesOf(source));
  } else if (isZstd(head)) {
    const params = { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG };
    yield* through(createZstdDecompress({ chunkSize: PIECE_BYTES, params }), framesOf(source));
  } else yield* piecesOf(source);
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** A frame, or one that decoders pass over, which may come first. */
function isZstd([first = 0, second, third, fourth]: Uint8Array): boolean {
  if (first === 0x28) return second === 0xb5 && third === 0x2f && fourth === 0xfd;
  return first >> 4 === 5 && second === 0x2a && third === 0x4d && fourth === 0x18;
}

async function* piecesOf(source: Source): AsyncGenerator<Uint8Array, void> {
  for (let piece = await source.read(); piece !== null; piece = await source.read()) yield piece;
}

/** zlib's decoder takes frame after frame, but stops for good where one ends within a piece. */
async function* framesOf(source: Source): AsyncGenerator<Uint8Array, void> {
  const frames = new ZstdFrames();
  for await (const piece of piecesOf(source)) {
    for (let at = 0; at < piece.length;) {
      const end = frames.endIn(piece, at);
      if (!frames.isSkippable) yield piece.subarray(at, end);
      at = end;
    }
  }
}

async function* through(
  unpacker: Unpacker,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void> {
  void feed(unpacker, packed);
  try {
    for await (const piece of unpacker) yield piece as Uint8Array;
  } finally {
    unpacker.destroy();
  }
}

/** Writes piece after piece as the unpacker has used up the one before. */
async function feed(unpacker: Unpacker, packed: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const piece of packed) {
      await new Promise<void>((resolve) => unpacker.write(piece, () => resolve()));
      if (unpacker.destroyed) return;
    }
    unpacker.end();
  } catch (error) {
    unpacker.destroy(error as Error);
  }
}
