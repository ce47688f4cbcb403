/**
 * Logins that were right a moment ago, and what was public then, so that a client's next token costs no query. They may only
 * let somebody in: whatever they do not grant, the database decides.
 */
import { type Actor, publicSubject, withPublic } from "./access.ts";
import type { Credentials, Realm } from "./challenge.ts";
import type { Principals, PublicRecord, TokenRecord } from "./principals.ts";
import { type KnownLogin, mayBeRevoked, memoryOf } from "./revocation.ts";
import { secretHash } from "./secret.ts";

/** How long a login is remembered, in milliseconds. */
const AGE = 30_000;
/** What an entry takes besides its texts, in bytes. */
const ENTRY = 300;

/** What credentials are remembered by: a hash, with our key, as passwords can be guessed. */
export function loginKey(
  { username, password }: Credentials,
  { signing }: Pick<Realm, "signing">,
): Promise<string> {
  return secretHash(JSON.stringify([signing.key, username, password]));
}

/** Nothing that is forgotten meanwhile is remembered: it is to be taken before the query. */
export function rememberer(
  principals: Principals,
): (key: string, actor: Actor, token: TokenRecord | null) => void {
  const { logins } = memoryOf(principals);
  const at = Date.now();
  return (key, actor, token) => {
    const login = { at, actor, token };
    logins.set(key, login, ENTRY + 2 * (key.length + JSON.stringify(login).length));
  };
}

/** The same for what is public. */
export function publicRememberer(principals: Principals): (record: PublicRecord) => void {
  const { publics } = memoryOf(principals);
  const at = Date.now();
  return ({ public: repositories, readAt }) => {
    for (const name of repositories) publics.set(name, { at, readAt }, ENTRY + 2 * name.length);
  };
}

/** @returns null where the login is not known, has come to its end, or rests on what may have been revoked since */
export function recallLogin(key: string, principals: Principals): KnownLogin | null {
  const login = memoryOf(principals).logins.get(key);
  if (login === undefined || login.at < Date.now() - AGE) return null;
  const { by, asOf, expires, grants } = login.actor;
  if (expires !== null && expires * 1000 <= Date.now()) return null;
  // A role that was taken away is revoked in its namespace, whatever else the user may do.
  const namespaces = new Set(grants.map(({ pattern }) => pattern.split("/", 1)[0]));
  const users = by.filter((subject) => subject.startsWith("user:"));
  const memberships = users.flatMap((user) => [...namespaces].map((name) => `${user}@${name}`));
  return mayBeRevoked([...by, ...memberships], asOf ?? 0, principals) ? null : login;
}

/** The actor with those of the repositories that are known to be public. */
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
