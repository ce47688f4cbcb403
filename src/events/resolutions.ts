import { entrySize, Lru } from "../memory/lru.ts";
import { childrenOf } from "../oci/manifest.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";

/** For so long a client's requests are taken for one pull, in milliseconds: a copy of all platforms may be at the first one's layers. */
const MEMORY = 5 * 60_000;
/** In bytes: of tags, and of the texts of indexes. */
const TAGS = 256 * 1024;
const INDEXES = 1024 * 1024;
/** Indexes of one repository that a client is remembered to have pulled. */
const MAX_INDEXES = 4;

/** What a client asked for: its account and network, and the repository. */
interface Place {
  readonly client: string;
  readonly repository: RepositoryName;
}

interface Remembered<Value> {
  readonly value: Value;
  readonly until: number;
}

/**
 * What this isolate saw clients look up lately. Most clients pull in several requests: containerd and Docker ask by HEAD what the
 * tag is and GET it by digest, and all of them GET an index first and then its child by digest. Only the first one names the tag.
 */
export class Resolutions {
  readonly #tags = new Lru<Remembered<Tag>>(TAGS);
  readonly #indexes = new Lru<readonly Remembered<string>[]>(INDEXES);

  /** The client was told what the tag points to. */
  resolved({ client, repository }: Place, tag: Tag, digest: Digest): void {
    const key = `${client} ${repository} ${digest}`;
    this.#tags.set(key, remember(tag), entrySize(key, tag));
  }

  /** The tag by which the client came to the digest, or null. */
  tagOf({ client, repository }: Place, digest: Digest): Tag | null {
    const found = this.#tags.get(`${client} ${repository} ${digest}`);
    return found !== undefined && isFresh(found) ? found.value : null;
  }

  /** The client has pulled an index, of this text. */
  pulled({ client, repository }: Place, text: string): void {
    const key = `${client} ${repository}`;
    const others = this.#recent(key).filter(({ value }) => value !== text);
    const indexes = [remember(text), ...others].slice(0, MAX_INDEXES);
    this.#indexes.set(key, indexes, entrySize(key, ...indexes.map(({ value }) => value)));
  }

  /** Whether an index names the manifest that the client pulled lately. */
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
