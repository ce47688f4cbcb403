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
  readonly user: {
    readonly password: string;
    readonly admin: boolean;
    readonly disabled: boolean;
  } | null;
  readonly roles: readonly { readonly pattern: string; readonly role: Role }[];
  readonly token: TokenRecord | null;
  readonly failures: readonly FailureCount[];
  /** Those of the repositories that everyone may pull. */
  readonly public: readonly string[];
}

export interface PublicRecord {
  readonly public: readonly string[];
  /** As for a login. */
  readonly readAt: number;
}

/** What an ID token may be good for. */
export interface Trust extends PublicRecord {
  readonly rules: readonly TrustRule[];
}

/** A token of the user or robot of the query's name. */
export interface TokenRecord {
  readonly id: string;
  readonly isRobot: boolean;
  /** The token's own for a user, the robot's for a robot. */
  readonly scopes: readonly Scope[];
  /** Whether its robot is disabled. */
  readonly disabled: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Milliseconds since 1970, or null. */
  readonly expiresAt: number | null;
  /** Days since 1970, or null. */
  readonly lastUsed: number | null;
}

/** What was revoked, with the time by the database's clock, in milliseconds since 1970. */
export interface Revocations {
  readonly times: ReadonlyMap<string, number>;
  /** For a kind of subjects (`user:`) of which more were revoked than are listed: when the last was that is not. */
  readonly unlisted: ReadonlyMap<string, number>;
}

/** Takes what was revoked, where a query brings that along: both cost one round trip. */
export type News = (revocations: Revocations) => void;

export interface FailureCount {
  readonly key: string;
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Who there is. `storage/principal-index.ts` keeps it. Where there is someone to take the news, a query brings it along. */
export interface Principals {
  find(query: LoginQuery, news: News | null): Promise<LoginRecord>;
  /** The rules that an ID token may match, and those of the repositories that everyone may pull. */
  trusting(
    token: { readonly issuer: string; readonly selectors: readonly string[] },
    repositories: readonly string[],
    news: News | null,
  ): Promise<Trust>;
  /** Those of the repositories that everyone may pull. */
  publicAmong(repositories: readonly string[], news: News | null): Promise<PublicRecord>;
  /** Counts a failed login; a window that has passed begins anew. */
  failed(keys: readonly string[], now: number, window: number): Promise<void>;
  /** Notes that a token was used on a day. */
  used(token: string, day: number): Promise<void>;
  /** What was revoked, as far as anything can still rest on it. */
  revoked(): Promise<Revocations>;
  /** When each of the subjects was revoked, if it was. */
  revocationsOf(subjects: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
