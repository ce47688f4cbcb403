import type { Defer } from "../defer.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Actor } from "./policy/access.ts";
import type { LongestLives } from "./login/lifetime.ts";
import type { Attempts, Identities } from "./identity-store.ts";
import type { Signing } from "./login/jwt.ts";

/** The facts that authentication needs about the deployment and about the request. */
export interface AuthContext {
  /** The URL of the token service, for the challenge. */
  readonly url: string;
  readonly signing: Signing;
  /** The lifetime of registry tokens, in seconds. */
  readonly tokenSeconds: number;
  /** How long after its expiry a token may still end the upload that it started, in seconds. */
  readonly graceSeconds: number;
  readonly longestLives: LongestLives;
  readonly adminPassword: string;
  readonly publicPull: boolean;
  /** Whether issuers of ID tokens may use plain HTTP: only for a registry on a developer's own machine. */
  readonly insecureIssuers: boolean;
  readonly identities: Identities;
  readonly attempts: Attempts;
  /** The client's address. */
  readonly address: string;
  /**
   * Counts one attempt against the per-minute limit of a key; false when the limit is reached. The kinds: a password
   * attempt, a password attempt from a network where the account is not known, and a wrong token.
   */
  rateLimit(kind: "password" | "stranger" | "token", key: string): Promise<boolean>;
  readonly defer: Defer;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** The target to be authorised: which public repositories matter, and which scope a token would have to name. */
export interface AuthTarget {
  readonly repositories: readonly string[];
  /** The namespace in the request's path. */
  readonly namespace?: string;
  readonly scope: string | null;
  /** Whether the actor may do all that is asked for, so that a cached login is sufficient; null where it never is. */
  readonly isSufficient: ((actor: Actor) => boolean) | null;
}

interface Challenge {
  /** The scope that the request needs. */
  readonly scope?: string | null;
  /** Clients fetch a new token only when told what was wrong with theirs (RFC 6750 § 3.1). */
  readonly error?: "invalid_token" | "insufficient_scope";
  readonly message?: string;
}

/** Makes a 401 with exactly one challenge. Each value is quoted: the conformance suite's client reads no other form. */
export function challenge(auth: AuthContext, { scope, error, message }: Challenge): RegistryError {
  const parameters = [`realm="${auth.url}"`, `service="${auth.signing.service}"`];
  if (scope) parameters.push(`scope="${scope}"`);
  if (error !== undefined) parameters.push(`error="${error}"`);
  return new RegistryError("UNAUTHORIZED", {
    ...(message === undefined ? {} : { message }),
    headers: { "www-authenticate": `Bearer ${parameters.join(",")}` },
  });
}
