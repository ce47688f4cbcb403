import type { Defer } from "../defer.ts";
import { entrySize, Lru } from "../memory/lru.ts";
import { configOf } from "../oci/manifest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { StoredManifest } from "../db/manifests.ts";
import { MAX_IN_MEMORY, type ObjectCache } from "../db/object-cache.ts";
import type { PullCache } from "./pull-cache.ts";

const REMEMBERED = 128 * 1024;

/**
 * Fetches an image's config into the cache when its manifest is sent. Every pull asks for the config, and some pulls
 * ask for nothing else because they have all layers: that would be one more wait for R2.
 */
export class ConfigPrefetch {
  readonly #cache: PullCache;
  readonly #objects: ObjectCache;
  /** The manifests whose config was fetched. */
  readonly #fetched = new Lru<true>(REMEMBERED);

  constructor(cache: PullCache, objects: ObjectCache) {
    this.#cache = cache;
    this.#objects = objects;
  }

  config(repository: RepositoryName, { digest, content }: StoredManifest, defer: Defer): void {
    const key = `${repository} ${digest}`;
    if (content === null || this.#fetched.get(key)) return;
    this.#fetched.set(key, true, entrySize(key));
    const config = configOf(content);
    const blob = config && this.#cache.cachedBlob(repository, config);
    if (!blob || blob.size > MAX_IN_MEMORY) return;
    // A failure is only logged: the request for the config itself will report it to the client.
    defer(this.#objects.open(blob, undefined, defer).catch(console.error));
  }
}
