import { constants, createGunzip, createZstdDecompress } from "node:zlib";
import type { Source } from "./source.ts";

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
    yield* through(source, createGunzip({ chunkSize: PIECE_BYTES }));
    return;
  }
  if (isZstd(head)) {
    // A decoder ends with its frame, and the next frame needs another (RFC 8878, section 3).
    while ((await source.peek(1)).length > 0) yield* through(source, zstd());
    return;
  }
  for (let piece = await source.read(); piece !== null; piece = await source.read()) yield piece;
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b;
}

/** A frame, or one that decoders skip, as the first of a seekable archive. */
function isZstd(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const magic = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50;
}

function zstd(): Unpacker {
  return createZstdDecompress({
    chunkSize: PIECE_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG },
  });
}

/** Gives back to the source what comes after the unpacker's end. */
async function* through(source: Source, unpacker: Unpacker): AsyncGenerator<Uint8Array, void> {
  const fed = { bytes: 0, last: new Uint8Array(0) };
  void feed(source, unpacker, fed);
  for await (const piece of unpacker) yield piece as Uint8Array;
  const unused = fed.bytes - unpacker.bytesWritten;
  if (unused > 0) source.unread(fed.last.subarray(fed.last.length - unused));
}

/** Writes piece after piece as the unpacker has used up the one before. */
async function feed(
  source: Source,
  unpacker: Unpacker,
  fed: { bytes: number; last: Uint8Array },
): Promise<void> {
  try {
    while (!unpacker.destroyed) {
      const piece = await source.read();
      if (piece === null) {
        unpacker.end();
        return;
      }
      fed.bytes += piece.length;
      fed.last = piece;
      await new Promise<void>((resolve) => unpacker.write(piece, () => resolve()));
      // It is at its end, and what is left of the piece is not its own.
      if (unpacker.bytesWritten < fed.bytes) return;
    }
  } catch (error) {
    unpacker.destroy(error as Error);
  }
}
