import { RegistryError } from "../oci/errors.ts";
import { challenge, type Purpose, type Realm } from "./challenge.ts";
import { FAILURE_WINDOW, failureKeys, network } from "./throttle.ts";

/** The limits' period, as wrangler.toml says it. */
const TURN_SECONDS = 60;

/** A login that failed, for the audit log. */
export class LoginFailed extends RegistryError {
  /** The account, if it is there: people type passwords where the name belongs, and those are kept nowhere. */
  readonly user: string | null;
  readonly reason: string;
  /** Where an ID token was compared with rules. */
  readonly workload: ComparedWorkload | null;

  constructor(
    refusal: RegistryError,
    user: string | null,
    reason: string,
    workload: ComparedWorkload | null = null,
  ) {
    super(refusal.status === 429 ? "TOO_MANY_REQUESTS" : "UNAUTHORIZED", refusal);
    this.user = user;
    this.reason = reason;
    this.workload = workload;
  }
}

/** Whose ID token it was, as its issuer says, and why no rule took it: in each namespace that the login named, and in no other. */
export interface ComparedWorkload {
  readonly subject: string;
  readonly records: readonly { readonly namespace: string; readonly detail: string }[];
}

/**
 * Takes a turn of the address and one of the account before the slow hash: taken and counted in one step, so that a
 * hundred guesses at once are no more than a hundred in a row.
 * @returns seconds to wait when there is none left, else null
 */
export async function takeTurns(username: string, realm: Realm): Promise<number | null> {
  const keys = await failureKeys(username, realm);
  const turns = await Promise.all(keys.map((key) => realm.takeTurn("password", key)));
  return turns.every(Boolean) ? null : TURN_SECONDS;
}

export interface Failure {
  /** What came as the name. */
  readonly username: string;
  /** The account, if there is one. */
  readonly user: string | null;
  /** For the log. */
  readonly reason: string;
  /** For the client, where that is to be told less. */
  readonly message?: string;
  readonly workload?: ComparedWorkload;
  /** Passwords can be guessed; what is random or signed cannot, so it shuts nobody out. */
  readonly kind: "password" | "secret";
}

/** Counts the failure and says so. */
export async function failed(
  { username, user, reason, kind, message = reason, workload }: Failure,
  realm: Realm,
  { scope }: Purpose,
): Promise<LoginFailed> {
  if (kind === "password") {
    const keys = await failureKeys(username, realm);
    await realm.principals.failed(keys, Date.now(), FAILURE_WINDOW);
  } else if (!(await realm.takeTurn("token", network(realm.address)))) {
    return limited(user, TURN_SECONDS);
  }
  return new LoginFailed(challenge(realm, { scope, message }), user, reason, workload);
}

export function limited(user: string | null, seconds: number): LoginFailed {
  const refusal = new RegistryError("TOO_MANY_REQUESTS", {
    message: `too many failed logins; try again in ${seconds} seconds`,
    headers: { "retry-after": String(seconds) },
  });
  return new LoginFailed(refusal, user, "too many failed logins");
}
