import { RegistryError } from "../oci/errors.ts";
import {
  type Actor,
  anonymous,
  machineGrants,
  roleGrant,
  scopeGrants,
  withPublic,
} from "./access.ts";
import { challenge, type Credentials, type Realm } from "./challenge.ts";
import { lookupOf, verifyIdToken } from "./oidc.ts";
import { verifyPassword } from "./password.ts";
import type { LoginRecord, TokenRecord } from "./principals.ts";
import { revokedAmong } from "./revocation.ts";
import { isSecret, sameText, secretHash } from "./secret.ts";
import { FAILURE_WINDOW, failureKeys, network, retryAfter } from "./throttle.ts";
import { isCredential, verifyCredential } from "./token.ts";
import { admit, ruleSubject, WORKLOAD, type Workload, workloadActor } from "./workload.ts";

/** The built-in administrator; its password is the deployment's secret. */
export const ADMIN = "admin";

/** A robot's: its namespace and its own. */
const MAX_NAME = 320;
/** An ID token is the longest of passwords. */
const MAX_PASSWORD = 16 * 1024;
const DAY = 86_400_000;
/** The limits' period, as wrangler.toml says it. */
const TURN_SECONDS = 60;
export const ADMIN_MARK = "secret:";

/** What the request is about: what is public of it, and what a token for it would have to name. */
export interface Purpose {
  readonly repositories: readonly string[];
  readonly scope: string | null;
}

/** A login that failed, for the audit log. */
export class LoginFailed extends RegistryError {
  /** The account, if it is there: people type passwords where the name belongs, and those are kept nowhere. */
  readonly user: string | null;
  readonly reason: string;

  constructor(refusal: RegistryError, user: string | null, reason: string) {
    super(refusal.status === 429 ? "TOO_MANY_REQUESTS" : "UNAUTHORIZED", refusal);
    this.user = user;
    this.reason = reason;
  }
}

/**
 * Who has these credentials? One query, whatever they are (and what was revoked, every half minute).
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
  const hash = isSecret(password) ? await secretHash(password) : null;
  const { repositories } = purpose;
  const keys = await failureKeys(username, realm);
  const query = { name: username || null, hash, failureKeys: keys, repositories };
  const record = await realm.principals.find(query);
  const actor =
    hash === null ? await byPassword(credentials, realm, record) : bySecret(record, realm);
  if (typeof actor === "string") {
    const kind = hash === null ? "password" : "secret";
    const failure = { username, user: accountOf(record), reason: actor, kind } as const;
    throw await failed(failure, realm, purpose);
  }
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
  if (!remembered.has(mark)) {
    // Who was right a moment ago goes on, however often others are wrong: a push logs in several times.
    const wait = retryAfter(failures, Date.now()) ?? (await turnTaken(username, realm));
    if (wait !== null) throw limited(accountOf(record), wait);
    const right =
      username === ADMIN
        ? await sameText(password, realm.adminPassword)
        : await verifyPassword(password, stored);
    if (!right || user === null) return "wrong user name or password";
    remember(mark);
  }
  if (user === null) return "wrong user name or password";
  const actor = userActor(record, user.admin);
  if (username !== ADMIN) return { ...actor, via: "password" };
  const { key, nextKey } = realm.signing;
  const by = [...actor.by, await adminMark(password, nextKey ?? key)];
  return { ...actor, by, via: "password" };
}

/**
 * Takes a turn of the address and one of the account before the slow hash: taken and counted in one step, so that a
 * hundred guesses at once are no more than a hundred in a row.
 * @returns seconds to wait when there is none left, else null
 */
async function turnTaken(username: string, realm: Realm): Promise<number | null> {
  const keys = await failureKeys(username, realm);
  const turns = await Promise.all(keys.map((key) => realm.takeTurn("password", key)));
  return turns.every(Boolean) ? null : TURN_SECONDS;
}

/**
 * What the built-in administrator's tokens rest on besides its name: another ADMIN_PASSWORD ends them. The key is in it so
 * that whoever holds a token cannot try passwords against it.
 */
export async function adminMark(adminPassword: string, key: string): Promise<string> {
  return `${ADMIN_MARK}${(await secretHash(`${key}\n${adminPassword}`)).slice(0, 16)}`;
}

/** Secrets cannot be guessed, so nobody who has one has to wait for those who try. */
function bySecret(record: LoginRecord, realm: Realm): Actor | string {
  const { name, user, token, readAt } = record;
  if (token === null) return "wrong user name or token, or it was revoked";
  const { expiresAt } = token;
  if (expiresAt !== null && expiresAt <= Date.now()) return "the token has expired";
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
  const revoked = await revokedAmong(subjects, asOf, realm.principals);
  const left = admissions.filter(({ rule }) => !revoked.has(ruleSubject(rule)));
  if (username !== WORKLOAD || left.length === 0) {
    const reason = "the credential was revoked or is another's";
    throw await failed({ ...failure, reason }, realm, purpose);
  }
  const actor = workloadActor({ ...workload, admissions: left }, purpose.repositories);
  return withPublic(actor, await publicAmong(realm, purpose));
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
  const known = await realm.principals.trusting(lookup, purpose.repositories);
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

async function publicAmong(
  { principals }: Realm,
  { repositories }: Purpose,
): Promise<readonly string[]> {
  return repositories.length === 0 ? [] : principals.publicAmong(repositories);
}

/** The name of the account, or null where there is none. */
function accountOf({ name, user, token }: LoginRecord): string | null {
  return user === null && token === null ? null : name;
}

interface Failure {
  /** What came as the name. */
  readonly username: string;
  /** The account, if there is one. */
  readonly user: string | null;
  /** For the log. */
  readonly reason: string;
  /** For the client, where that is to be told less. */
  readonly message?: string;
  /** Passwords can be guessed; what is random or signed cannot, so it shuts nobody out. */
  readonly kind: "password" | "secret";
}

/** Counts the failure and says so. */
async function failed(
  { username, user, reason, kind, message = reason }: Failure,
  realm: Realm,
  { scope }: Purpose,
): Promise<LoginFailed> {
  if (kind === "password") {
    const keys = await failureKeys(username, realm);
    await realm.principals.failed(keys, Date.now(), FAILURE_WINDOW);
  } else if (!(await realm.takeTurn("token", network(realm.address)))) {
    return limited(user, TURN_SECONDS);
  }
  return new LoginFailed(challenge(realm, { scope, message }), user, reason);
}

function limited(user: string | null, seconds: number): LoginFailed {
  const refusal = new RegistryError("TOO_MANY_REQUESTS", {
    message: `too many failed logins; try again in ${seconds} seconds`,
    headers: { "retry-after": String(seconds) },
  });
  return new LoginFailed(refusal, user, "too many failed logins");
}

/** By the day, and only when it is another one: a write for each login would be too many, and tell too much. */
function noteUse({ id, lastUsed }: TokenRecord, realm: Realm): void {
  const today = Math.floor(Date.now() / DAY);
  if (lastUsed !== today) realm.defer(realm.principals.used(id, today));
}

/** Hashes of passwords that were right, so that the slow hash is not computed for every token of a push. */
const remembered = new Set<string>();
const MAX_REMEMBERED = 500;

function remember(mark: string): void {
  if (remembered.size >= MAX_REMEMBERED) {
    const [oldest] = remembered;
    if (oldest !== undefined) remembered.delete(oldest);
  }
  remembered.add(mark);
}
