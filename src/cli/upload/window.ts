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
/** Settles when another upload may have the uplink. */
let lineFree = Promise.withResolvers<undefined>();

export class UploadWindow {
  readonly #maxRequestBytes: number;
  /** How fast the uplink is by the last request; 0 before there was one. */
  #lineBytesPerSecond = 0;
  #most = SMALLEST_WINDOW;
  /** The bytes that it holds. */
  held = 0;
  #sentBytes = 0;
  #isEnding = false;
  #isWaiting = false;
  #isSending = false;
  /** How many requests were under way when the last one began. */
  #sendersBefore = 1;

  readonly #bodyBytes: number;

  /**
   * @param maxRequestBytes the largest body that a request may have
   * @param bodyBytes how much the client sends; null where nobody knows
   */
  constructor(maxRequestBytes: number, bodyBytes: number | null = null) {
    this.#maxRequestBytes = maxRequestBytes;
    this.#bodyBytes = bodyBytes ?? Infinity;
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
    // The order is another now: whoever waits looks again.
    letOthersGoOn();
  }

  /** Sends a request when this upload may have the uplink. */
  async inTurn<T>(send: () => Promise<T>): Promise<T> {
    this.#isWaiting = true;
    try {
      while (this.#isBehind()) await lineFree.promise;
      this.#isSending = true;
      this.#sendersBefore = senders();
      return await send();
    } finally {
      this.#isWaiting = this.#isSending = false;
      // Not before this upload could ask for its next request.
      setImmediate(letOthersGoOn);
    }
  }

  /** The bytes that may be held. */
  get bytes(): number {
    const line = lineBytesPerSecond();
    const rate = isSlow(line) ? line : line / underWay.size;
    const wanted = Math.min(rate * HELD_SECONDS, rate * PATIENCE_SECONDS - SOCKET_BYTES);
    const held = Math.max(wanted, rate * LEAST_HELD_SECONDS, SMALLEST_WINDOW);
    const share = MAX_HELD / underWay.size;
    return Math.max(2, Math.floor(Math.min(held, this.#most, share, 2 * this.#maxRequestBytes)));
  }

  get lineBytesPerSecond(): number {
    return this.#lineBytesPerSecond;
  }

  get isSending(): boolean {
    return this.#isSending;
  }

  /** The size of a request that begins at this offset, where so many bytes or more are to come. */
  requestBytes(offset: number): number {
    const most = Math.floor(this.bytes / 2);
    const aligned = Math.floor((offset + most) / PART_BYTES) * PART_BYTES - offset;
    // A rest costs less than requests that are much smaller.
    return aligned >= most / 2 ? aligned : most;
  }

  /** Learns from the request that is under way how fast the uplink is. */
  measure(sentBytes: number, durationMs: number): void {
    // A short request says little about much more than its size.
    this.#most = Math.max(this.bytes, sentBytes * 8);
    this.#sentBytes += sentBytes;
    // Those that were under way at the same time had their parts of the line.
    const sharing = (this.#sendersBefore + Math.max(1, senders())) / 2;
    this.#lineBytesPerSecond = (sentBytes * 1000 * sharing) / Math.max(durationMs, 1);
  }

  #isBehind(): boolean {
    const isOneByOne = isSlow(lineBytesPerSecond());
    for (const other of underWay) {
      if (other === this) continue;
      if (other.#isEnding && !this.#isEnding) return true;
      if (isOneByOne && (other.#isSending || (other.#isWaiting && other.#precedes(this)))) {
        return true;
      }
    }
    return false;
  }

  /** By the order in which uploads began, but for those that may be at their end. */
  #precedes(other: UploadWindow): boolean {
    if (this.#rank !== other.#rank) return this.#rank < other.#rank;
    for (const one of underWay) if (one === this || one === other) return one === this;
    return false;
  }

  /** Before others goes an upload whose client waits for the answer, and then one whose sockets may have all that is left. */
  get #rank(): number {
    if (this.#isEnding) return 0;
    return this.#bodyBytes - this.#sentBytes <= SOCKET_BYTES ? 1 : 2;
  }
}

/** How fast the uplink is, by the last request of each upload; 0 where there was none. */
function lineBytesPerSecond(): number {
  let [all, measured] = [0, 0];
  for (const one of underWay) {
    all += one.lineBytesPerSecond;
    if (one.lineBytesPerSecond > 0) measured += 1;
  }
  return measured === 0 ? 0 : all / measured;
}

/**
 * Says whether what the sockets hold of all uploads takes longer than a client waits. Then one upload is brought to its
 * end after the other, as their clients would otherwise wait at the same time.
 */
function isSlow(line: number): boolean {
  return line > 0 && line * PATIENCE_SECONDS < underWay.size * SOCKET_BYTES && underWay.size > 1;
}

function senders(): number {
  let count = 0;
  for (const { isSending } of underWay) if (isSending) count += 1;
  return count;
}

function letOthersGoOn(): void {
  lineFree.resolve(undefined);
  lineFree = Promise.withResolvers();
}
