/**
 * Logins that were right a moment ago, and what was public then, so that a client's next token costs no query. They may only
 * let somebody in: whatever they do not grant, the database decides.
 */
import { entrySize } from "../../memory/lru.ts";
import { type Actor, memberships, publicSubject, withPublic } from "../policy/access.ts";
import type { Credentials, AuthTarget, AuthContext } from "../context.ts";
import { type KnownLogin, loginCacheOf } from "./cache.ts";
import type { RevocationsTaker, Identities, PublicRecord, TokenRecord } from "../identity-store.ts";
import { mayBeRevoked, revocationsTaker } from "./revocation.ts";
import { secretHash } from "./secret.ts";

/** How long a login is remembered, in milliseconds. */
const AGE = 30_000;

/** What credentials are remembered by: a hash, with our key, as passwords can be guessed. */
export function loginKey({ username, password }: Credentials, key: string): Promise<string> {
  return secretHash(JSON.stringify([key, username, password]));
}

interface LoginCacheWriter {
  login(key: string, actor: Actor, token: TokenRecord | null): void;
  publics(record: PublicRecord): void;
}

/** Who asks the database takes this first: what is forgotten while the answer is on its way is not remembered. */
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

/** @returns null where the login is not known, has come to its end, or rests on what may have been revoked since */
export function cachedLogin(key: string, identities: Identities): KnownLogin | null {
  const login = loginCacheOf(identities).logins.get(key);
  if (login === undefined || login.at < Date.now() - AGE) return null;
  const { dependsOn, grantedAt, expires, grants } = login.actor;
  if (expires !== null && expires * 1000 <= Date.now()) return null;
  // A role that was taken away is revoked in its namespace, whatever else the user may do.
  const namespaces = grants.map(({ pattern }) => pattern.split("/", 1)[0] ?? "");
  const subjects = [...dependsOn, ...memberships(dependsOn, namespaces)];
  return mayBeRevoked(subjects, grantedAt ?? 0, identities) ? null : login;
}

/** The actor with those of the repositories that are known to be public. */
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

/** What is revoked matters to who comes again: a client that logs in for a token, not one that manages something. */
export function revocationsTakerFor(
  { identities }: AuthContext,
  { isSufficient }: AuthTarget,
): RevocationsTaker | null {
  return isSufficient === null ? null : revocationsTaker(identities);
}
