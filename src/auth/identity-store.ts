import type { Role, Scope } from "./policy/access.ts";
import type { Pace, Places } from "./login/throttle.ts";
import type { TrustRule } from "./oidc/trust.ts";

/** What a login is looked up by; one query answers it all. */
export interface LoginQuery {
  /** null: whoever has the secret. */
  readonly name: string | null;
  /** The hash of the secret, or null for a password. */
  readonly hash: string | null;
  /** Where failures of a password are counted; null for a secret, which nobody can guess. */
  readonly places: Places | null;
  /** The repositories that the request is about. */
  readonly repositories: readonly string[];
  /** The namespaces that it is about: all roles there are read, and as many as there is room for of the others. */
  readonly namespaces: readonly string[];
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
  /** Whether there is a robot of that name. */
  readonly robot: boolean;
  readonly failures: readonly FailureCount[];
  /** When the account logged in from that network, to the day, in milliseconds since 1970; null where nobody remembers. */
  readonly usedAt: number | null;
  /** Those of the repositories that everyone may pull. */
  readonly public: readonly string[];
}

export interface PublicRecord {
  readonly public: readonly string[];
  /** As for a login. */
  readonly readAt: number;
}

/** What the rules for an ID token are looked up by. */
export interface TrustQuery {
  readonly issuer: string;
  /** Those whose rules are wanted, all that they have for the issuer. */
  readonly namespaces: readonly string[];
  /** By which the others' are found that the token may satisfy; none for none. */
  readonly selectors: readonly string[];
  /** The repositories that the request is about. */
  readonly repositories: readonly string[];
}

/** What an ID token may be good for. */
export interface Trust extends PublicRecord {
  readonly rules: readonly TrustRule[];
  /** Rules of other namespaces: whether the token is anybody's at all. */
  readonly others: readonly TrustRule[];
  /** Whether there are more of those than were read. */
  readonly hasMore: boolean;
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
export type RevocationsTaker = (revocations: Revocations) => void;

export interface FailureCount {
  readonly key: string;
  readonly failures: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** When the count let a try pass at last, where it gives turns; 0 for never. */
  readonly triedAt: number;
}

/** Who there is. `db/identities.ts` keeps it. Where there is someone to take the news, a query brings it along. */
export interface Identities {
  find(query: LoginQuery, onRevocations: RevocationsTaker | null): Promise<LoginRecord>;
  /** The rules for an ID token, the oldest first, and those of the repositories that everyone may pull. */
  trusting(query: TrustQuery, onRevocations: RevocationsTaker | null): Promise<Trust>;
  /** The rules of these names that are there, and those of the repositories that everyone may pull. */
  rulesNamed(
    names: readonly string[],
    repositories: readonly string[],
    onRevocations: RevocationsTaker | null,
  ): Promise<PublicRecord & { readonly rules: readonly TrustRule[] }>;
  /** Those of the repositories that everyone may pull. */
  publicAmong(
    repositories: readonly string[],
    onRevocations: RevocationsTaker | null,
  ): Promise<PublicRecord>;
  /** Notes that a token was used on a day. */
  used(token: string, day: number): Promise<void>;
  /** What was revoked, as far as anything can still rest on it. */
  revoked(): Promise<Revocations>;
  /** When each of the subjects was revoked, if it was. */
  revocationsOf(subjects: readonly string[]): Promise<ReadonlyMap<string, number>>;
}

/** Who tried to log in with a password. `db/login-attempts.ts` keeps it. */
export interface Attempts {
  /** Counts a failed login; a window that has passed begins anew. */
  failed(keys: readonly string[], now: number, window: number): Promise<void>;
  /** Takes one turn of each of the counts, all or none. @returns whether there was one */
  takeAttempts(paces: readonly Pace[], now: number): Promise<boolean>;
  /** Remembers that the account logged in from the network. */
  remember(places: Places, now: number): Promise<void>;
}
