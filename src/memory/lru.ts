/**
 * Estimates the bytes that an entry with such texts takes: two for a character, and 400 for the objects and the map
 * around them.
 */
export function entrySize(...texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + 2 * length, 400);
}

/** All caches of the isolate, by weak references: a cache is freed with its owner. */
const all = new Set<WeakRef<Lru<unknown>>>();

/** Returns the bytes that all caches hold together. */
export function cachedBytes(): number {
  let sum = 0;
  for (const reference of all) {
    const lru = reference.deref();
    if (lru === undefined) all.delete(reference);
    else sum += lru.bytes;
  }
  return sum;
}

/** A cache of the entries that were used last, bounded in bytes: an isolate's memory is shared by all its requests. */
export class Lru<Value> {
  readonly #limit: number;
  /** The entries, in the order of their last use. */
  readonly #entries = new Map<string, { readonly value: Value; readonly bytes: number }>();
  #bytes = 0;
  #newest = "";

  /** @param limit the most bytes, by the sizes that are given to `set` */
  constructor(limit: number) {
    this.#limit = limit;
    all.add(new WeakRef(this));
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || key === this.#newest) return entry?.value;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#newest = key;
    return entry.value;
  }

  /** @param bytes the size of the value and its key; an entry larger than the whole cache is not kept */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    if (bytes > this.#limit) return;
    this.#entries.set(key, { value, bytes });
    this.#newest = key;
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}
