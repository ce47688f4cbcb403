import { Lru } from "../../memory/lru.ts";
import type { Actor } from "../policy/access.ts";
import type { Identities, Revocations, TokenRecord } from "../identity-store.ts";

const LOGINS = 512 * 1024;
const PUBLIC = 128 * 1024;

/** The revocations as they were at one moment by this isolate's clock. */
export interface Snapshot {
  readonly taken: number;
  readonly revocations: Revocations;
}

/** An owner of credentials, without the rights that come from public repositories. */
export interface KnownLogin {
  /** When the isolate asked the database. */
  readonly at: number;
  readonly actor: Actor;
  readonly token: TokenRecord | null;
}

/** A repository that was public. */
interface KnownPublic {
  readonly at: number;
  /** When it was read, by the database's clock, in milliseconds since 1970. */
  readonly readAt: number;
}

/** The cache of one database in this isolate. Work in flight keeps its object: after a clear nobody reads that one. */
export interface LoginCache {
  snapshot: Snapshot | null;
  /** When the refresh of the snapshot in flight began; 0 when none is in flight. */
  refreshing: number;
  readonly logins: Lru<KnownLogin>;
  readonly publics: Lru<KnownPublic>;
}

const memories = new WeakMap<Identities, LoginCache>();

export function loginCacheOf(identities: Identities): LoginCache {
  const cache = memories.get(identities) ?? {
    snapshot: null,
    refreshing: 0,
    logins: new Lru(LOGINS),
    publics: new Lru(PUBLIC),
  };
  memories.set(identities, cache);
  return cache;
}

/** Clears the cache; called after a change of rights or of a repository, so that this isolate sees its own changes. */
export function clearLoginCache(identities: Identities): void {
  memories.delete(identities);
}
