/**
 * The cache of this data centre (the Cache API). It keeps what it likes, as long as it likes, and tells nobody: what is not
 * there is read from its source. Only whole objects can be put in; ranges are cut from them here. Its trouble is nobody
 * else's: none of its methods rejects, and a cache that fails is one that has nothing.
 */
export class EdgeCache {
  readonly #secret: string;
  #name: string | null = null;

  /** @param secret of this deployment: another one on the same zone shall not find its entries */
  constructor(secret: string) {
    this.#secret = secret;
  }

  /** @param range what `Range` says, for a part of it: then the answer is 206 with that part, or 200 with the whole */
  async match(path: string, range?: string): Promise<Response | undefined> {
    try {
      const headers = range === undefined ? {} : { range };
      return await (await this.#open()).match(new Request(urlOf(path), { headers }));
    } catch (error) {
      console.error(error);
      return undefined;
    }
  }

  /** What was put there as JSON. */
  async json<T>(path: string): Promise<T | undefined> {
    try {
      return await (await this.match(path))?.json<T>();
    } catch (error) {
      console.error(error);
      return undefined;
    }
  }

  /** @param seconds after which it is no longer to be used */
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
      // Unread, it would keep one of the few connections that a request may have open; where it was read it is locked.
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

/** The host is nobody's: entries of a named cache are found through it alone, never by a request from outside. */
function urlOf(path: string): string {
  return `https://slipway.invalid/${path}`;
}

async function nameOf(secret: string): Promise<string> {
  const bytes = new TextEncoder().encode(`edge:${secret}`);
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return `slipway-${new Uint8Array(hash, 0, 8).toHex()}`;
}
