import type { RegistryError } from "../../oci/errors.ts";
import type { Actor } from "../policy/access.ts";
import type { AuthContext } from "../context.ts";
import { login } from "../login/login.ts";
import { LoginFailed } from "../login/login-failed.ts";
import { isSecret } from "../login/secret.ts";
import { isCredential } from "../login/token.ts";
import { WORKLOAD } from "../oidc/workload.ts";

/** The request is about no repository, and no login that was checked before is enough. */
const NOWHERE = { repositories: [], scope: null, isSufficient: null };

/** Returns whether it is a name of people: a robot's has a plus, and workloads share one. */
export function isPersonal(name: string): boolean {
  return name !== WORKLOAD && !name.includes("+");
}

/** Returns whether it is a token, an exchanged credential or a robot's secret. */
export function isToken(password: string): boolean {
  return isSecret(password) || isCredential(password);
}

/**
 * Logs a person in by name and password, with the limits of every other login.
 * @param password is no token (`isToken`)
 * @throws LoginFailed, with 429 after too many failures
 */
export function byName(name: string, password: string, auth: AuthContext): Promise<Actor> {
  return login({ username: name, password }, auth, NOWHERE);
}

/**
 * Checks the password of somebody who is signed in: whoever took a session must not be able to guess it, so this counts
 * as a login.
 * @param wrong the refusal of another password
 * @throws LoginFailed
 */
export async function confirmPassword(
  name: string,
  password: string,
  auth: AuthContext,
  wrong: RegistryError,
): Promise<void> {
  if (isToken(password)) throw wrong;
  try {
    await byName(name, password, auth);
  } catch (error) {
    // The session goes on, so this is no 401; and the log has it as a failed login.
    if (error instanceof LoginFailed && error.status === 401) {
      const { user, failure, tried } = error;
      throw new LoginFailed(wrong, { user, reason: failure, tried });
    }
    throw error;
  }
}
