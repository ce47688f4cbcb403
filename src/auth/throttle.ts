import { network, range } from "../network.ts";
import { secretHash } from "./secret.ts";
import type { Realm } from "./challenge.ts";
import type { FailureCount } from "./principals.ts";

/** Failures are counted over so many milliseconds from the first one. */
export const FAILURE_WINDOW = 15 * 60_000;
const DAY = 86_400_000;

/** What failures are counted by. */
type Count = "known" | "address" | "range" | "account" | "all";

interface Limit {
  readonly failures: number;
  /** Milliseconds between two tries once there were so many failures; null: no more tries until the window ends. */
  readonly pace: number | null;
}

/**
 * Far more than a person mistypes. Who guesses has a network shut for themselves; an account is shut for nobody, since anyone
 * could do that to anyone: guesses from everywhere only come at a pace, at which a password of eight random letters lasts for
 * thousands of years.
 */
const LIMITS: Readonly<Record<Count, Limit>> = {
  known: { failures: 30, pace: null },
  address: { failures: 30, pace: null },
  range: { failures: 100, pace: null },
  account: { failures: 30, pace: 5_000 },
  all: { failures: 1_000, pace: 1_000 },
};

/** Where the failures of a login are counted, and by what its success is remembered. */
export interface Places {
  readonly account: string;
  /** The account at this very network. */
  readonly network: string;
  /** By the network that is known to the account alone: nobody elsewhere has a say in it. */
  readonly known: readonly string[];
  readonly unknown: readonly string[];
}

/** The account is hashed, with our key: people type passwords where the name belongs, and these can be guessed. */
export async function placesOf(
  name: string,
  { address, signing }: Pick<Realm, "address" | "signing">,
): Promise<Places> {
  const near = network(address);
  const [account, known] = await Promise.all([
    secretHash(`${signing.key}\n${name}`),
    secretHash(`${signing.key}\n${near}\n${name}`),
  ]);
  return {
    account,
    network: known,
    known: [`known:${known}`],
    unknown: [`address:${near}`, `range:${range(near)}`, `account:${account}`, "all:"],
  };
}

/** Where a failure counts: an account that logged in from this network lately has nothing to fear from others' failures. */
export function countsOf(places: Places, usedAt: number | null): readonly string[] {
  return usedAt === null ? places.unknown : places.known;
}

/** Is the login to be remembered? Once a day suffices: a write for each would be too many. */
export function isNews(usedAt: number | null, now: number): boolean {
  return usedAt === null || usedAt < now - DAY;
}

/** A count that lets one try pass after another, and how many milliseconds lie between two. */
export interface Pace {
  readonly key: string;
  readonly pace: number;
}

export interface Verdict {
  /** Seconds to the next try; null where there may be one now. */
  readonly wait: number | null;
  /** Those that it has to take a turn of. */
  readonly paces: readonly Pace[];
}

/** What the counts say of one more try. */
export function judge(counts: readonly FailureCount[], now: number): Verdict {
  const reached = counts.flatMap(({ key, failures, since, triedAt }) => {
    const limit = LIMITS[key.slice(0, key.indexOf(":")) as Count];
    const isReached = failures >= limit.failures && since + FAILURE_WINDOW > now;
    return isReached ? [{ key, pace: limit.pace, end: since + FAILURE_WINDOW, triedAt }] : [];
  });
  const ends = reached.map(({ pace, end, triedAt }) =>
    pace === null ? end : Math.min(end, triedAt + pace),
  );
  const last = Math.max(now, ...ends);
  return {
    wait: last === now ? null : Math.ceil((last - now) / 1000),
    paces: reached.flatMap(({ key, pace }) => (pace === null ? [] : { key, pace })),
  };
}
