/** Has scanners match one image, each at its own pace: what one found does not wait for the others. */
import { ScannerUnavailable } from "./match/exchange.ts";
import { worstOf } from "./matched.ts";
import type { Matcher, ScannedImage } from "./matcher.ts";
import type { ScannerResult, StoredResult } from "./result.ts";

const MINUTE_MS = 60_000;
/** The longest wait after a failure; the first is a minute, and each is twice as long as the one before. */
const MAX_WAIT_MS = 6 * 60 * MINUTE_MS;
/** How long a scanner may pull and scan one image. Adapters keep their reports for an hour. */
const MAX_SCAN_MS = 60 * MINUTE_MS;

/** How a scanner goes on that has not finished. Times are in milliseconds since 1970. */
interface Waiting {
  readonly atMs: number;
  /** As `Matcher` returned it; null for one that begins anew. */
  readonly state: unknown;
  /** When it began, and with which data; null while the state is. */
  readonly beganMs: number | null;
  readonly dataVersion: string | null;
  /** How often there was no place for it. */
  readonly postponed: number;
}

/** What is kept of an image until all scanners have finished. */
export interface Pending {
  /** When the first of them began. */
  readonly sinceMs: number;
  readonly scanners: Readonly<Record<string, Waiting>>;
}

export interface Round {
  /** The results of those that matched anew. */
  readonly fresh: Readonly<Record<string, ScannerResult>>;
  /** Null if all have finished. */
  readonly pending: Pending | null;
  /** Why some have failed; null if none has. */
  readonly failure: string | null;
}

interface Known {
  readonly before: StoredResult | null;
  readonly pending: Pending | null;
  /** Failures since the last result. */
  readonly failures: number;
}

/** Returns how long to wait after so many failures, in milliseconds. */
export function backoffMs(failures: number): number {
  return Math.min(MINUTE_MS * 2 ** Math.min(failures, 20), MAX_WAIT_MS);
}

/** Returns when the first scanner goes on. */
export function nextOf({ scanners }: Pending): number {
  return Math.min(...Object.values(scanners).map(({ atMs }) => atMs));
}

/** Returns how many scanners are pulling the image. */
export function pullingOf({ scanners }: Pending): number {
  return Object.values(scanners).filter(({ state }) => state !== null).length;
}

/** The scanners in one step of the job. */
export class Matching {
  readonly #matchers: readonly Matcher[];
  /** What each scanner says of its data, asked once. */
  readonly #versions = new Map<string, Promise<string | null>>();
  #places: number;

  /** @param places how many further scans of scanners that pull by themselves may begin */
  constructor(matchers: readonly Matcher[], places: number) {
    this.#matchers = matchers;
    this.#places = places;
  }

  /** Has each scanner match whose turn it is, and whose data may be newer than the last match's. */
  async match(image: ScannedImage, known: Known): Promise<Round> {
    const sinceMs = known.pending?.sinceMs ?? Date.now();
    const fresh: Record<string, ScannerResult> = {};
    const scanners: Record<string, Waiting> = {};
    const failures: string[] = [];
    for (const matcher of this.#matchers) {
      const { name } = matcher;
      const waiting = known.pending?.scanners[name];
      const last = known.before?.scanners[name];
      if (waiting === undefined && last !== undefined && last.matchedAt >= sinceMs) continue;
      if (waiting !== undefined && waiting.atMs > Date.now()) {
        scanners[name] = waiting;
        continue;
      }
      try {
        const turn = await this.#turn(matcher, image, { waiting, last });
        if (turn !== null && "atMs" in turn) scanners[name] = turn;
        else if (turn !== null) fresh[name] = turn;
      } catch (error) {
        const isKnown = error instanceof ScannerUnavailable;
        if (!isKnown) console.error(`${name} failed on ${image.digest}`, error);
        failures.push(isKnown ? error.message : "the scan failed");
        scanners[name] = { ...ANEW, atMs: Date.now() + backoffMs(known.failures) };
      }
    }
    const isFinished = Object.keys(scanners).length === 0;
    return {
      fresh,
      pending: isFinished ? null : { sinceMs, scanners },
      failure: failures.length === 0 ? null : failures.join("; "),
    };
  }

  /** @returns null if its data is the same as before */
  async #turn(
    matcher: Matcher,
    image: ScannedImage,
    { waiting = ANEW, last }: { waiting?: Waiting | undefined; last: ScannerResult | undefined },
  ): Promise<ScannerResult | Waiting | null> {
    const { state, postponed } = waiting;
    const dataVersion = state === null ? await this.#versionOf(matcher) : waiting.dataVersion;
    if (state === null) {
      if (dataVersion !== null && last?.dataVersion === dataVersion) return null;
      if (matcher.isPulling === true && this.#places <= 0) {
        return { ...ANEW, atMs: Date.now() + backoffMs(postponed), postponed: postponed + 1 };
      }
    }
    const beganMs = waiting.beganMs ?? Date.now();
    const match = await matcher.match(image, state);
    if (!("waitMs" in match)) {
      return { matchedAt: Date.now(), dataVersion, findings: worstOf(match) };
    }
    const atMs = Date.now() + match.waitMs;
    if (match.state === null) return { ...ANEW, atMs };
    if (Date.now() - beganMs > MAX_SCAN_MS) {
      throw new ScannerUnavailable(`${matcher.name} has made no report within an hour`);
    }
    if (state === null) this.#places -= 1;
    return { atMs, state: match.state, beganMs, dataVersion, postponed: 0 };
  }

  #versionOf({ name, dataVersion }: Matcher): Promise<string | null> {
    const known = this.#versions.get(name) ?? dataVersion();
    this.#versions.set(name, known);
    return known;
  }
}

const ANEW: Waiting = { atMs: 0, state: null, beganMs: null, dataVersion: null, postponed: 0 };
