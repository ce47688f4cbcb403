/**
 * How many bytes of an upload are held: those of the request under way, which may have to be sent again, and those that
 * wait for the next one. A client has sent its last byte when that is held here, and then waits for the answer: 30 s in
 * containerd, 20 s in jib. So no more is held than the uplink sends in 8 s.
 */

const HELD_SECONDS = 8;
/** A slow uplink shows itself in the first request, of half of these bytes: 128 KiB take 4 s at 256 kbit/s. */
const SMALLEST_WINDOW = 256 * 1024;
/** All uploads of this process share it. */
const MAX_HELD = 112 * 1024 ** 2;
/** The registry stores parts of this size; requests that end at a multiple of it leave no rest to be kept in between. */
const PART_BYTES = 8 * 1024 ** 2;

let uploadsUnderWay = 0;

export class UploadWindow {
  readonly #maxRequestBytes: number;
  #bytes = SMALLEST_WINDOW;

  /** @param maxRequestBytes the largest body that a request may have */
  constructor(maxRequestBytes: number) {
    this.#maxRequestBytes = maxRequestBytes;
    uploadsUnderWay += 1;
  }

  /** Ends the upload's share in what all may hold. */
  close(): void {
    uploadsUnderWay -= 1;
  }

  /** The bytes that may be held. */
  get bytes(): number {
    const share = Math.floor(MAX_HELD / uploadsUnderWay);
    return Math.max(2, Math.min(this.#bytes, share, 2 * this.#maxRequestBytes));
  }

  /** The size of a request that begins at this offset, where so many bytes or more are to come. */
  requestBytes(offset: number): number {
    const most = Math.floor(this.bytes / 2);
    const aligned = Math.floor((offset + most) / PART_BYTES) * PART_BYTES - offset;
    // A rest costs less than requests that are much smaller.
    return aligned >= most / 2 ? aligned : most;
  }

  /** Learns from a request how fast the uplink is. */
  measure(sentBytes: number, durationMs: number): void {
    const perSecond = (sentBytes * 1000) / Math.max(durationMs, 1);
    // A short request says little about much more than its size.
    const most = Math.max(this.#bytes, sentBytes * 8);
    this.#bytes = Math.min(Math.max(perSecond * HELD_SECONDS, SMALLEST_WINDOW), most);
  }
}
