import { entrySize, Lru } from "../lru.ts";
import {
  type Actor,
  anonymous,
  machineGrants,
  roleGrant,
  scopeGrants,
  withPublic,
} from "./access.ts";
import { ADMIN, adminMark } from "./admin.ts";
import type { Credentials, Purpose, Realm } from "./challenge.ts";
import { endOf } from "./lifetime.ts";
import { failed, limited, takeTurns } from "./login-failed.ts";
import { lookupOf, verifyIdToken } from "./oidc.ts";
import { verifyPassword } from "./password.ts";
import type { LoginRecord, News, TokenRecord } from "./principals.ts";
import { loginKey, recallLogin, recallPublic, rememberer } from "./recall.ts";
import { newsTaker, revokedAmong } from "./revocation.ts";
import { isSecret, sameText, secretHash } from "./secret.ts";
import { failureKeys, retryAfter } from "./throttle.ts";
import { isCredential, verifyCredential } from "./token.ts";
import { admit, ruleSubject, WORKLOAD, type Workload, workloadActor } from "./workload.ts";

/** A robot's: its namespace and its own. */
const MAX_NAME = 320;
/** An ID token is the longest of passwords. */
const MAX_PASSWORD = 16 * 1024;
const DAY = 86_400_000;
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
  realm: Realm,
  purpose: Purpose,
): Promise<Actor> {
  const { username, password } = credentials;
  if (username.length > MAX_NAME || password.length > MAX_PASSWORD) {
    const reason = "the name or the password is too long";
    throw await failed({ username, user: null, reason, kind: "secret" }, realm, purpose);
  }
  if (isCredential(password)) return exchanged(credentials, realm, purpose);
  if (username === WORKLOAD) return identified(credentials, realm, purpose);
  const key = await loginKey(credentials, realm.signing.key);
  return recalled(key, realm, purpose) ?? lookUp(credentials, key, realm, purpose);
}

/** The login from memory, where that gives all that is asked for. */
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
  const { repositories } = purpose;
  const keys = await failureKeys(username, realm);
  const query = { name: username || null, hash, failureKeys: keys, repositories };
  const remember = rememberer(principals);
  const record = await principals.find(query, newsFor(realm, purpose));
  const actor =
    hash === null ? await byPassword(credentials, realm, record) : bySecret(record, realm);
  if (typeof actor === "string") {
    const kind = hash === null ? "password" : "secret";
    const failure = { username, user: accountOf(record), reason: actor, kind } as const;
    throw await failed(failure, realm, purpose);
  }
  remember.login(key, actor, record.token && { ...record.token, lastUsed: today() });
  remember.publics(record);
  return withPublic(actor, record.public);
}

/** @returns why not */
async function byPassword(
  { username, password }: Credentials,
  realm: Realm,
  record: LoginRecord,
): Promise<Actor | string> {
  const { user, failures } = record;
  const stored = username === ADMIN ? realm.adminPassword : (user?.password ?? null);
  const mark = await secretHash(`${username}\n${stored}\n${password}`);
  if (rightPasswords.get(mark) === undefined) {
    // Who was right a moment ago goes on, however often others are wrong: a push logs in several times.
    const wait = retryAfter(failures, Date.now()) ?? (await takeTurns(username, realm));
    if (wait !== null) throw limited(accountOf(record), wait);
    const right =
      username === ADMIN
        ? await sameText(password, realm.adminPassword)
        : await verifyPassword(password, stored);
    if (!right || user === null) return "wrong user name or password";
    rightPasswords.set(mark, true, entrySize(mark));
  }
  if (user === null) return "wrong user name or password";
  // Told to nobody but those who know the password.
  if (user.disabled) return DISABLED;
  const actor = userActor(record, user.admin);
  if (username !== ADMIN) return { ...actor, via: "password" };
  return { ...actor, by: [...actor.by, await adminMark(realm)], via: "password" };
}

