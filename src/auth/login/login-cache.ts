/**
 * Caches recent logins and public repositories, so that a client's next token costs no query. The cache can only allow:
 * what it does not allow, the database decides.
 */
import { entrySize } from "../../memory/lru.ts";
import { type Actor, memberships, publicSubject, withPublic } from "../policy/access.ts";
import type { Credentials, Purpose, Realm } from "../context.ts";
import { type KnownLogin, memoryOf } from "./cache.ts";
import type { News, Principals, PublicRecord, TokenRecord } from "../identity-store.ts";
import { mayBeRevoked, newsTaker } from "./revocation.ts";
import { secretHash } from "./secret.ts";

/** How long a login stays in the cache, in milliseconds. */
const AGE = 30_000;

/** The cache key of credentials: a hash that includes our key, as a bare hash of a password could be guessed. */
export function loginKey({ username, password }: Credentials, key: string): Promise<string> {
  return secretHash(JSON.stringify([key, username, password]));
}

interface Rememberer {
  login(key: string, actor: Actor, token: TokenRecord | null): void;
  publics(record: PublicRecord): void;
}

/** Takes the cache before the query: after a clear during the query, its answer goes to an object that nobody reads. */
export function rememberer(principals: Principals): Rememberer {
  const { logins, publics } = memoryOf(principals);
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
export function recallLogin(key: string, principals: Principals): KnownLogin | null {
  const login = memoryOf(principals).logins.get(key);
  if (login === undefined || login.at < Date.now() - AGE) return null;
  const { by, asOf, expires, grants } = login.actor;
  if (expires !== null && expires * 1000 <= Date.now()) return null;
  // Taking a role away revokes the user's membership of that namespace, so these subjects are checked too.
  const namespaces = grants.map(({ pattern }) => pattern.split("/", 1)[0] ?? "");
  const subjects = [...by, ...memberships(by, namespaces)];
  return mayBeRevoked(subjects, asOf ?? 0, principals) ? null : login;
}

/** Adds the pull rights of those repositories that the cache knows to be public. */
export function recallPublic(
  actor: Actor,
  repositories: readonly string[],
  principals: Principals,
): Actor {
  const { publics } = memoryOf(principals);
  return repositories.reduce((known, name) => {
    const found = publics.get(name);
    if (found === undefined || found.at < Date.now() - AGE) return known;
    const { readAt } = found;
    if (mayBeRevoked([publicSubject(name)], readAt, principals)) return known;
    return withPublic(known, [name], readAt);
  }, actor);
}

/**
 * Returns a receiver of new revocations for clients that log in for a token and come again; null for management
 * requests, which never use the cache.
 */
export function newsFor({ principals }: Realm, { suffices }: Purpose): News | null {
  return suffices === null ? null : newsTaker(principals);
}
