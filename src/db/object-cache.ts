import type { Defer } from "../defer.ts";
import { entrySize, Lru } from "../memory/lru.ts";
import type { ByteRange } from "../oci/page.ts";
import type { Bucket } from "./bucket.ts";
import type { EdgeCache } from "./edge-cache.ts";

export interface StoredObject {
  readonly key: string;
  readonly size: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;
/** The bytes of small objects that an isolate keeps in memory: every pull asks for configs and the like. */
const MEMORY = 8 * MiB;
export const MAX_IN_MEMORY = 64 * KiB;
/** Up to this size in bytes, waiting until the edge has the object is faster than reading it twice. */
const MAX_AWAITED = 16 * MiB;
/** The largest object that the Cache API accepts (developers.cloudflare.com/workers/platform/limits). */
const MAX_AT_EDGE = 512 * MiB;
/**
 * How long the edge may keep an object, in seconds. A key never gets other bytes, so entries need to end only to make
 * room.
 */
const EDGE_SECONDS = 7 * 86_400;

/**
 * The smallest part of a large object whose request fills the cache: a request for one byte must not cost a copy of
 * half a gigabyte. Clients that read a layer in pieces ask for more.
 */
const MIN_FILL_PART = 1 / 64;
/** Up to this size any range fills the edge: the copy costs about as much as the range's own read. */
const MAX_EAGER = MiB;

/** The first reader of a large object is served before the edge is filled; the next one does not wait so long, in milliseconds. */
const FIRST_READER_DELAY_MS = 1_000;
/** For how long after it began a filling is waited for, and how often others look, in milliseconds. */
const MAX_FILL_WAIT_MS = 10_000;
const POLL_MS = 5;
/** A filling that has taken so long belongs to a request that is no more. */
const STALE_FILL_MS = 60_000;

/** A copy on its way to the edge or into memory. */
interface CacheFill {
  readonly since: number;
  /** Somebody waits for it. */
  hasWaiters: boolean;
  ended: boolean;
}

/**
 * Reads objects from the nearest place that has them: this isolate's memory, the edge, R2. A read of R2 also fills the
 * cache, once for all readers that come at the same time. The fill is independent of any client, so a slow client keeps
 * nobody waiting, and one that disconnects leaves no partial entry.
 */
export class ObjectCache {
  readonly #bucket: Bucket;
  readonly #edge: EdgeCache;
  readonly #memory = new Lru<ArrayBuffer>(MEMORY);
  readonly #fills = new Map<string, CacheFill>();

  constructor(bucket: Bucket, edge: EdgeCache) {
    this.#bucket = bucket;
    this.#edge = edge;
  }

  /** @returns null when there is no such object */
  async open(
    object: StoredObject,
    range: ByteRange | undefined,
    defer: Defer,
  ): Promise<ReadableStream | ArrayBuffer | null> {
    const { key, size } = object;
    if (size <= MAX_IN_MEMORY) {
      const bytes = this.#memory.get(key) ?? (await this.#small(object, defer));
      if (bytes === null || range === undefined) return bytes;
      return bytes.slice(range.offset, range.offset + range.length);
    }
    if (size > MAX_AT_EDGE) return this.#bucket.open(key, range);
    const isLittle = range !== undefined && size > MAX_EAGER && range.length < size * MIN_FILL_PART;
    return (
      (await this.#fromEdge(object, range)) ??
      (isLittle ? null : await this.#afterFill(object, range, defer)) ??
      this.#bucket.open(key, range)
    );
  }

  /** @returns null when there is no such object */
  async #small(object: StoredObject, defer: Defer): Promise<ArrayBuffer | null> {
    const { key, size } = object;
    const other = this.#inFlight(key);
    if (other !== null) await ended(other);
    const known = this.#memory.get(key);
    if (known !== undefined) return known;
    const filled = this.#cacheFill(key, async () => {
      const cached = await this.#bytesFromEdge(object);
      const bytes = cached ?? (await this.#bytesFromBucket(key));
      if (bytes === null) return null;
      this.#memory.set(key, bytes, entrySize(key) + bytes.byteLength);
      if (cached === null) defer(this.#edge.put(key, bytes, size, EDGE_SECONDS));
      return bytes;
    });
    // Other requests may wait for the fill, even if the client that began it disconnects.
    defer(filled.catch(() => {}));
    return filled;
  }

  async #bytesFromBucket(key: string): Promise<ArrayBuffer | null> {
    const body = await this.#bucket.open(key);
    return body === null ? null : new Response(body).arrayBuffer();
  }

