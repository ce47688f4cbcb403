import { entrySize, Lru } from "../../memory/lru.ts";
import {
  type Actor,
  anonymous,
  machineGrants,
  roleGrant,
  scopeGrants,
  withPublic,
} from "../policy/access.ts";
import { ADMIN, adminMark } from "./admin.ts";
import type { Credentials, Purpose, Realm } from "../context.ts";
import { endOf } from "./lifetime.ts";
import { failed, limited, noteNetwork, takeTurn, type Try, wrongPassword } from "./login-failed.ts";
import { verifyPassword } from "./password.ts";
import type { LoginRecord, TokenRecord } from "../identity-store.ts";
import { loginKey, newsFor, recallLogin, recallPublic, rememberer } from "./login-cache.ts";
import { hasSecretForm, isSecret, sameText, secretHash } from "./secret.ts";
import { placesOf } from "./throttle.ts";
import { isCredential } from "./token.ts";
import { MAX_PASSWORD, namespacesAmong, WORKLOAD } from "../oidc/workload.ts";
import { exchanged, identified } from "../oidc/workload-login.ts";

/** The longest name, a robot's: its namespace and its own name, in characters. */
const MAX_NAME = 320;
const DAY = 86_400_000;
const WRONG_SECRET = "wrong user name or token, or it was revoked";
const DISABLED = "the account is disabled: its administrator or owner can enable it";

/** Hashes of correct passwords, so that the slow hash is not computed for every token of a push. */
const rightPasswords = new Lru<true>(256 * 1024);

/**
 * Finds the owner of these credentials. It costs one query for any kind of credentials, which also reads the
 * revocations every half minute, or none when the isolate has the login cached.
 * @throws LoginFailed, with 429 after too many failures
 */
export async function login(
  credentials: Credentials,
  realm: Realm,
  purpose: Purpose,
): Promise<Actor> {
  const { username, password } = credentials;
  if (username.length > MAX_NAME || password.length > MAX_PASSWORD) {
    const reason = "the name or the password is too long";
    throw await failed({ user: null, reason, tried: null }, realm, purpose);
  }
  if (isCredential(password)) return exchanged(credentials, realm, purpose);
  if (username === WORKLOAD) return identified(credentials, realm, purpose);
  if (isSecret(password) && !hasSecretForm(password)) {
    throw await failed({ user: null, reason: WRONG_SECRET, tried: null }, realm, purpose);
  }
  const key = await loginKey(credentials, realm.signing.key);
  return recalled(key, realm, purpose) ?? lookUp(credentials, key, realm, purpose);
}

/** Returns the cached login if it allows all that is asked for, else null. */
function recalled(key: string, realm: Realm, { repositories, suffices }: Purpose): Actor | null {
  if (suffices === null) return null;
  const { principals } = realm;
  const known = recallLogin(key, principals);
  if (known === null) return null;
  const actor = recallPublic(known.actor, repositories, principals);
  if (!suffices(actor)) return null;
  if (known.token !== null) noteUse(known.token, realm);
  return actor;
}

async function lookUp(
  credentials: Credentials,
  key: string,
  realm: Realm,
  purpose: Purpose,
): Promise<Actor> {
  const { username, password } = credentials;
  const { principals } = realm;
  const hash = isSecret(password) ? await secretHash(password) : null;
  const { repositories, namespace = [] } = purpose;
  const places = hash === null ? await placesOf(username, realm) : null;
  const namespaces = namespacesAmong([...repositories, ...[namespace].flat()]);
  const query = { name: username || null, hash, places, repositories, namespaces };
  const remember = rememberer(principals);
  const record = await principals.find(query, newsFor(realm, purpose));
  const attempt = places === null ? null : { places, record };
  const actor =
    attempt === null
      ? bySecret(record, realm)
      : await byPassword(credentials, realm, record, attempt);
  if (typeof actor === "string") {
    const tried = attempt === null ? "secret" : "password";
    const failure = { user: accountOf(record), reason: actor, tried } as const;
    // Someone who knows a disabled account's password is not guessing: the failure must not block the network or slow
    // others down.
    throw attempt === null || actor === DISABLED
      ? await failed(failure, realm, purpose)
      : await wrongPassword(attempt, failure, realm, purpose);
  }
  remember.login(key, actor, record.token && { ...record.token, lastUsed: today() });
  remember.publics(record);
  return withPublic(actor, record.public);
}

