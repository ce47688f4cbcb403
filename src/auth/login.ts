import { RegistryError } from "../oci/errors.ts";
import {
  type Actor,
  anonymous,
  machineGrants,
  roleGrant,
  scopeGrants,
  withPublic,
} from "./access.ts";
import { challenge, type Credentials, type FailureKind, type Realm } from "./challenge.ts";
import { lookupOf, verifyIdToken } from "./oidc.ts";
import { verifyPassword } from "./password.ts";
import type { LoginRecord, TokenRecord } from "./principals.ts";
import { isRevoked } from "./revocation.ts";
import { isSecret, sameText, secretHash } from "./secret.ts";
import { FAILURE_WINDOW, failureKeys, retryAfter, shutOut, shutOutFor } from "./throttle.ts";
import { isCredential, verifyCredential } from "./token.ts";

/** The built-in administrator; its password is the deployment's secret. */
export const ADMIN = "admin";
/** Workloads log in under this name, with their ID token or what they exchanged it for as the password. */
export const WORKLOAD = "oidc";

/** An ID token is the longest of passwords. */
const MAX_PASSWORD = 16 * 1024;
const DAY = 86_400_000;

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
 * Who has these credentials? One query at most, whatever they are.
 * @throws LoginFailed, with 429 once there were too many failures
 */
export async function login(
  credentials: Credentials,
  realm: Realm,
  purpose: Purpose,
): Promise<Actor> {
  const { username, password } = credentials;
  if (username.length > 255 || password.length > MAX_PASSWORD) {
    const reason = "the name or the password is too long";
    throw await failed({ username, user: null, reason, kind: "secret" }, realm, purpose);
  }
  if (isCredential(password)) return exchanged(credentials, realm, purpose);
  if (username === WORKLOAD) return workload(credentials, realm, purpose);
  const hash = isSecret(password) ? await secretHash(password) : null;
  const { repositories } = purpose;
  const keys = await failureKeys(username, realm.address);
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
    const now = Date.now();
    const wait = shutOutFor(realm.address, now) ?? retryAfter(failures, now);
    if (wait !== null) throw limited(accountOf(record), wait);
    const right =
      username === ADMIN
        ? await sameText(password, realm.adminPassword)
        : await verifyPassword(password, stored);
    if (!right || user === null) return "wrong user name or password";
    remember(mark);
  }
  if (user === null) return "wrong user name or password";
  return { ...userActor(record, user.admin), via: "password" };
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
    return { ...robot, expires, by: [`robot:${name}`, by] };
  }
  if (user === null) return "wrong user name or token, or it was revoked";
  const owner = userActor(record, user.admin);
  const limits = scopeGrants(token.scopes);
  return { ...owner, via: "token", limits, expires, by: [...owner.by, by] };
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
  const actor = await verifyCredential(password, realm.signing);
  if (typeof actor === "string") {
    const reason =
      actor === "expired" ? "the credential has expired" : "the credential is not ours";
    throw await failed({ username, user: null, reason, kind: "secret" }, realm, purpose);
  }
  if (username !== WORKLOAD || (await isRevoked(actor, realm.principals))) {
    const reason = "the credential was revoked or is another's";
    throw await failed({ username, user: actor.name, reason, kind: "secret" }, realm, purpose);
  }
  return withPublic(actor, await publicAmong(realm, purpose));
}

/** An ID token itself: its issuer says who it is, the rules what it may do. */
export async function workload(
  credentials: Credentials,
  realm: Realm,
  purpose: Purpose,
): Promise<Actor> {
  const lookup = lookupOf(credentials.password);
  const failure = { username: WORKLOAD, user: WORKLOAD, kind: "secret" } as const;
  if (lookup === null) {
    throw await failed({ ...failure, reason: "send an OIDC ID token" }, realm, purpose);
  }
  const known = await realm.principals.trusting(lookup, purpose.repositories);
  const options = { insecure: realm.insecureIssuers };
  const verified = await verifyIdToken(credentials.password, known.rules, options);
  if (!verified.ok) throw await failed({ ...failure, ...verified }, realm, purpose);
  const { rules, claims } = verified;
  const lifetime = Math.min(...rules.map((rule) => rule.lifetime));
  const actor: Actor = {
    ...anonymous(false),
    name: `${WORKLOAD}:${rules[0]?.id ?? ""}`,
    via: "oidc",
    grants: machineGrants(rules.flatMap(({ scopes }) => scopes)),
    by: rules.map(({ id }) => `rule:${id}`),
    subject: String(claims["sub"]).slice(0, 200),
    expires: Math.floor(Date.now() / 1000) + lifetime,
    asOf: known.readAt,
  };
  return withPublic(actor, known.public);
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
  readonly kind: FailureKind;
}

/** Counts the failure and says so; 429 where they come too fast. */
async function failed(
  { username, user, reason, kind, message = reason }: Failure,
  realm: Realm,
  { scope }: Purpose,
): Promise<LoginFailed> {
  // Counted here first, so that a flood of failures is no flood of writes.
  const isFlood = !(await realm.countFailure(kind));
  if (kind === "password") {
    if (isFlood) shutOut(realm.address, Date.now());
    else {
      const keys = await failureKeys(username, realm.address);
      await realm.principals.failed(keys, Date.now(), FAILURE_WINDOW);
    }
  }
  if (isFlood) return limited(user, 60);
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
