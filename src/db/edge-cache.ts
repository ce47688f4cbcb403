/**
 * The cache of this data centre (the Cache API). It may drop any entry at any time without notice; what is not there is
 * read from its source. Only whole objects can be stored; ranges are cut from them by the cache. No method rejects: a
 * cache that fails is treated like an empty one.
 */
export class EdgeCache {
  readonly #secret: string;
  #name: string | null = null;

  /**
   * @param secret a secret of this deployment, so that another deployment on the same zone does not find its entries
   */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /**
   * Finds an entry.
   * @param range a Range header, for a part of the entry: the answer is then 206 with that part, or 200 with the whole
   */
  async match(path: string, range?: string): Promise<Response | undefined> {
    try {
      const headers = range === undefined ? {} : { range };
      return await (await this.#open()).match(new Request(urlOf(path), { headers }));
    } catch (error) {
      console.error(error);
      return undefined;
    }
  }

  /** Returns an entry that was stored as JSON. */
  async json<T>(path: string): Promise<T | undefined> {
    try {
      return await (await this.match(path))?.json<T>();
    } catch (error) {
      console.error(error);
      return undefined;
    }
  }

  /**
   * Stores an entry.
   * @param seconds how long the entry may be used
   */
  async put(
    path: string,
    body: ReadableStream | ArrayBuffer | Uint8Array,
    size: number,
    seconds: number,
  ): Promise<void> {
    const headers = {
      "cache-control": `public, max-age=${seconds}`,
      "content-length": String(size),
    };
    try {
      await (await this.#open()).put(urlOf(path), new Response(body, { headers }));
    } catch (error) {
      console.error(error);
      // An unread body would keep one of the few connections that a request may have open. A body that was read is
      // locked, so its cancel fails.
      if (body instanceof ReadableStream) await body.cancel(error).catch(() => {});
    }
  }

  async delete(path: string): Promise<void> {
    try {
      await (await this.#open()).delete(urlOf(path));
    } catch (error) {
      console.error(error);
    }
  }

  async #open(): Promise<Cache> {
    this.#name ??= await nameOf(this.#secret);
    return caches.open(this.#name);
  }
}

/**
 * Makes the URL of an entry. Nobody can own its host; entries of a named cache are found through that cache alone,
 * never by a request from outside.
 */
function urlOf(path: string): string {
  return `https://slipway.invalid/${path}`;
}

async function nameOf(secret: string): Promise<string> {
  const bytes = new TextEncoder().encode(`edge:${secret}`);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return `slipway-${new Uint8Array(hash, 0, 8).toHex()}`;
}
