import { Lru, entrySize } from "../memory/lru.ts";
import type { Digest } from "../oci/digest.ts";
import { isRefusal } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { QuotaStore } from "../quota/store.ts";

/** How long an isolate uses what it knows of a namespace, in milliseconds. */
const REMEMBERED = 300_000;
const MAX_REMEMBERED = 512 * 1024;
/** The size in bytes from which a body waits for the database's answer, which takes less time than so many bytes. */
const ASKED_FOR = 1024 * 1024;

/** What is known of a namespace: the bytes that it had left, Infinity without a limit, and until when that is used. */
interface Known {
  readonly bytes: number;
  readonly until: number;
}

/** The length of a request's body, and the digest of the blob that it is; null if it may be a part of any blob. */
export interface Announced {
  readonly length: number | null;
  readonly digest: Digest | null;
}

/**
 * Refuses bodies that do not fit into the quota before they are read. Cached values are only used to accept a body, so
 * they may be old: a body is never refused without a query, and if one was accepted wrongly, the database refuses its
 * row.
 */
export class Room {
  readonly #quotas: QuotaStore;
  readonly #known = new Lru<Known>(MAX_REMEMBERED);

  constructor(quotas: QuotaStore) {
    this.#quotas = quotas;
  }

  /** Asks the database in advance, for an upload that is about to bring its bytes. */
  async learn(repository: RepositoryName): Promise<void> {
    if (this.#remembered(repository) === null) await this.#ask(repository);
  }

  /** @throws QUOTA_EXCEEDED when the body cannot fit */
  async require(repository: RepositoryName, { length, digest }: Announced): Promise<void> {
    if (length === null || length === 0) return;
    const remembered = this.#remembered(repository);
    if (remembered === null && length <= ASKED_FOR) return;
    const isEnough = remembered !== null && length <= remembered.bytes;
    const known = isEnough ? remembered : await this.#ask(repository);
    // A blob that the namespace already holds does not count again.
    if (length > known.bytes) await this.#quotas.requireLinked(repository, digest, length);
    // An accepted body is subtracted from the cached value. This does not renew the value.
    else this.#remember(repository, { ...known, bytes: known.bytes - length });
  }

  /** Runs a write to the database. If the quota refuses it, the cached value is wrong and is dropped. */
  async within<T>(repository: RepositoryName, write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (isOverQuota(error)) this.#known.delete(namespaceOf(repository));
      throw error;
    }
  }

  #remembered(repository: RepositoryName): Known | null {
    const known = this.#known.get(namespaceOf(repository));
    return known === undefined || known.until <= Date.now() ? null : known;
  }

  async #ask(repository: RepositoryName): Promise<Known> {
    const bytes = (await this.#quotas.left(namespaceOf(repository))) ?? Infinity;
    const known = { bytes, until: Date.now() + REMEMBERED };
    this.#remember(repository, known);
    return known;
  }

  #remember(repository: RepositoryName, known: Known): void {
    const namespace = namespaceOf(repository);
    this.#known.set(namespace, known, entrySize(namespace));
  }
}

export function isOverQuota(error: unknown): boolean {
  return isRefusal(error, "QUOTA_EXCEEDED");
}
