import { network, range } from "../../network.ts";
import { secretHash } from "./secret.ts";
import type { AuthContext } from "../context.ts";
import type { FailureCount } from "../identity-store.ts";

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

/** Where tries come at a pace, one network has one in so many milliseconds: else whoever asks most often takes them all. */
const NETWORK_PACE = 60_000;

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

/**
 * What its counts say of one more try.
 * @param keys where it counts
 * @param counts those of them that there are; others have no say
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
