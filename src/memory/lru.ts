/** About what such texts take as an entry, in bytes: two for a character, and the objects and the map around them. */
export function entrySize(...texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + 2 * length, 400);
}

/** All that there are: each is its owner's, and goes with it. */
const all = new Set<WeakRef<Lru<unknown>>>();

/** What all of them hold together, in bytes. */
export function cachedBytes(): number {
  let sum = 0;
  for (const reference of all) {
    const lru = reference.deref();
    if (lru === undefined) all.delete(reference);
    else sum += lru.bytes;
  }
  return sum;
}

/** What was used last, as much of it as a number of bytes holds: an isolate's memory is shared by all its requests. */
export class Lru<Value> {
  readonly #limit: number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, { readonly value: Value; readonly bytes: number }>();
  #bytes = 0;
  #newest = "";

  /** @param limit in bytes, by what `set` is told */
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

  /** @param bytes what the value takes, its key included; one that takes more than there is room for is not kept */
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
