import { RegistryError } from "../../oci/errors.ts";
import { challenge, type AuthTarget, type AuthContext } from "../context.ts";
import { network } from "../../network.ts";
import type { LoginRecord } from "../identity-store.ts";
import type { Explanation } from "../oidc/workload.ts";
import { countsOf, FAILURE_WINDOW, isNews, judge, type Places } from "./throttle.ts";

/** The period of the limits in wrangler.toml. */
const TURN_SECONDS = 60;
const TOO_MANY = "too many failed logins";

/** What was tried; null for what is none of our passwords, secrets or tokens, which anyone can make any number of. */
export type Tried = "password" | "secret" | null;

/** A login that failed, for the audit log. */
export class LoginFailed extends RegistryError {
  /** The account, if it is there: people type passwords where the name belongs, and those are kept nowhere. */
  readonly user: string | null;
  /** What was wrong, for the audit log. */
  readonly failure: string;
  readonly tried: Tried;
  /** Where an ID token was compared with rules. */
  readonly workload: ComparedWorkload | null;

  constructor(refusal: RegistryError, { user, reason, tried, workload }: Omit<Failure, "message">) {
    super(refusal.reason, refusal);
    this.user = user;
    this.failure = reason;
    this.tried = tried;
    this.workload = workload ?? null;
  }
}

/** Whose ID token it was, as its issuer says, and why no rule took it: in each namespace that the login named, and in no other. */
export interface ComparedWorkload {
  readonly subject: string;
  readonly records: Explanation["records"];
}

/** What a try of a password has to know: where it counts, and how it stands there. */
export interface Try {
  readonly places: Places;
  readonly record: Pick<LoginRecord, "failures" | "usedAt">;
}

/**
 * Takes a turn before the slow hash: taken and counted in one step, so that a hundred guesses at once are no more than a
 * hundred in a row. An account that is known at this network takes its own, so that no stranger can take them all.
 * @returns seconds to wait when there is none left, else null
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
  // Somebody else was faster.
  return Math.ceil(Math.min(...paces.map(({ pace }) => pace)) / 1000);
}

/** Remembers the network of a password that was right. */
export function noteNetwork({ places, record }: Try, auth: AuthContext): void {
  const now = Date.now();
  if (isNews(record.usedAt, now)) auth.defer(auth.attempts.remember(places, now));
}

export interface Failure {
  /** The account, if there is one. */
  readonly user: string | null;
  /** For the log. */
  readonly reason: string;
  /** For the client, where that is to be told less. */
  readonly message?: string;
  readonly workload?: ComparedWorkload;
  readonly tried: Tried;
}

/** Counts the failure of a password, which can be guessed, and says so. */
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

/** What is random or signed cannot be guessed, so it shuts nobody out: its address alone waits. */
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

/** Where it is known what is wrong, that is said as well: to wait mends no ID token. */
export function limited(
  failure: Pick<Failure, "user" | "tried"> & Partial<Failure>,
  seconds: number,
): LoginFailed {
  const { reason, message = reason } = failure;
  const refusal = new RegistryError("TOO_MANY_REQUESTS", {
    message: `${TOO_MANY}; try again in ${seconds} seconds${message === undefined ? "" : `: ${message}`}`,
    headers: { "retry-after": String(seconds) },
  });
  const told = reason === undefined ? TOO_MANY : `${TOO_MANY}: ${reason}`;
  return new LoginFailed(refusal, { ...failure, reason: told });
}