  async #bytesFromEdge(object: StoredObject): Promise<ArrayBuffer | null> {
    const body = await this.#fromEdge(object, undefined);
    try {
      const bytes = body && (await new Response(body).arrayBuffer());
      return bytes?.byteLength === object.size ? bytes : null;
    } catch (error) {
      console.error(error);
      return null;
    }
  }

  /** @returns null where it is better to read R2: a part of a large object is there long before the whole is at the edge */
  async #afterFill(
    object: StoredObject,
    range: ByteRange | undefined,
    defer: Defer,
  ): Promise<ReadableStream | null> {
    const other = this.#inFlight(object.key);
    const isLarge = object.size > MAX_AWAITED;
    if (other === null) {
      const filled = this.#fill(object).catch(console.error);
      defer(filled);
      if (isLarge) return null;
      await filled;
    } else {
      if (isLarge && range !== undefined) return null;
      await ended(other);
    }
    return this.#fromEdge(object, range);
  }

  #fill(object: StoredObject): Promise<void> {
    return this.#cacheFill(object.key, async (cacheFill) => {
      const start = cacheFill.since + (object.size <= MAX_AWAITED ? 0 : FIRST_READER_DELAY_MS);
      while (!cacheFill.hasWaiters && Date.now() < start) await scheduler.wait(POLL_MS);
      const body = await this.#bucket.open(object.key);
      if (body !== null) await this.#edge.put(object.key, body, object.size, EDGE_SECONDS);
    });
  }

  #inFlight(key: string): CacheFill | null {
    const cacheFill = this.#fills.get(key);
    return cacheFill === undefined || cacheFill.since < Date.now() - STALE_FILL_MS
      ? null
      : cacheFill;
  }

  async #cacheFill<T>(key: string, work: (cacheFill: CacheFill) => Promise<T>): Promise<T> {
    const cacheFill = { since: Date.now(), hasWaiters: false, ended: false };
    // Those that never ended are forgotten, or they would become more and more.
    for (const other of this.#fills.keys()) {
      if (other !== key && this.#inFlight(other) !== null) break;
      this.#fills.delete(other);
    }
    this.#fills.set(key, cacheFill);
    try {
      return await work(cacheFill);
    } finally {
      cacheFill.ended = true;
      if (this.#fills.get(key) === cacheFill) this.#fills.delete(key);
    }
  }

  /** @returns null unless the edge has the object with the expected size, whichever range is asked for */
  async #fromEdge(
    { key, size }: StoredObject,
    range: ByteRange | undefined,
  ): Promise<ReadableStream | null> {
    const part = range && `${range.offset}-${range.offset + range.length - 1}`;
    const found = await this.#edge.match(key, part && `bytes=${part}`);
    if (found?.body === null || found === undefined) return null;
    const { status, headers, body } = found;
    const isRight =
      part === undefined
        ? status === 200 && headers.get("content-length") === String(size)
        : status === 206 && headers.get("content-range") === `bytes ${part}/${size}`;
    if (isRight) return body;
    await body.cancel().catch(() => {});
    return null;
  }
}

/** Waits with a timer of its own: a request that waits for another one's promise is taken for hung and cancelled. */
async function ended(cacheFill: CacheFill): Promise<void> {
  cacheFill.hasWaiters = true;
  const until = cacheFill.since + MAX_FILL_WAIT_MS;
  while (!cacheFill.ended && Date.now() < until) await scheduler.wait(POLL_MS);
}
