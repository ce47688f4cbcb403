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
import type { Credentials, AuthTarget, AuthContext } from "../context.ts";
import { endOf } from "./lifetime.ts";
import {
  failed,
  limited,
  noteNetwork,
  rateLimit,
  type Try,
  wrongPassword,
} from "./login-failed.ts";
import { verifyPassword } from "./password.ts";
import type { LoginRecord, TokenRecord } from "../identity-store.ts";
import {
  loginKey,
  onRevocationsFor,
  cachedLogin,
  withCachedPublic,
  cacheWriter,
} from "./login-cache.ts";
import { hasSecretForm, isSecret, secretHash } from "./secret.ts";
import { sameText } from "./same-text.ts";
import { placesOf } from "./throttle.ts";
import { isCredential } from "./token.ts";
import { network } from "../../network.ts";
import { MAX_PASSWORD, namespacesAmong, WORKLOAD } from "../oidc/workload.ts";
import { exchanged, identified } from "../oidc/workload-login.ts";

/** The longest name, a robot's: its namespace and its own name, in characters. */
const MAX_NAME = 320;
const DAY = 86_400_000;
const WRONG_SECRET = "wrong user name or token, or it was revoked";
const DISABLED = "the account is disabled: its administrator or owner can enable it";

/** Hashes of correct passwords with their networks, so that the slow hash is not computed for every token of a push. */
const rightPasswords = new Lru<true>(256 * 1024);

/**
 * Finds the owner of these credentials. It costs one query for any kind of credentials, which also reads the
 * revocations every half minute, or none when the isolate has the login cached.
 * @throws LoginFailed, with 429 after too many failures
 */
export async function login(
  credentials: Credentials,
  auth: AuthContext,
  target: AuthTarget,
): Promise<Actor> {
  const { username, password } = credentials;
  if (username.length > MAX_NAME || password.length > MAX_PASSWORD) {
    const reason = "the name or the password is too long";
    throw await failed({ user: null, reason, tried: null }, auth, target);
  }
  if (isCredential(password)) return exchanged(credentials, auth, target);
  if (username === WORKLOAD) return identified(credentials, auth, target);
  if (isSecret(password) && !hasSecretForm(password)) {
    throw await failed({ user: null, reason: WRONG_SECRET, tried: null }, auth, target);
  }
  const near = isSecret(password) ? "" : network(auth.address);
  const key = await loginKey(credentials, auth.signing.key, near);
  return recalled(key, auth, target) ?? lookUp(credentials, key, auth, target);
}

/** Returns the cached login if it allows all that is asked for, else null. */
function recalled(
  key: string,
  auth: AuthContext,
  { repositories, isSufficient }: AuthTarget,
): Actor | null {
  if (isSufficient === null) return null;
  const { identities } = auth;
  const known = cachedLogin(key, identities);
  if (known === null) return null;
  const actor = withCachedPublic(known.actor, repositories, identities);
  if (!isSufficient(actor)) return null;
  if (known.token !== null) noteUse(known.token, auth);
  return actor;
}

async function lookUp(
  credentials: Credentials,
  key: string,
  auth: AuthContext,
  target: AuthTarget,
): Promise<Actor> {
  const { username, password } = credentials;
  const { identities } = auth;
  const hash = isSecret(password) ? await secretHash(password) : null;
  const places = hash === null ? await placesOf(username, auth) : null;
  const query = { ...namesIn(target), name: username || null, hash, session: null, places };
  const cache = cacheWriter(identities);
  const record = await identities.find(query, onRevocationsFor(auth, target));
  const attempt = places === null ? null : { places, record };
  const actor =
    attempt === null
      ? bySecret(record, auth)
      : await byPassword(credentials, auth, record, attempt);
  if (typeof actor === "string") {
    const tried = attempt === null ? "secret" : "password";
    const failure = { user: accountOf(record), reason: actor, tried } as const;
    // Someone who knows a disabled account's password is not guessing: the failure must not block the network or slow
    // others down.
    throw attempt === null || actor === DISABLED
      ? await failed(failure, auth, target)
      : await wrongPassword(attempt, failure, auth, target);
  }
  cache.login(key, actor, record.token && { ...record.token, lastUsed: today() });
  cache.publics(record);
  return withPublic(actor, record.public);
}

