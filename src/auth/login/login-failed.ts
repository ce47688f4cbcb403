import { RegistryError } from "../../oci/errors.ts";
import { challenge, type AuthTarget, type AuthContext } from "../context.ts";
import { network } from "../../network.ts";
import type { LoginRecord } from "../identity-store.ts";
import type { Explanation } from "../oidc/workload.ts";
import { countsOf, FAILURE_WINDOW, isNews, judge, type Places } from "./throttle.ts";

/** The period of the rate limits in wrangler.toml, in seconds. */
const TURN_SECONDS = 60;
const TOO_MANY = "too many failed logins";

/** The kind of credential that failed; null if it has no form of ours: anyone can send any number of those. */
export type Tried = "password" | "secret" | null;

/** A failed login, with the details for the audit log. */
export class LoginFailed extends RegistryError {
  /** The account, only if it exists: people type passwords into the name field, and those must not be stored. */
  readonly user: string | null;
  /** What was wrong, for the audit log. */
  readonly failure: string;
  readonly tried: Tried;
  /** The ID token that was compared with trust rules, if one was. */
  readonly workload: ComparedWorkload | null;

  constructor(refusal: RegistryError, { user, reason, tried, workload }: Omit<Failure, "message">) {
    super(refusal.reason, refusal);
    this.user = user;
    this.failure = reason;
    this.tried = tried;
    this.workload = workload ?? null;
  }
}

/**
 * The subject that the issuer gives an ID token, and why no rule accepted it: for each namespace that the login named,
 * and for no other.
 */
export interface ComparedWorkload {
  readonly subject: string;
  readonly records: Explanation["records"];
}

/** A password attempt: its counters, and the record that was read of them. */
export interface Try {
  readonly places: Places;
  readonly record: Pick<LoginRecord, "failures" | "usedAt">;
}

/**
 * Counts the attempt before the slow hash. Check and count are one step, so a hundred guesses at once get no further
 * than a hundred in a row. An account that is known at this network has a limit of its own, so that strangers cannot
 * use it up.
 * @returns the seconds to wait when the limit is reached, else null
 */
export async function rateLimit(
  { places, record }: Try,
  auth: AuthContext,
): Promise<number | null> {
  const { usedAt, failures } = record;
  const now = Date.now();
  const counts = countsOf(places, usedAt);
  const { wait, paces } = judge(counts, failures, now);
  if (wait !== null) return wait;
  const own = usedAt === null ? [network(auth.address), places.account] : counts;
  const turns = await Promise.all(own.map((key) => auth.rateLimit("password", key)));
  if (!turns.every(Boolean)) return TURN_SECONDS;
  if (usedAt === null && !(await auth.rateLimit("stranger", ""))) return TURN_SECONDS;
  if (paces.length === 0 || (await auth.attempts.takeAttempts(paces, now))) return null;
  // Another request took the attempt in the meantime.
  return Math.ceil(Math.min(...paces.map(({ pace }) => pace)) / 1000);
}

/** Records the network of a correct password. */
export function noteNetwork({ places, record }: Try, auth: AuthContext): void {
  const now = Date.now();
  if (isNews(record.usedAt, now)) auth.defer(auth.attempts.remember(places, now));
}

export interface Failure {
  /** The account, if there is one. */
  readonly user: string | null;
  /** For the log. */
  readonly reason: string;
  /** The message for the client, where that is to tell less than the reason. */
  readonly message?: string;
  readonly workload?: ComparedWorkload;
  readonly tried: Tried;
}

/** Counts the failure of a password, which can be guessed, and makes the error. */
export async function wrongPassword(
  { places, record }: Try,
  failure: Failure,
  auth: AuthContext,
  target: AuthTarget,
): Promise<LoginFailed> {
  const counts = countsOf(places, record.usedAt);
  await auth.attempts.failed(counts, Date.now(), FAILURE_WINDOW);
  return refused(failure, auth, target);
}

/**
 * Makes the error for a wrong secret or token. These cannot be guessed, so no account is slowed down: only the client's
 * network is rate limited.
 */
export async function failed(
  failure: Failure,
  auth: AuthContext,
  target: AuthTarget,
): Promise<LoginFailed> {
  const hasTurn = await auth.rateLimit("token", network(auth.address));
  return hasTurn ? refused(failure, auth, target) : limited(failure, TURN_SECONDS);
}

function refused(
  { message, ...failure }: Failure,
  auth: AuthContext,
  { scope }: AuthTarget,
): LoginFailed {
  return new LoginFailed(challenge(auth, { scope, message: message ?? failure.reason }), failure);
}

/** Makes a 429. It also says what is wrong where that is known: waiting does not repair an ID token. */
export function limited(
  failure: Pick<Failure, "user" | "tried"> & Partial<Failure>,
  seconds: number,
): LoginFailed {
  const { reason, message = reason } = failure;
  const refusal = new RegistryError("TOO_MANY_REQUESTS", {
    message: `${TOO_MANY}; try again in ${seconds} seconds${message === undefined ? "" : `: ${message}`}`,
    headers: { "retry-after": String(seconds) },
  });
  const reported = reason === undefined ? TOO_MANY : `${TOO_MANY}: ${reason}`;
  return new LoginFailed(refusal, { ...failure, reason: reported });
}
