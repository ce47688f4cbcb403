import { Lru } from "../../memory/lru.ts";
import type { Actor } from "../policy/access.ts";
import type { Identities, Revocations, TokenRecord } from "../identity-store.ts";

const LOGINS = 512 * 1024;
const PUBLIC = 128 * 1024;

/** What was revoked, as of a moment by this isolate's clock. */
export interface Snapshot {
  readonly taken: number;
  readonly revocations: Revocations;
}

/** Who some credentials belong to, without what is public. */
export interface KnownLogin {
  /** When the isolate asked. */
  readonly at: number;
  readonly actor: Actor;
  readonly token: TokenRecord | null;
}

/** That a repository was public. */
interface KnownPublic {
  readonly at: number;
  /** By the database's clock. */
  readonly readAt: number;
}

/** What this isolate knows of a database. What is under way keeps the one that it began with: forgotten, nobody reads it. */
export interface LoginCache {
  snapshot: Snapshot | null;
  /** When the refresh of the snapshot began that is under way; 0 for none. */
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

/** To be called after a change of who may do what, or of a repository: what this isolate changed, it knows at once. */
export function clearLoginCache(identities: Identities): void {
  memories.delete(identities);
}
