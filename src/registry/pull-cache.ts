import type { Defer } from "../defer.ts";
import { entrySize, Lru } from "../memory/lru.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import type { StoredBlob } from "../db/blobs.ts";
import type { EdgeCache } from "../db/edge-cache.ts";
import type { CacheEntry, Pulled, PulledManifest, PullReads, Source } from "../db/pull-reads.ts";

/**
 * How long a cached entry is used, in milliseconds. What is deleted in one place is gone everywhere after five minutes,
 * including the lag of a replica.
 */
const MAX_ENTRY_AGE_MS = 4 * 60_000;
/** After so long no replica and no entry at the edge tells of what was deleted, in milliseconds. */
const INVALIDATION_MS = MAX_ENTRY_AGE_MS + 60_000;

const MiB = 1024 * 1024;
const MANIFESTS = 6 * MiB;
const BLOBS = MiB;
const TAGS = MiB / 2;
const INVALIDATIONS = MiB / 4;

/** As of when what was read of a repository before holds no longer, by the database's clock; 0 for never. */
export type InvalidatedAt = (repository: RepositoryName) => number;

/** A lookup: the path of its entry at the edge, the query to the database, and how to store the answer in memory. */
interface Question<T> {
  readonly path: string;
  readonly read: (source: Source) => Promise<CacheEntry<T> | null>;
  readonly keep: (entry: CacheEntry<T>) => void;
}

/**
 * The pull cache: which manifests and blobs repositories hold, and the keys of their objects, without a query to the
 * database. Entries are kept in the isolate's memory and at the edge. That something is missing is never cached.
 */
export class PullCache {
  readonly #reads: PullReads;
  readonly #edge: EdgeCache;
  readonly #invalidatedAt: InvalidatedAt;
  readonly #manifests = new Lru<CacheEntry<PulledManifest>>(MANIFESTS);
  readonly #blobs = new Lru<CacheEntry<StoredBlob>>(BLOBS);
  /** Which manifest a tag had when it was read last: a guess, that the database confirms. */
  readonly #tags = new Lru<Digest>(TAGS);
  /** The last deletion here in each repository: what was read before it and arrives after it is not kept. */
  readonly #invalidations = new Lru<{ readonly at: number }>(INVALIDATIONS);

  constructor(reads: PullReads, edge: EdgeCache, invalidatedAt: InvalidatedAt) {
    this.#reads = reads;
    this.#edge = edge;
    this.#invalidatedAt = invalidatedAt;
  }

