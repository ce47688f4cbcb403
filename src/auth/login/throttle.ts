import { network, range } from "../../network.ts";
import { secretHash } from "./secret.ts";
import type { AuthContext } from "../context.ts";
import type { FailureCount } from "../identity-store.ts";

/** The window over which failures are counted, in milliseconds from the first failure. */
export const FAILURE_WINDOW = 15 * 60_000;
const DAY = 86_400_000;

/** The keys that failures are counted by. */
type Count = "known" | "address" | "range" | "account" | "all";

interface Limit {
  readonly failures: number;
  /** Milliseconds between two attempts once that many failed; null: no attempts until the window ends. */
  readonly pace: number | null;
}

/**
 * Limits far above what a person mistypes. Guessing blocks the guesser's own network. It never blocks an account, since
 * anyone could then block anyone: guesses from everywhere are only spaced out, and at that pace a password of eight
 * random letters lasts for thousands of years.
 */
const LIMITS: Readonly<Record<Count, Limit>> = {
  known: { failures: 30, pace: null },
  address: { failures: 30, pace: null },
  range: { failures: 100, pace: null },
  account: { failures: 30, pace: 5_000 },
  all: { failures: 1_000, pace: 1_000 },
};

/** Milliseconds between a network's attempts where attempts are spaced out: else the fastest client takes them all. */
const NETWORK_PACE = 60_000;

/** The counters of a login's failures, and the key by which its success is recorded. */
export interface Places {
  readonly account: string;
  /** The account at this network. */
  readonly network: string;
  /** The counters for a network where the account is known: failures elsewhere do not count here. */
  readonly known: readonly string[];
  readonly unknown: readonly string[];
}

/** Hashes the account's name with our key: people type passwords as the name, and a bare hash could be guessed. */
export async function placesOf(
  name: string,
  { address, signing }: Pick<AuthContext, "address" | "signing">,
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

/** Returns the counters to use: an account that was lately used from this network ignores others' failures. */
export function countsOf(places: Places, usedAt: number | null): readonly string[] {
  return usedAt === null ? places.unknown : places.known;
}

/** Returns whether the login is to be recorded. Once a day is sufficient: a write for each login would be too many. */
export function isNews(usedAt: number | null, now: number): boolean {
  return usedAt === null || usedAt < now - DAY;
}

/** A counter that spaces attempts out, with the milliseconds between two of them. */
export interface Pace {
  readonly key: string;
  readonly pace: number;
}

export interface Verdict {
  /** Seconds until the next attempt; null when it may be made now. */
  readonly wait: number | null;
  /** The spaced counters that the attempt has to pass. */
  readonly paces: readonly Pace[];
}

/**
 * Decides about one more attempt.
 * @param keys the counters of the attempt
 * @param counts the stored counts; those of other keys are ignored
 */
export function judge(
  keys: readonly string[],
  counts: readonly FailureCount[],
  now: number,
): Verdict {
  const found = new Map(counts.map((count) => [count.key, count]));
  const reached = keys.flatMap((key) => {
    const { failures, since } = found.get(key) ?? { failures: 0, since: 0 };
    const { failures: most, pace } = LIMITS[countOf(key)];
    const end = since + FAILURE_WINDOW;
    return failures >= most && end > now ? [{ key, pace, end }] : [];
  });
  const paces = reached.flatMap(({ key, pace }) => (pace === null ? [] : { key, pace }));
  if (paces.length > 0) {
    const near = keys.filter((key) => countOf(key) === "address");
    paces.push(...near.map((key) => ({ key, pace: NETWORK_PACE })));
  }
  const ends = [
    ...reached.flatMap(({ pace, end }) => (pace === null ? end : [])),
    ...paces.map(({ key, pace }) => (found.get(key)?.triedAt ?? 0) + pace),
  ];
  const last = Math.max(now, ...ends);
  return { wait: last === now ? null : Math.ceil((last - now) / 1000), paces };
}

function countOf(key: string): Count {
  return key.slice(0, key.indexOf(":")) as Count;
}
