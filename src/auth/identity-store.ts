import type { Role, Scope } from "./policy/access.ts";
import type { Pace, Places } from "./login/throttle.ts";
import type { TrustRule } from "./oidc/trust.ts";

/** The keys by which a login is looked up; one query answers all of them. */
export interface LoginQuery {
  /** The user's or robot's name; null finds the owner by the secret alone. */
  readonly name: string | null;
  /** The hash of the secret, or null for a password. */
  readonly hash: string | null;
  /** The hash of a session's secret, which finds its user; null for other credentials. */
  readonly session: string | null;
  /** The counters of failed passwords to read; null for a secret, which nobody can guess. */
  readonly places: Places | null;
  /** The repositories in the request. */
  readonly repositories: readonly string[];
  /** The namespaces in the request. All roles in these are read, and in others as many as there is room for. */
  readonly namespaces: readonly string[];
}

export interface LoginRecord {
  /** The owner of the credentials; "" when there is none. */
  readonly name: string;
  /** When the record was read, by the database's clock, in milliseconds since 1970. */
  readonly readAt: number;
  readonly user: {
    readonly password: string;
    readonly admin: boolean;
    readonly disabled: boolean;
  } | null;
  readonly roles: readonly { readonly pattern: string; readonly role: Role }[];
  readonly token: TokenRecord | null;
  readonly session: SessionRecord | null;
  /** Whether a robot of that name exists. */
  readonly robot: boolean;
  readonly failures: readonly FailureCount[];
  /** When the account last logged in from that network, to the day, in milliseconds since 1970; null if unknown. */
  readonly usedAt: number | null;
  /** The repositories of the query that are public. */
  readonly public: readonly string[];
}

export interface PublicRecord {
  readonly public: readonly string[];
  /** When the record was read, by the database's clock, in milliseconds since 1970. */
  readonly readAt: number;
}

/** The keys by which the trust rules for an ID token are looked up. */
export interface TrustQuery {
  readonly issuer: string;
  /** The namespaces of which all rules for the issuer are read. */
  readonly namespaces: readonly string[];
  /** Selectors of the token, to find rules of other namespaces that it may satisfy; empty to read none of those. */
  readonly selectors: readonly string[];
  /** The repositories in the request. */
  readonly repositories: readonly string[];
}

/** The trust rules that an ID token may satisfy. */
export interface Trust extends PublicRecord {
  readonly rules: readonly TrustRule[];
  /** Rules of other namespaces: they tell whether the token is valid anywhere. */
  readonly others: readonly TrustRule[];
  /** Whether other namespaces have more rules than were read. */
  readonly hasMore: boolean;
}

/** A token of the user or robot that the query names. */
export interface TokenRecord {
  readonly id: string;
  readonly isRobot: boolean;
  /** The token's own scopes for a user, the robot's for a robot. */
  readonly scopes: readonly Scope[];
  /** Whether the robot that owns the token is disabled. */
  readonly disabled: boolean;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Milliseconds since 1970, or null. */
  readonly expiresAt: number | null;
  /** Days since 1970, or null. */
  readonly lastUsed: number | null;
}

/** A session, which may have ended. All times are in milliseconds since 1970. */
export interface SessionRecord {
  readonly id: string;
  /** The built-in administrator's: what its password was (`adminMark`). */
  readonly mark: string | null;
  /** Its last use, to a few minutes. */
  readonly seenAt: number;
  /** Its end, however much it is used. */
  readonly expiresAt: number;
}

/** The revoked subjects, each with the time by the database's clock, in milliseconds since 1970. */
export interface Revocations {
  readonly times: ReadonlyMap<string, number>;
  /** For a kind of subjects (`user:`) with more revocations than are listed: the time of the newest unlisted one. */
  readonly unlisted: ReadonlyMap<string, number>;
}

/** Receives new revocations that a query reads on the side: both then cost one round trip. */
export type OnRevocations = (revocations: Revocations) => void;

export interface FailureCount {
  readonly key: string;
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** When the count last let an attempt pass, where it spaces attempts out; 0 for never. */
  readonly triedAt: number;
}

/**
 * The identities: users, robots, tokens and trust rules, stored by `db/identities.ts`. A query also reads new
 * revocations where the caller gives it a receiver for these.
 */
export interface Identities {
  find(query: LoginQuery, onRevocations: OnRevocations | null): Promise<LoginRecord>;
  /** Finds the rules for an ID token, the oldest first, and the public ones of the repositories. */
  trusting(query: TrustQuery, onRevocations: OnRevocations | null): Promise<Trust>;
  /** Finds the rules of these names that still exist, and the public ones of the repositories. */
  rulesNamed(
    names: readonly string[],
    repositories: readonly string[],
    onRevocations: OnRevocations | null,
  ): Promise<PublicRecord & { readonly rules: readonly TrustRule[] }>;
  /** Finds the public ones of the repositories. */
  publicAmong(
    repositories: readonly string[],
    onRevocations: OnRevocations | null,
  ): Promise<PublicRecord>;
  /** Records that a token was used on a day. */
  used(token: string, day: number): Promise<void>;
  /**
   * Records that a session was used, unless a use after `before` is recorded already.
   * @param hash of its secret
   */
  seen(hash: string, now: number, before: number): Promise<void>;
  /** Reads all revocations that a credential which is still valid may depend on. */
  revoked(): Promise<Revocations>;
  /** Reads when each of the subjects was revoked; subjects that never were are left out. */
  revocationsOf(subjects: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Attempts to log in with a password, stored by `db/login-attempts.ts`. */
export interface Attempts {
  /** Counts a failed login; a count whose window has passed starts again. */
  failed(keys: readonly string[], now: number, window: number): Promise<void>;
  /** Takes the next attempt of each of the spaced counts, all or none. @returns whether there was one */
  takeAttempts(paces: readonly Pace[], now: number): Promise<boolean>;
  /** Records that the account logged in from the network. */
  remember(places: Places, now: number): Promise<void>;
}