  async manifest(
    repository: RepositoryName,
    digest: Digest,
    defer: Defer,
  ): Promise<PulledManifest | null> {
    const known = this.#manifests.get(`${repository} ${digest}`);
    if (known !== undefined && this.#holds(repository, known)) return known.value;
    const question: Question<Pulled> = {
      path: manifestPath(repository, digest),
      read: (source) => this.#reads.manifest(repository, digest, source),
      keep: (entry) => this.#keep(repository, entry),
    };
    return (await this.#ask(repository, question, defer))?.manifest ?? null;
  }

  /**
   * Finds a tag's manifest. The database is asked each time which manifest it is, but it need not send one again that
   * is cached.
   */
  async tagged(repository: RepositoryName, tag: Tag): Promise<PulledManifest | null> {
    const key = `${repository} ${tag}`;
    const guess = this.#tags.get(key);
    const known = guess && this.#manifests.get(`${repository} ${guess}`);
    // The blobs and children were read together with the manifest and expire with it: after that, all of them are read
    // again in one query.
    const cached = known && this.#holds(repository, known) ? known.value : null;
    const invalidation = this.#invalidations.get(repository);
    const source = this.#sourceFor(repository);
    const entry = await this.#reads.tagged(repository, tag, cached?.digest ?? null, source);
    if (entry === null) return null;
    const { manifest } = entry.value;
    const { digest } = manifest;
    if (cached?.digest === digest) return { ...manifest, content: cached.content };
    if (this.#invalidations.get(repository) === invalidation) {
      this.#keep(repository, entry);
      this.#tags.set(key, digest, entrySize(key, digest));
    }
    return manifest;
  }

  async blob(repository: RepositoryName, digest: Digest, defer: Defer): Promise<StoredBlob | null> {
    const known = this.cachedBlob(repository, digest);
    if (known !== null) return known;
    const question: Question<StoredBlob> = {
      path: blobPath(repository, digest),
      read: (source) => this.#reads.blob(repository, digest, source),
      keep: (entry) => this.#keepBlob(repository, digest, entry),
    };
    return this.#ask(repository, question, defer);
  }

  /** The blob, where this isolate knows of it without asking anybody. */
  cachedBlob(repository: RepositoryName, digest: Digest): StoredBlob | null {
    const known = this.#blobs.get(`${repository} ${digest}`);
    return known !== undefined && this.#holds(repository, known) ? known.value : null;
  }

  /** Removes a digest from the cache. Call it when the repository no longer holds the digest, or may not. */
  async forget(repository: RepositoryName, digest: Digest): Promise<void> {
    this.#invalidations.set(repository, { at: Date.now() }, entrySize(repository));
    this.#manifests.delete(`${repository} ${digest}`);
    this.#blobs.delete(`${repository} ${digest}`);
    // The edge may still get or keep an entry, for instance one that another isolate is writing; it expires by itself.
    const paths = [manifestPath(repository, digest), blobPath(repository, digest)];
    await Promise.all(paths.map((path) => this.#edge.delete(path)));
  }

  /**
   * Chooses the read source. After a recent deletion the primary is read, because a replica, or an entry that another
   * isolate wrote at the edge, may not show it yet.
   */
  #sourceFor(repository: RepositoryName): Source {
    const lost = Math.max(
      this.#invalidations.get(repository)?.at ?? 0,
      this.#invalidatedAt(repository),
    );
    return lost < Date.now() - INVALIDATION_MS ? "nearest" : "primary";
  }

  #holds(repository: RepositoryName, { readAt }: CacheEntry<unknown>): boolean {
    return readAt > Date.now() - MAX_ENTRY_AGE_MS && readAt > this.#invalidatedAt(repository);
  }

  #keep(repository: RepositoryName, { value, readAt }: CacheEntry<Pulled>): void {
    const { manifest, graph } = value;
    for (const one of [manifest, ...graph.manifests]) {
      const key = `${repository} ${one.digest}`;
      this.#manifests.set(
        key,
        { value: one, readAt },
        entrySize(key, one.content ?? "", one.gate ?? ""),
      );
    }
    for (const { digest, key, size } of graph.blobs) {
      this.#keepBlob(repository, digest, { value: { key, size }, readAt });
    }
  }

  #keepBlob(repository: RepositoryName, digest: Digest, entry: CacheEntry<StoredBlob>): void {
    const key = `${repository} ${digest}`;
    this.#blobs.set(key, entry, entrySize(key, entry.value.key));
  }

  /**
   * Answers from the edge, or else from the database, and then stores the answer at the edge; stores it in memory in
   * both cases.
   */
  async #ask<T>(
    repository: RepositoryName,
    { path, read, keep }: Question<T>,
    defer: Defer,
  ): Promise<T | null> {
    const invalidation = this.#invalidations.get(repository);
    const source = this.#sourceFor(repository);
    const cached = source === "nearest" ? await this.#edge.json<CacheEntry<T>>(path) : undefined;
    const isKnown = cached !== undefined && this.#holds(repository, cached);
    const entry = isKnown ? cached : await read(source);
    if (entry === null) return null;
    if (this.#invalidations.get(repository) !== invalidation) return entry.value;
    keep(entry);
    if (!isKnown) {
      const isLost = () => this.#invalidations.get(repository) !== invalidation;
      defer(this.#toEdge(path, entry, isLost));
    }
    return entry.value;
  }

  async #toEdge(path: string, entry: CacheEntry<unknown>, isLost: () => boolean): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(entry));
    await this.#edge.put(path, bytes, bytes.length, MAX_ENTRY_AGE_MS / 1000);
    if (isLost()) await this.#edge.delete(path);
  }
}

function manifestPath(repository: RepositoryName, digest: Digest): string {
  return `pull-cache/${repository}/manifests/${digest}`;
}

function blobPath(repository: RepositoryName, digest: Digest): string {
  return `pull-cache/${repository}/blobs/${digest}`;
}
