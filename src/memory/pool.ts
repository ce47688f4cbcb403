import type { Pace } from "./pace.ts";

/**
 * Memory that requests share. A body takes what it needs step by step, as its bytes come, and gives all of it back when
 * it is whole and has been passed on. Three rules keep that fair:
 *
 * - The room that the fullest buffer needs to become whole is given to no other body. So one body can always go on, and
 *   no two bodies wait for each other for ever (the banker's algorithm, with one resource and the same claim for all).
 * - A namespace and an actor have a share each, for the buffers that their clients are filling. Parts in flight to the
 *   bucket count in no share, since no client can hold them up.
 * - Waiting bodies are served in this order: the fullest buffer, the namespace that holds least, the body with the
 *   fewest bytes in flight, the first to come. A body whose share is used up does not hold up the others.
 */
export interface Limits {
  /** The most bytes of all bodies together, of one namespace's and of one actor's. */
  readonly all: number;
  readonly namespace: number;
  readonly actor: number;
  /** The size of a whole buffer: the most that one body holds at a time. */
  readonly whole: number;
}

export interface Owner {
  readonly namespace: string;
  readonly actor: string;
}

/** One request's body. */
export interface Body {
  readonly owner: Owner;
  readonly pace: Pace;
  /** When the request was last seen alive, in milliseconds since 1970. */
  seen: number;
}

/** The bytes that a body holds of a pool. */
export interface Holding {
  readonly body: Body;
  bytes: number;
  /** Whether the bytes are a part in flight to the bucket. */
  readonly isSent: boolean;
  /** How many bytes the body waits for, and since when. */
  wanted: number;
  since: number;
}

/**
 * How often a waiting request looks again, in milliseconds. It waits by a timer of its own: the runtime cancels a
 * request that waits for another request's promise, because nothing of its own can wake it.
 */
const POLL = 5;
/**
 * A request that was cut off sends no signal, so one without a sign of life for so many milliseconds counts as cut off.
 * A waiting request polls, a reading one has a clock that ticks every second.
 */
const WAITER_STALE = 5_000;
const HOLDER_STALE = 60_000;
const SWEEP = 1_000;

/** A body slower than this, 17 KiB a second, makes room for any other that waits for what it holds. */
export const FLOOR = { bytes: 1024 * 1024, ms: 60_000 };
/** A body slower than this, 1 MiB a second, makes room for a namespace that holds less and has waited for `ms`. */
export const PACE = { bytes: 10 * 1024 * 1024, ms: 10_000 };

type Scope = "all" | "namespace" | "actor";

/** Counts the bytes in use over all pools, and the most that ever were. */
export class Meter {
  #used = 0;
  #peak = 0;

  get used(): number {
    return this.#used;
  }

  get peak(): number {
    return this.#peak;
  }

  add(bytes: number): void {
    this.#used += bytes;
    this.#peak = Math.max(this.#peak, this.#used);
  }
}

/** How many bytes of a limit are in use, and the size of the fullest buffer among them. */
interface Sum {
  used: number;
  fullest: number;
}

/** The bytes of each body and each namespace, including those in flight. */
type Use = ReadonlyMap<Body | string, number>;

export class Pool {
  readonly limits: Limits;
  readonly meter: Meter;
  readonly #holdings = new Set<Holding>();
  #changed = false;
  #swept = 0;

  constructor(limits: Limits, meter: Meter) {
    this.limits = limits;
    this.meter = meter;
  }

  enter(body: Body): Holding {
    return this.#add({ body, bytes: 0, isSent: false, wanted: 0, since: 0 });
  }

  /** Waits until the holding has so many more bytes. */
  async take(holding: Holding, bytes: number): Promise<void> {
    this.ask(holding, bytes, Date.now());
    for (;;) {
      const now = Date.now();
      this.touch(holding, now);
      this.serve(now);
      if (holding.wanted === 0) return;
      await scheduler.wait(POLL);
    }
  }

  ask(holding: Holding, bytes: number, now: number): void {
    holding.wanted = bytes;
    holding.since = now;
    this.#changed = true;
  }

