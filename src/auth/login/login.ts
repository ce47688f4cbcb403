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
  revocationsTakerFor,
  cachedLogin,
  withCachedPublic,
  cacheWriter,
} from "./login-cache.ts";
import { hasSecretForm, isSecret, sameText, secretHash } from "./secret.ts";
import { placesOf } from "./throttle.ts";
import { isCredential } from "./token.ts";
import { MAX_PASSWORD, namespacesAmong, WORKLOAD } from "../oidc/workload.ts";
import { exchanged, identified } from "../oidc/workload-login.ts";

/** A robot's: its namespace and its own. */
const MAX_NAME = 320;
const DAY = 86_400_000;
const WRONG_SECRET = "wrong user name or token, or it was revoked";
const DISABLED = "the account is disabled: its administrator or owner can enable it";

/** Hashes of passwords that were right, so that the slow hash is not computed for every token of a push. */
const rightPasswords = new Lru<true>(256 * 1024);

/**
 * Who has these credentials? One query, whatever they are (and what was revoked, every half minute), or none where the isolate
 * has just made it.
 * @throws LoginFailed, with 429 once there were too many failures
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
  const key = await loginKey(credentials, auth.signing.key);
  return recalled(key, auth, target) ?? lookUp(credentials, key, auth, target);
}

/** The login from memory, where that gives all that is asked for. */
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
  const { repositories, namespace = [] } = target;
  const places = hash === null ? await placesOf(username, auth) : null;
  const namespaces = namespacesAmong([...repositories, ...[namespace].flat()]);
  const query = { name: username || null, hash, places, repositories, namespaces };
  const cache = cacheWriter(identities);
  const record = await identities.find(query, revocationsTakerFor(auth, target));
  const attempt = places === null ? null : { places, record };
  const actor =
    attempt === null
      ? bySecret(record, auth)
      : await byPassword(credentials, auth, record, attempt);
  if (typeof actor === "string") {
    const tried = attempt === null ? "secret" : "password";
    const failure = { user: accountOf(record), reason: actor, tried } as const;
    // Who knows a disabled account's password guesses nothing: it shuts no network and slows nobody else down.
    throw attempt === null || actor === DISABLED
      ? await failed(failure, auth, target)
      : await wrongPassword(attempt, failure, auth, target);
  }
  cache.login(key, actor, record.token && { ...record.token, lastUsed: today() });
  cache.publics(record);
  return withPublic(actor, record.public);
}

/** @returns why not */
async function byPassword(
  { username, password }: Credentials,
  auth: AuthContext,
  record: LoginRecord,
  attempt: Try,
): Promise<Actor | string> {
  const { user } = record;
  const stored = username === ADMIN ? auth.adminPassword : (user?.password ?? null);
  const mark = await secretHash(`${username}\n${stored}\n${password}`);
  if (rightPasswords.get(mark) === undefined) {
    // Who was right a moment ago goes on, however often others are wrong: a push logs in several times.
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
  // Told to nobody but those who know the password.
  if (user.disabled) return DISABLED;
  noteNetwork(attempt, auth);
  const actor = userActor(record, user.admin);
  if (username !== ADMIN) return { ...actor, via: "password" };
  return { ...actor, dependsOn: [...actor.dependsOn, await adminMark(auth)], via: "password" };
}

/** Secrets cannot be guessed, so nobody who has one has to wait for those who try. */
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

function userActor({ name, roles, readAt }: LoginRecord, admin: boolean): Actor {
  const grants = roles.map(({ pattern, role }) => roleGrant(pattern, role));
  if (admin) grants.push(roleGrant("*", "owner"));
  return { ...anonymous(false), name, grants, dependsOn: [`user:${name}`], grantedAt: readAt };
}

/** The actor with what everyone may pull of what is asked for; where it may do all that without, nobody asks what is public. */
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
  const record = await identities.publicAmong(repositories, revocationsTakerFor(auth, target));
  cache.publics(record);
  return withPublic(actor, record.public, record.readAt);
}

/** The name of the account, or null where there is none. */
function accountOf({ name, user, robot, token }: LoginRecord): string | null {
  return user === null && token === null && !robot ? null : name;
}

/** By the day, and only when it is another one: a write for each login would be too many, and tell too much. */
function noteUse({ id, lastUsed }: TokenRecord, auth: AuthContext): void {
  if (lastUsed !== today()) auth.defer(auth.identities.used(id, today()));
}

function today(): number {
  return Math.floor(Date.now() / DAY);
}
