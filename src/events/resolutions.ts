import { entrySize, Lru } from "../memory/lru.ts";
import { childrenOf } from "../oci/manifest.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";

/**
 * How long a client's requests belong to one pull, in milliseconds: copying all platforms may take minutes for the
 * layers of the first.
 */
const MEMORY = 5 * 60_000;
/** Memory for tags, and for the texts of indexes, in bytes. */
const TAGS = 256 * 1024;
const INDEXES = 1024 * 1024;
/** The most indexes of one repository that are cached for a client. */
const MAX_INDEXES = 4;

/** A client, known by its account and network, and the repository that it asked for. */
interface Place {
  readonly client: string;
  readonly repository: RepositoryName;
}

interface Remembered<Value> {
  readonly value: Value;
  readonly until: number;
}

/**
 * Caches which manifests clients looked up lately. Most clients pull in several requests: containerd and Docker ask by
 * HEAD for the tag's digest and GET that, and all of them GET an index first and then its child by digest. Only the
 * first request names the tag.
 */
export class Resolutions {
  readonly #tags = new Lru<Remembered<Tag>>(TAGS);
  readonly #indexes = new Lru<readonly Remembered<string>[]>(INDEXES);

  /** Records that the client learned the digest of the tag. */
  resolved({ client, repository }: Place, tag: Tag, digest: Digest): void {
    const key = `${client} ${repository} ${digest}`;
    this.#tags.set(key, remember(tag), entrySize(key, tag));
  }

  /** Returns the tag under which the client found the digest, or null. */
  tagOf({ client, repository }: Place, digest: Digest): Tag | null {
    const found = this.#tags.get(`${client} ${repository} ${digest}`);
    return found !== undefined && isFresh(found) ? found.value : null;
  }

  /** Records that the client pulled an index with this text. */
  pulled({ client, repository }: Place, text: string): void {
    const key = `${client} ${repository}`;
    const others = this.#recent(key).filter(({ value }) => value !== text);
    const indexes = [remember(text), ...others].slice(0, MAX_INDEXES);
    this.#indexes.set(key, indexes, entrySize(key, ...indexes.map(({ value }) => value)));
  }

  /** Returns whether an index that the client pulled lately names the manifest. */
  isPart({ client, repository }: Place, digest: Digest): boolean {
    return this.#recent(`${client} ${repository}`).some(
      ({ value: text }) => text.includes(digest) && childrenOf(text).includes(digest),
    );
  }

  #recent(key: string): readonly Remembered<string>[] {
    return (this.#indexes.get(key) ?? []).filter(isFresh);
  }
}

function remember<Value>(value: Value): Remembered<Value> {
  return { value, until: Date.now() + MEMORY };
}

function isFresh({ until }: Remembered<unknown>): boolean {
  return until > Date.now();
}
