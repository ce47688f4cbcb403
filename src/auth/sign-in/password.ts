import type { RegistryError } from "../../oci/errors.ts";
import type { Actor } from "../policy/access.ts";
import type { AuthContext } from "../context.ts";
import { login } from "../login/login.ts";
import { LoginFailed } from "../login/login-failed.ts";
import { isToken } from "./person.ts";

/** The request is about no repository, and no login that was checked before is enough. */
const NOWHERE = { repositories: [], scope: null, isSufficient: null };

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