/** @returns the reason when the login is refused */
async function byPassword(
  { username, password }: Credentials,
  realm: Realm,
  record: LoginRecord,
  attempt: Try,
): Promise<Actor | string> {
  const { user } = record;
  const stored = username === ADMIN ? realm.adminPassword : (user?.password ?? null);
  const mark = await secretHash(`${username}\n${stored}\n${password}`);
  if (rightPasswords.get(mark) === undefined) {
    // A cached correct password skips the limit, however often others fail: a push logs in several times.
    const wait = await takeTurn(attempt, realm);
    if (wait !== null) throw limited({ user: accountOf(record), tried: "password" }, wait);
    const right =
      username === ADMIN
        ? await sameText(password, realm.adminPassword)
        : await verifyPassword(password, stored);
    if (!right || user === null) return "wrong user name or password";
    rightPasswords.set(mark, true, entrySize(mark));
  }
  if (user === null) return "wrong user name or password";
  // Only those who know the password are told this.
  if (user.disabled) return DISABLED;
  noteNetwork(attempt, realm);
  const actor = userActor(record, user.admin);
  if (username !== ADMIN) return { ...actor, via: "password" };
  return { ...actor, by: [...actor.by, await adminMark(realm)], via: "password" };
}

/** Logs in by a secret. Secrets cannot be guessed, so a correct one never waits because of others' failures. */
function bySecret(record: LoginRecord, realm: Realm): Actor | string {
  const { name, user, token, readAt } = record;
  if (token === null) return WRONG_SECRET;
  const { longestLives } = realm;
  const expiresAt = endOf(token, token.isRobot ? longestLives.robotToken : longestLives.token);
  if (expiresAt !== null && expiresAt <= Date.now()) return "the token has expired";
  if (token.disabled || user?.disabled === true) return DISABLED;
  noteUse(token, realm);
  const expires = expiresAt === null ? null : Math.floor(expiresAt / 1000);
  const by = `token:${token.id}`;
  if (token.isRobot) {
    const grants = machineGrants(token.scopes);
    const robot = { ...anonymous(false), name, grants, via: "robot" as const, asOf: readAt };
    return { ...robot, expires, subject: by, by: [`robot:${name}`, by] };
  }
  if (user === null) return WRONG_SECRET;
  const owner = userActor(record, user.admin);
  const limits = scopeGrants(token.scopes);
  return { ...owner, via: "token", limits, expires, subject: by, by: [...owner.by, by] };
}

function userActor({ name, roles, readAt }: LoginRecord, admin: boolean): Actor {
  const grants = roles.map(({ pattern, role }) => roleGrant(pattern, role));
  if (admin) grants.push(roleGrant("*", "owner"));
  return { ...anonymous(false), name, grants, by: [`user:${name}`], asOf: readAt };
}

/** Adds pull rights on the public repositories among those asked for; makes no query if the actor needs none. */
export async function addPublic(actor: Actor, realm: Realm, purpose: Purpose): Promise<Actor> {
  const { principals } = realm;
  const { repositories, suffices } = purpose;
  if (repositories.length === 0 || suffices?.(actor) === true) return actor;
  const known = recallPublic(actor, repositories, principals);
  if (suffices?.(known) === true) return known;
  const remember = rememberer(principals);
  const record = await principals.publicAmong(repositories, newsFor(realm, purpose));
  remember.publics(record);
  return withPublic(actor, record.public, record.readAt);
}

/** The name of the account, or null where there is none. */
function accountOf({ name, user, robot, token }: LoginRecord): string | null {
  return user === null && token === null && !robot ? null : name;
}

/** Records the day of use, only when it changes: a write for each login would be too many, and reveal too much. */
function noteUse({ id, lastUsed }: TokenRecord, realm: Realm): void {
  if (lastUsed !== today()) realm.defer(realm.principals.used(id, today()));
}

function today(): number {
  return Math.floor(Date.now() / DAY);
}
