import type { Defer } from "../defer.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Actor } from "./policy/access.ts";
import type { LongestLives } from "./login/lifetime.ts";
import type { Attempts, Identities } from "./identity-store.ts";
import type { Signing } from "./login/jwt.ts";

/** What authentication needs to know of the deployment and of the request. */
export interface AuthContext {
  /** Where tokens are to be had. */
  readonly url: string;
  readonly signing: Signing;
  /** How long registry tokens hold, in seconds. */
  readonly tokenSeconds: number;
  /** How long an upload may take to be ended with the token that it was begun with, in seconds. */
  readonly graceSeconds: number;
  readonly longestLives: LongestLives;
  readonly adminPassword: string;
  readonly publicPull: boolean;
  /** Whether issuers of ID tokens may speak plain HTTP: for a machine of one's own. */
  readonly insecureIssuers: boolean;
  readonly identities: Identities;
  readonly attempts: Attempts;
  /** The client's address. */
  readonly address: string;
  /**
   * Takes one of the turns that a key has in a minute, to try a password, to try one from a network that the account is not
   * known at, or to be wrong with a token; false when none is left.
   */
  rateLimit(kind: "password" | "stranger" | "token", key: string): Promise<boolean>;
  readonly defer: Defer;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What the request is about: what is public of it, and what a token for it would have to name. */
export interface AuthTarget {
  readonly repositories: readonly string[];
  /** The namespace that the request's path names. */
  readonly namespace?: string;
  readonly scope: string | null;
  /** Whether the actor may do all that is asked for, so that a login from memory will do; null where none will. */
  readonly isSufficient: ((actor: Actor) => boolean) | null;
}

interface Challenge {
  /** The scope that the request would have needed. */
  readonly scope?: string | null;
  /** Clients fetch a new token only when told what was wrong with theirs (RFC 6750 § 3.1). */
  readonly error?: "invalid_token" | "insufficient_scope";
  readonly message?: string;
}

/** 401 with exactly one challenge. Every value is quoted: the conformance suite's client reads no other form. */
export function challenge(auth: AuthContext, { scope, error, message }: Challenge): RegistryError {
  const parameters = [`realm="${auth.url}"`, `service="${auth.signing.service}"`];
  if (scope) parameters.push(`scope="${scope}"`);
  if (error !== undefined) parameters.push(`error="${error}"`);
  return new RegistryError("UNAUTHORIZED", {
    ...(message === undefined ? {} : { message }),
    headers: { "www-authenticate": `Bearer ${parameters.join(",")}` },
  });
}
