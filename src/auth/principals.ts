import type { Role, Scope } from "./access.ts";
import type { TrustRule } from "./trust.ts";

/** What a login is looked up by; one query answers it all. */
export interface LoginQuery {
  /** null: whoever has the secret. */
  readonly name: string | null;
  /** The hash of the secret, or null for a password. */
  readonly hash: string | null;
  /** Where failures are counted. */
  readonly failureKeys: readonly string[];
  /** The repositories that the request is about. */
  readonly repositories: readonly string[];
}

export interface LoginRecord {
  /** Whose it is; "" for nobody's. */
  readonly name: string;
  /** When all this was so, by the database's clock, in milliseconds since 1970. */
  readonly readAt: number;
  readonly user: { readonly password: string; readonly admin: boolean } | null;
  readonly roles: readonly { readonly pattern: string; readonly role: Role }[];
  readonly token: TokenRecord | null;
  readonly failures: readonly FailureCount[];
  /** Those of the repositories that everyone may pull. */
  readonly public: readonly string[];
}

/** What an ID token may be good for. */
export interface Trust {
  readonly rules: readonly TrustRule[];
  /** As for a login. */
  readonly public: readonly string[];
  readonly readAt: number;
}

/** A token of the user or robot of the query's name. */
export interface TokenRecord {
  readonly id: string;
  readonly isRobot: boolean;
  /** The token's own for a user, the robot's for a robot. */
  readonly scopes: readonly Scope[];
  /** Milliseconds since 1970, or null. */
  readonly expiresAt: number | null;
  /** Days since 1970, or null. */
  readonly lastUsed: number | null;
}

export interface FailureCount {
  readonly key: string;
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Who there is. `storage/principal-index.ts` keeps it. */
export interface Principals {
  find(query: LoginQuery): Promise<LoginRecord>;
  /** The rules that an ID token may match, and those of the repositories that everyone may pull. */
  trusting(
    token: { readonly issuer: string; readonly selectors: readonly string[] },
    repositories: readonly string[],
  ): Promise<Trust>;
  /** Those of the repositories that everyone may pull. */
  publicAmong(repositories: readonly string[]): Promise<readonly string[]>;
  /** Counts a failed login; a window that has passed begins anew. */
  failed(keys: readonly string[], now: number, window: number): Promise<void>;
  /** Notes that a token was used on a day. */
  used(token: string, day: number): Promise<void>;
  /** What was revoked, with the time; forgotten once every token from before it has expired. */
  revoked(): Promise<ReadonlyMap<string, number>>;
}
