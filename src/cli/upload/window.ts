/**
 * How many bytes of an upload are held: those of the request under way, which may have to be sent again, and those that
 * wait for the next one. A client that pushes through the proxy has sent its last byte when that is held here, or by a
 * socket before, and then waits for the answer: 30 s in containerd, 20 s in jib. So no more is held than the uplink sends
 * soon. All uploads of a process share the uplink.
 */

/** Longer requests would not be faster. */
const HELD_SECONDS = 8;
/** The uplink idles between two requests, so it is never given less than this. */
const LEAST_HELD_SECONDS = 2;
/** What is left of jib's patience when the registry has taken a second or two to end the upload. */
const PATIENCE_SECONDS = 18;
/** The two sockets between a client and the proxy hold so much of an upload: 3.9 to 4.5 MB, measured on Linux. */
const SOCKET_BYTES = 4_500_000;
/** A slow uplink shows itself in the first request, of half of these bytes: 128 KiB take 4 s at 256 kbit/s. */
const SMALLEST_WINDOW = 256 * 1024;
/**
 * What all uploads of this process may hold together: with what the collector has not freed yet, the process stays below
 * 200 MB.
 */
const MAX_HELD = 32 * 1024 ** 2;
/** The registry stores parts of this size; requests that end at a multiple of it leave no rest to be kept in between. */
const PART_BYTES = 8 * 1024 ** 2;

const underWay = new Set<UploadWindow>();
/** Settles when an upload lets the others go on. */
let lineFree = Promise.withResolvers<undefined>();

export class UploadWindow {
  readonly #maxRequestBytes: number;
  /** By the last request; 0 before there was one. */
  #bytesPerSecond = 0;
  #most = SMALLEST_WINDOW;
  /** The bytes that it holds. */
  held = 0;
  #isEnding = false;

  /** @param maxRequestBytes the largest body that a request may have */
  constructor(maxRequestBytes: number) {
    this.#maxRequestBytes = maxRequestBytes;
    underWay.add(this);
  }

  /** Ends the upload's share in what all may hold. */
  close(): void {
    underWay.delete(this);
    letOthersGoOn();
  }

  /** Says whether no more may be read: each upload may hold a little, and all together no more than their bound. */
  get isFull(): boolean {
    if (this.held >= this.bytes) return true;
    let all = 0;
    for (const { held } of underWay) all += held;
    return all >= MAX_HELD && this.held >= SMALLEST_WINDOW;
  }

  /** Whether its client has sent all and waits for the answer: the others then leave it the uplink. */
  set isEnding(isEnding: boolean) {
    this.#isEnding = isEnding;
    if (!isEnding) letOthersGoOn();
  }

  /** Waits while others have the uplink. */
  async turn(): Promise<void> {
    while (!this.#isEnding && this.#othersEnd()) await lineFree.promise;
  }

  #othersEnd(): boolean {
    for (const other of underWay) if (other !== this && other.#isEnding) return true;
    return false;
  }

  /** The bytes that may be held. */
  get bytes(): number {
    let all = 0;
    for (const { bytesPerSecond } of underWay) all += bytesPerSecond;
    // An upload that has just begun takes its share before anyone has measured it.
    const rate = all / underWay.size;
    const wanted = Math.min(rate * HELD_SECONDS, rate * PATIENCE_SECONDS - SOCKET_BYTES);
    const held = Math.max(wanted, rate * LEAST_HELD_SECONDS, SMALLEST_WINDOW);
    const share = MAX_HELD / underWay.size;
    return Math.max(2, Math.floor(Math.min(held, this.#most, share, 2 * this.#maxRequestBytes)));
  }

  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
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
    // A short request says little about much more than its size.
    this.#most = Math.max(this.bytes, sentBytes * 8);
    this.#bytesPerSecond = (sentBytes * 1000) / Math.max(durationMs, 1);
  }
}

function letOthersGoOn(): void {
  lineFree.resolve(undefined);
  lineFree = Promise.withResolvers();
}