  give(holding: Holding, bytes: number): void {
    holding.bytes -= bytes;
    if (this.#holdings.has(holding)) this.meter.add(-bytes);
    this.#changed = true;
  }

  leave(holding: Holding): void {
    this.give(holding, holding.bytes);
    this.#holdings.delete(holding);
  }

  /**
   * Passes a whole buffer on to the bucket.
   * @returns the holding of its bytes until the part has arrived
   */
  send(holding: Holding): Holding {
    const { body, bytes } = holding;
    this.give(holding, bytes);
    return this.#add({ body, bytes, isSent: true, wanted: 0, since: 0 });
  }

  /** Marks a request as alive. If it was taken for cut off, its bytes are counted again. */
  touch(holding: Holding, now: number): void {
    holding.body.seen = now;
    if (!this.#holdings.has(holding)) this.#add(holding);
  }

  /** Gives free bytes to the bodies that wait, in their order. */
  serve(now: number): void {
    if (now - this.#swept >= SWEEP) this.#sweep(now);
    if (!this.#changed) return;
    this.#changed = false;
    const sums = this.#sums();
    for (const waiter of this.#queue()) {
      const blocked = this.#blocked(waiter, sums);
      if (blocked === "all") return;
      if (blocked !== null) continue;
      for (const { sum } of this.#scopes(waiter, sums)) {
        sum.used += waiter.wanted;
        sum.fullest = Math.max(sum.fullest, waiter.bytes + waiter.wanted);
      }
      this.meter.add(waiter.wanted);
      waiter.bytes += waiter.wanted;
      waiter.wanted = 0;
    }
  }

  /**
   * Returns whether a body that is being read must end, because it comes too slowly and others wait for what it holds.
   */
  isTooSlow(holding: Holding, now: number): boolean {
    // A body below the floor is below the pace too, so one that keeps the pace, as nearly all do, needs no further
    // check.
    if (!isBelow(PACE, holding, now)) return false;
    const sums = this.#sums();
    const heldUp = this.#waiting().flatMap((waiter) => {
      const scope = waiter === holding ? null : this.#blocked(waiter, sums);
      return scope !== null && sharesIn(scope, holding, waiter) ? [{ waiter, scope }] : [];
    });
    if (heldUp.length > 0 && isBelow(FLOOR, holding, now)) return true;
    const patient = heldUp.filter(
      ({ waiter, scope }) => scope === "all" && now - waiter.since >= PACE.ms,
    );
    if (patient.length === 0) return false;
    const use = this.#use();
    const due = patient.map(
      ({ waiter }) => (use.get(waiter.body.owner.namespace) ?? 0) + waiter.wanted,
    );
    return this.#isSlowest(holding, { use, due, now });
  }

  /**
   * Returns whether this body is the slowest of those below the pace whose namespaces would still hold more than the
   * namespace of one of the waiters.
   * @param due what each waiter's namespace would hold with what it waits for. Only the largest that is less than the
   *   body's own namespace holds is compared: its candidates are the fewest, and they are candidates for every other
   *   waiter too.
   */
  #isSlowest(
    holding: Holding,
    { use, due, now }: { use: Use; due: readonly number[]; now: number },
  ): boolean {
    const useOf = ({ body }: Holding) => use.get(body.owner.namespace) ?? 0;
    const own = useOf(holding);
    const most = due.reduce((a, b) => (b < own ? Math.max(a, b) : a), -1);
    if (most < 0) return false;
    let slowest: Holding | null = null;
    let least = Infinity;
    for (const one of this.#holdings) {
      if (one.isSent || useOf(one) <= most || !isBelow(PACE, one, now)) continue;
      const speed = one.body.pace.over(PACE.ms, now) ?? Infinity;
      if (speed < least) [slowest, least] = [one, speed];
    }
    return slowest === holding;
  }

  #waiting(): Holding[] {
    return [...this.#holdings].filter(({ wanted }) => wanted > 0);
  }

  #queue(): Holding[] {
    const waiting = this.#waiting();
    if (waiting.length < 2) return waiting;
    const use = this.#use();
    const more = (a: Body | string, b: Body | string) => (use.get(a) ?? 0) - (use.get(b) ?? 0);
    return waiting.toSorted(
      (a, b) =>
        b.bytes - a.bytes ||
        more(a.body.owner.namespace, b.body.owner.namespace) ||
        more(a.body, b.body) ||
        a.since - b.since,
    );
  }

  #use(): Use {
    const use = new Map<Body | string, number>();
    for (const { body, bytes } of this.#holdings) {
      for (const user of [body, body.owner.namespace]) use.set(user, (use.get(user) ?? 0) + bytes);
    }
    return use;
  }

  /**
   * Returns the limit that does not allow what the waiter wants, or null; its own shares come before the limit of all.
   */
  #blocked(waiter: Holding, sums: ReadonlyMap<string, Sum>): Scope | null {
    const { wanted, bytes } = waiter;
    const full = this.#scopes(waiter, sums).find(({ scope, sum }) => {
      const missing = this.limits.whole - Math.max(sum.fullest, bytes + wanted);
      // An actor or namespace that holds nothing may exceed its share at once: a manifest does, where larger ones are
      // allowed.
      const isAlone = scope !== "all" && sum.used === 0;
      return !isAlone && sum.used + wanted + Math.max(missing, 0) > this.limits[scope];
    });
    return full?.scope ?? null;
  }

  #sums(): Map<string, Sum> {
    const sums = new Map<string, Sum>();
    for (const holding of this.#holdings) {
      for (const { scope, sum } of this.#scopes(holding, sums)) {
        if (!holding.isSent) sum.fullest = Math.max(sum.fullest, holding.bytes);
        if (!holding.isSent || scope === "all") sum.used += holding.bytes;
      }
    }
    return sums;
  }

  #scopes(
    { body: { owner } }: Holding,
    sums: ReadonlyMap<string, Sum>,
  ): readonly { readonly scope: Scope; readonly sum: Sum }[] {
    const scopes = [
      { scope: "actor", key: `actor ${owner.actor}` },
      { scope: "namespace", key: `namespace ${owner.namespace}` },
      { scope: "all", key: "all" },
    ] as const;
    return scopes.map(({ scope, key }) => {
      const sum = sums.get(key) ?? { used: 0, fullest: 0 };
      (sums as Map<string, Sum>).set(key, sum);
      return { scope, sum };
    });
  }

  #add(holding: Holding): Holding {
    this.#holdings.add(holding);
    this.meter.add(holding.bytes);
    this.#changed = true;
    return holding;
  }

  #sweep(now: number): void {
    this.#swept = now;
    for (const holding of this.#holdings) {
      const patience = holding.wanted > 0 ? WAITER_STALE : HOLDER_STALE;
      if (now - holding.body.seen < patience) continue;
      this.#holdings.delete(holding);
      this.meter.add(-holding.bytes);
      this.#changed = true;
    }
  }
}

function isBelow(pace: typeof PACE, { body, bytes }: Holding, now: number): boolean {
  const brought = body.pace.over(pace.ms, now);
  return bytes > 0 && body.pace.isReading && brought !== null && brought < pace.bytes;
}

/** Returns whether the two bodies are counted in the same share. */
function sharesIn(scope: Scope, { body: a }: Holding, { body: b }: Holding): boolean {
  if (scope === "all") return true;
  return a.owner[scope] === b.owner[scope];
}