/** Secrets cannot be guessed, so nobody who has one has to wait for those who try. */
function bySecret(record: LoginRecord, realm: Realm): Actor | string {
  const { name, user, token, readAt } = record;
  if (token === null) return "wrong user name or token, or it was revoked";
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
  if (user === null) return "wrong user name or token, or it was revoked";
  const owner = userActor(record, user.admin);
  const limits = scopeGrants(token.scopes);
  return { ...owner, via: "token", limits, expires, subject: by, by: [...owner.by, by] };
}

function userActor({ name, roles, readAt }: LoginRecord, admin: boolean): Actor {
  const grants = roles.map(({ pattern, role }) => roleGrant(pattern, role));
  if (admin) grants.push(roleGrant("*", "owner"));
  return { ...anonymous(false), name, grants, by: [`user:${name}`], asOf: readAt };
}

/** A credential of POST /api/v1/oidc/exchange: it was checked when it was given out, and holds for an hour at most. */
async function exchanged(
  { username, password }: Credentials,
  realm: Realm,
  purpose: Purpose,
): Promise<Actor> {
  const workload = await verifyCredential(password, realm.signing);
  const failure = { username, user: WORKLOAD, kind: "secret" } as const;
  if (typeof workload === "string") {
    const reason =
      workload === "expired" ? "the credential has expired" : "the credential is not ours";
    throw await failed({ ...failure, reason }, realm, purpose);
  }
  const { admissions, asOf } = workload;
  const subjects = admissions.map(({ rule }) => ruleSubject(rule));
  const revoked = await revokedAmong(subjects, asOf, realm, "fresh");
  const left = admissions.filter(({ rule }) => !revoked.includes(ruleSubject(rule)));
  if (username !== WORKLOAD || left.length === 0) {
    const reason = "the credential was revoked or is another's";
    throw await failed({ ...failure, reason }, realm, purpose);
  }
  return addPublic(
    workloadActor({ ...workload, admissions: left }, purpose.repositories),
    realm,
    purpose,
  );
}

/** An ID token itself. */
async function identified(
  { password }: Credentials,
  realm: Realm,
  purpose: Purpose,
): Promise<Actor> {
  const workload = await verifyWorkload(password, realm, purpose);
  return withPublic(workloadActor(workload, purpose.repositories), workload.public);
}

/** Whose ID token is it, by its issuer, and what do the rules give it? @throws LoginFailed */
export async function verifyWorkload(
  token: string,
  realm: Realm,
  purpose: Purpose,
): Promise<Workload & { readonly public: readonly string[] }> {
  const lookup = lookupOf(token);
  const failure = { username: WORKLOAD, user: WORKLOAD, kind: "secret" } as const;
  if (lookup === null) {
    throw await failed({ ...failure, reason: "send an OIDC ID token" }, realm, purpose);
  }
  const known = await realm.principals.trusting(
    lookup,
    purpose.repositories,
    newsFor(realm, purpose),
  );
  const options = { insecure: realm.insecureIssuers };
  const verified = await verifyIdToken(token, known.rules, options);
  if (!verified.ok) throw await failed({ ...failure, ...verified }, realm, purpose);
  return {
    admissions: admit(verified.rules),
    subject: String(verified.claims["sub"]).slice(0, 200),
    asOf: known.readAt,
    public: known.public,
  };
}

/** What is revoked matters to who comes again: a client that logs in for a token, not one that manages something. */
function newsFor({ principals }: Realm, { suffices }: Purpose): News | null {
  return suffices === null ? null : newsTaker(principals);
}

/** The actor with what everyone may pull of what is asked for; where it may do all that without, nobody asks what is public. */
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
function accountOf({ name, user, token }: LoginRecord): string | null {
  return user === null && token === null ? null : name;
}

/** By the day, and only when it is another one: a write for each login would be too many, and tell too much. */
function noteUse({ id, lastUsed }: TokenRecord, realm: Realm): void {
  if (lastUsed !== today()) realm.defer(realm.principals.used(id, today()));
}

function today(): number {
  return Math.floor(Date.now() / DAY);
}