/** @returns the reason when the login is refused */
async function byPassword(
  { username, password }: Credentials,
  auth: AuthContext,
  record: LoginRecord,
  attempt: Try,
): Promise<Actor | string> {
  const { user } = record;
  const stored = username === ADMIN ? auth.adminPassword : (user?.password ?? null);
  const mark = await secretHash(`${attempt.places.network}\n${stored}\n${password}`);
  if (rightPasswords.get(mark) === undefined) {
    // A password that was right at this network skips the limit, however often others fail: a push logs in several times.
    const wait = await rateLimit(attempt, auth);
    if (wait !== null) throw limited({ user: accountOf(record), tried: "password" }, wait);
    const right =
      username === ADMIN
        ? await sameText(password, auth.adminPassword)
        : await verifyPassword(password, stored);
    if (!right || user === null) return "wrong user name or password";
    rightPasswords.set(mark, true, entrySize(mark));
  }
  if (user === null) return "wrong user name or password";
  // Only those who know the password are told this.
  if (user.disabled) return DISABLED;
  noteNetwork(attempt, auth);
  const actor = userActor(record, user.admin);
  if (username !== ADMIN) return { ...actor, via: "password" };
  return { ...actor, dependsOn: [...actor.dependsOn, await adminMark(auth)], via: "password" };
}

/** Logs in by a secret. Secrets cannot be guessed, so a correct one never waits because of others' failures. */
function bySecret(record: LoginRecord, auth: AuthContext): Actor | string {
  const { name, user, token, readAt } = record;
  if (token === null) return WRONG_SECRET;
  const { longestLives } = auth;
  const expiresAt = endOf(token, token.isRobot ? longestLives.robotToken : longestLives.token);
  if (expiresAt !== null && expiresAt <= Date.now()) return "the token has expired";
  if (token.disabled || user?.disabled === true) return DISABLED;
  noteUse(token, auth);
  const expires = expiresAt === null ? null : Math.floor(expiresAt / 1000);
  const dependsOn = `token:${token.id}`;
  if (token.isRobot) {
    const grants = machineGrants(token.scopes);
    const robot = { ...anonymous(false), name, grants, via: "robot" as const, grantedAt: readAt };
    return { ...robot, expires, subject: dependsOn, dependsOn: [`robot:${name}`, dependsOn] };
  }
  if (user === null) return WRONG_SECRET;
  const owner = userActor(record, user.admin);
  const limits = scopeGrants(token.scopes);
  return {
    ...owner,
    via: "token",
    limits,
    expires,
    subject: dependsOn,
    dependsOn: [...owner.dependsOn, dependsOn],
  };
}

/** Returns the repositories and namespaces that a request is about, for a query. */
export function namesIn(target: AuthTarget) {
  const { repositories, namespace = [] } = target;
  const namespaces = namespacesAmong([...repositories, ...[namespace].flat()]);
  return { repositories, namespaces };
}

/** Makes the actor of a user with all of its roles. @param admin whether it administers the registry */
export function userActor({ name, roles, readAt }: LoginRecord, admin: boolean): Actor {
  const grants = roles.map(({ pattern, role }) => roleGrant(pattern, role));
  if (admin) grants.push(roleGrant("*", "owner"));
  return { ...anonymous(false), name, grants, dependsOn: [`user:${name}`], grantedAt: readAt };
}

/** Adds pull rights on the public repositories among those asked for; makes no query if the actor needs none. */
export async function addPublic(
  actor: Actor,
  auth: AuthContext,
  target: AuthTarget,
): Promise<Actor> {
  const { identities } = auth;
  const { repositories, isSufficient } = target;
  if (repositories.length === 0 || isSufficient?.(actor) === true) return actor;
  const known = withCachedPublic(actor, repositories, identities);
  if (isSufficient?.(known) === true) return known;
  const cache = cacheWriter(identities);
  const record = await identities.publicAmong(repositories, onRevocationsFor(auth, target));
  cache.publics(record);
  return withPublic(actor, record.public, record.readAt);
}

/** The name of the account, or null where there is none. */
function accountOf({ name, user, robot, token }: LoginRecord): string | null {
  return user === null && token === null && !robot ? null : name;
}

/** Records the day of use, only when it changes: a write for each login would be too many, and reveal too much. */
function noteUse({ id, lastUsed }: TokenRecord, auth: AuthContext): void {
  if (lastUsed !== today()) auth.defer(auth.identities.used(id, today()));
}

function today(): number {
  return Math.floor(Date.now() / DAY);
}
