/**
 * Caches recent logins and public repositories, so that a client's next token costs no query. The cache can only allow:
 * what it does not allow, the database decides.
 */
import { entrySize } from "../../memory/lru.ts";
import { type Actor, memberships, publicSubject, withPublic } from "../policy/access.ts";
import type { Credentials, AuthTarget, AuthContext } from "../context.ts";
import { type KnownLogin, loginCacheOf } from "./cache.ts";
import type { OnRevocations, Identities, PublicRecord, TokenRecord } from "../identity-store.ts";
import { mayBeRevoked, onRevocations } from "./revocation.ts";
import { secretHash } from "./secret.ts";

/** How long a login stays in the cache, in milliseconds. */
const AGE = 30_000;

/**
 * The cache key of credentials: a hash that includes our key, as a bare hash of a password could be guessed.
 * @param near the network that a password comes from: from another one it has to pass the rate limit, or who guesses would
 * learn there that it is right. "" for a secret, which nobody guesses.
 */
export function loginKey(
  { username, password }: Credentials,
  key: string,
  near: string,
): Promise<string> {
  return secretHash(JSON.stringify([key, username, password, near]));
}

interface LoginCacheWriter {
  login(key: string, actor: Actor, token: TokenRecord | null): void;
  publics(record: PublicRecord): void;
}

/** Takes the cache before the query: after a clear during the query, its answer goes to an object that nobody reads. */
export function cacheWriter(identities: Identities): LoginCacheWriter {
  const { logins, publics } = loginCacheOf(identities);
  const at = Date.now();
  return {
    login(key, actor, token) {
      const login = { at, actor, token };
      logins.set(key, login, entrySize(key, JSON.stringify(login)));
    },
    publics({ public: repositories, readAt }) {
      for (const name of repositories) publics.set(name, { at, readAt }, entrySize(name));
    },
  };
}

/** @returns null when the login is not cached, has ended, or depends on something that may have been revoked since */
export function cachedLogin(key: string, identities: Identities): KnownLogin | null {
  const login = loginCacheOf(identities).logins.get(key);
  if (login === undefined || login.at < Date.now() - AGE) return null;
  const { dependsOn, grantedAt, expires, grants } = login.actor;
  if (expires !== null && expires * 1000 <= Date.now()) return null;
  // Taking a role away revokes the user's membership of that namespace, so these subjects are checked too.
  const namespaces = grants.map(({ pattern }) => pattern.split("/", 1)[0] ?? "");
  const subjects = [...dependsOn, ...memberships(dependsOn, namespaces)];
  return mayBeRevoked(subjects, grantedAt ?? 0, identities) ? null : login;
}

/** Adds the pull rights of those repositories that the cache knows to be public. */
export function withCachedPublic(
  actor: Actor,
  repositories: readonly string[],
  identities: Identities,
): Actor {
  const { publics } = loginCacheOf(identities);
  return repositories.reduce((known, name) => {
    const found = publics.get(name);
    if (found === undefined || found.at < Date.now() - AGE) return known;
    const { readAt } = found;
    if (mayBeRevoked([publicSubject(name)], readAt, identities)) return known;
    return withPublic(known, [name], readAt);
  }, actor);
}

/**
 * Returns a receiver of new revocations for clients that log in for a token and come again; null for management
 * requests, which never use the cache.
 */
export function onRevocationsFor(
  { identities }: AuthContext,
  { isSufficient }: AuthTarget,
): OnRevocations | null {
  return isSufficient === null ? null : onRevocations(identities);
}
