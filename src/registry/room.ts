import { Lru, entrySize } from "../memory/lru.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { QuotaStore } from "../quota/store.ts";

/** How long an isolate goes by what it knows of a namespace, in milliseconds. */
const REMEMBERED = 300_000;
const MAX_REMEMBERED = 512 * 1024;
/** A body of more than this waits for the database's answer, which takes less time than its bytes. */
const ASKED_FOR = 1024 * 1024;

/** What is known of a namespace: bytes that there was room for, Infinity without a limit, and how long that is gone by. */
interface Known {
  readonly bytes: number;
  readonly until: number;
}

/** Bytes that a request announces: as a blob of this digest, or null where they may be any part of any blob. */
export interface Announced {
  readonly length: number | null;
  readonly digest: Digest | null;
}

/**
 * Refuses bodies that cannot fit before they are read. What is remembered lets bodies through only, so it may be old: nothing
 * is refused without asking, and what is let through in vain the index refuses.
 */
export class Room {
  readonly #quotas: QuotaStore;
  readonly #known = new Lru<Known>(MAX_REMEMBERED);

  constructor(quotas: QuotaStore) {
    this.#quotas = quotas;
  }

  /** Asks beforehand, for an upload that is about to bring its bytes. */
  async learn(repository: RepositoryName): Promise<void> {
    if (this.#remembered(repository) === null) await this.#ask(repository);
  }

  /** @throws QUOTA_EXCEEDED */
  async require(repository: RepositoryName, { length, digest }: Announced): Promise<void> {
    if (length === null || length === 0) return;
    const remembered = this.#remembered(repository);
    if (remembered === null && length <= ASKED_FOR) return;
    const isEnough = remembered !== null && length <= remembered.bytes;
    const known = isEnough ? remembered : await this.#ask(repository);
    // A blob that the namespace holds costs nothing.
    if (length > known.bytes) await this.#quotas.requireHeld(repository, digest, length);
    // What goes through takes its room, as far as this isolate knows; what it knows gets no newer by that.
    else this.#remember(repository, { ...known, bytes: known.bytes - length });
  }

  /** Writes to the index. Where the quota refuses that, what is known of the namespace is wrong, and forgotten. */
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
  return error instanceof RegistryError && error.status === 403 && error.code === "DENIED";
}
