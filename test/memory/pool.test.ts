/**
 * The order in which bodies get memory, and which of them must give it up, decided by counts and a clock of the test's
 * own.
 */
import { expect, test } from "vitest";
import { Pace } from "../../src/memory/pace.ts";
import { type Body, FLOOR, type Holding, Meter, PACE, Pool } from "../../src/memory/pool.ts";
import { random } from "../support/images.ts";

const LIMITS = { all: 40, namespace: 24, actor: 16, whole: 8 };
const MIB = 1024 * 1024;

interface World {
  readonly pool: Pool;
  readonly meter: Meter;
}

function world(limits = LIMITS): World {
  const meter = new Meter();
  return { pool: new Pool(limits, meter), meter };
}

function body(namespace: string, actor = namespace): Body {
  return { owner: { namespace, actor }, pace: new Pace(), seen: 0 };
}

/** A body that asks for so much. It has it, if it can, after the next `serve`. */
function ask({ pool }: World, holding: Holding, bytes: number, now = 0): Holding {
  holding.body.seen = now;
  pool.ask(holding, bytes, now);
  pool.serve(now);
  return holding;
}

function enter(at: World, bytes: number, namespace: string, actor = namespace): Holding {
  return ask(at, at.pool.enter(body(namespace, actor)), bytes);
}

function bytesOf(holdings: readonly Holding[]): number[] {
  return holdings.map(({ bytes }) => bytes);
}

/** Reads for so long and gets so much. */
function read({ body: { pace } }: Holding, ms: number, bytes: number, from = 0): void {
  pace.begin(from);
  pace.end(from + ms, bytes);
}

test("what fits is given at once, the rest waits until enough has come back", () => {
  const at = world({ all: 20, namespace: 20, actor: 20, whole: 8 });
  const [a, b, c] = ["a", "b", "c"].map((name) => enter(at, 8, name)) as [
    Holding,
    Holding,
    Holding,
  ];
  expect(bytesOf([a, b, c])).toEqual([8, 8, 0]);
  at.pool.give(a, 2);
  at.pool.serve(0);
  expect(c.bytes).toBe(0);
  at.pool.give(a, 2);
  at.pool.serve(0);
  expect(bytesOf([a, b, c])).toEqual([4, 8, 8]);
  expect(at.meter).toMatchObject({ used: 20, peak: 20 });
});

test("room for the fullest to become whole is given to nobody else", () => {
  const at = world({ all: 16, namespace: 16, actor: 16, whole: 8 });
  const halves = ["a", "b", "c", "d"].map((name) => enter(at, 3, name));
  // With the fourth there would be 12 of 16, and 5 missing to each.
  expect(bytesOf(halves)).toEqual([3, 3, 3, 0]);
  const [first] = halves as [Holding];
  ask(at, first, 5);
  expect(first.bytes).toBe(8);
});

test("bodies that grow step by step in any order never wait for each other for ever", () => {
  const next = random(11);
  const at = world({ all: 20, namespace: 12, actor: 8, whole: 8 });
  const bodies = Array.from({ length: 30 }, (_, i) =>
    at.pool.enter(body(`n${i % 3}`, `a${i % 7}`)),
  );
  const open = new Set(bodies);
  for (let turns = 0; open.size > 0; turns++) {
    expect(turns).toBeLessThan(10_000);
    const waiting = [...open];
    const one = waiting[next() % waiting.length] as Holding;
    if (one.bytes === LIMITS.whole) {
      at.pool.leave(one);
      open.delete(one);
    } else if (one.wanted === 0) {
      at.pool.ask(one, 1 + (next() % (LIMITS.whole - one.bytes)), turns);
    }
    at.pool.serve(0);
    expect(at.meter.used).toBeLessThanOrEqual(20);
    // One of them is not waiting, or is done: else all would wait for each other.
    expect(open.size === 0 || [...open].some(({ wanted }) => wanted === 0)).toBe(true);
  }
  expect(at.meter.used).toBe(0);
});

test("an actor has at most its share, a namespace its own, and others find room", () => {
  const at = world();
  const robots = Array.from({ length: 6 }, (_, i) => enter(at, 8, "acme", i < 3 ? "ci" : "dev"));
  // Two of ci, one of dev: then the namespace's share is used up.
  expect(bytesOf(robots)).toEqual([8, 8, 0, 8, 0, 0]);
  expect(enter(at, 8, "other").bytes).toBe(8);
  expect(enter(at, 8, "third").bytes).toBe(8);
});

test("an actor's share is the same in all namespaces that it pushes to", () => {
  const at = world();
  expect(bytesOf(["a", "b", "c"].map((name) => enter(at, 8, name, "ci")))).toEqual([8, 8, 0]);
});

test("parts on their way are in no share: an upload that is alone has all", () => {
  const at = world();
  const one = at.pool.enter(body("acme"));
  for (let parts = 0; parts < 5; parts++) {
    ask(at, one, 8);
    expect(one.bytes).toBe(8);
    at.pool.send(one);
  }
  ask(at, one, 8);
  expect(one.bytes).toBe(0);
  expect(at.meter.used).toBe(40);
});

test("who waits is served in this order: the fullest, the namespace that has least, who came first", () => {
  const at = world({ all: 40, namespace: 40, actor: 40, whole: 8 });
  const sent = Array.from({ length: 4 }, () => {
    const one = enter(at, 8, "busy");
    return at.pool.send(one);
  });
  const half = enter(at, 4, "half");
  const waiting = [
    ask(at, at.pool.enter(body("busy")), 8, 1),
    ask(at, at.pool.enter(body("idle")), 8, 2),
    ask(at, at.pool.enter(body("idle")), 8, 3),
  ];
  expect(bytesOf(waiting)).toEqual([0, 0, 0]);
  // The rest of the half one has room of its own.
  expect(ask(at, half, 4, 4).bytes).toBe(8);
  const order = sent.map((part) => {
    at.pool.leave(part);
    at.pool.serve(4);
    return bytesOf(waiting);
  });
  expect(order.slice(0, 3)).toEqual([
    [0, 8, 0],
    [0, 8, 8],
    [8, 8, 8],
  ]);
});

test("a body slower than 17 KiB a second makes room for whoever waits for what it has, and for nobody else", () => {
  const at = world();
  const [slow, enough] = [enter(at, 8, "acme"), enter(at, 8, "acme")];
  for (const [one, bytes] of [
    [slow, FLOOR.bytes - 1],
    [enough, FLOOR.bytes],
  ] as const) {
    for (let second = 0; second < 60; second++) read(one, 1_000, second === 0 ? bytes : 0, second);
    one.body.pace.begin(60);
  }
  const now = 60;
  expect(at.pool.isTooSlow(slow, now)).toBe(false);
  const other = enter(at, 8, "acme");
  expect(other.bytes).toBe(0);
  expect([slow, enough].map((one) => at.pool.isTooSlow(one, now))).toEqual([true, false]);
  // The same in a namespace whose share the waiting body does not use.
  at.pool.leave(other);
  for (let i = 0; i < 3; i++) enter(at, 8, "full", "x");
  expect(at.pool.isTooSlow(slow, now)).toBe(false);
});

test("only the time counts in which a client is waited for", () => {
  const at = world();
  const [one] = [enter(at, 8, "acme"), enter(at, 8, "acme"), enter(at, 8, "acme")] as const;
  read(one, 1, 10, 0);
  // The body waits for memory, or for its parts to arrive.
  expect(at.pool.isTooSlow(one, 10 * FLOOR.ms)).toBe(false);
  one.body.pace.begin(10 * FLOOR.ms);
  expect(at.pool.isTooSlow(one, 11 * FLOOR.ms - 2)).toBe(false);
  expect(at.pool.isTooSlow(one, 11 * FLOOR.ms + 1)).toBe(true);
});

test("what came before the minute that is looked at does not count", () => {
  const pace = new Pace();
  pace.begin(0);
  pace.end(10, 5 * MIB);
  pace.begin(100);
  expect(pace.over(FLOOR.ms, 100)).toBeNull();
  expect(pace.over(FLOOR.ms, 100 + FLOOR.ms)).toBe(0);
});

/** Two tenants that send 100 KiB a second hold all the memory; one without any waits. */
function crowd() {
  const at = world({ all: 40, namespace: 24, actor: 24, whole: 8 });
  const slow = ["a", "a", "a", "b", "b"].map((name) => enter(at, 8, name));
  for (const [i, one] of slow.entries()) {
    for (let s = 0; s < 20; s++) read(one, 1_000, (100 + i) * 1024, s * 1_000);
    one.body.pace.begin(20_000);
  }
  return { at, slow };
}

test("where all is taken, one body below the pace makes room for a namespace that has less and waited ten seconds", () => {
  const { at, slow } = crowd();
  const waiter = ask(at, at.pool.enter(body("c")), 8, 20_000);
  const tooSlow = (now: number) => slow.map((one) => at.pool.isTooSlow(one, now));
  expect(tooSlow(20_000 + PACE.ms - 1)).toEqual([false, false, false, false, false]);
  // The slowest alone.
  expect(tooSlow(20_000 + PACE.ms)).toEqual([true, false, false, false, false]);
  at.pool.touch(waiter, 20_000 + PACE.ms);
  at.pool.leave(slow[0] as Holding);
  at.pool.serve(20_000 + PACE.ms);
  expect(waiter.bytes).toBe(8);
});

test("slow bodies finish where whoever waits has as much as they, or waits for its own share", () => {
  const { at, slow } = crowd();
  const late = 20_000 + 2 * PACE.ms;
  ask(at, at.pool.enter(body("b")), 8, 20_000);
  ask(at, at.pool.enter(body("a")), 8, 20_000);
  // For b, which has 16 and wants 24, a with its 24 need not make room.
  expect(slow.map((one) => at.pool.isTooSlow(one, late))).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});

/** Counts how often bodies are checked while one of `n` slow ones is evaluated, and as many others wait. */
function looks(n: number): number {
  const at = world({ all: n, namespace: n, actor: n, whole: 1 });
  let count = 0;
  const slow = Array.from({ length: n }, (_, i) => {
    const { owner, pace } = body(`slow${i % 2}`);
    const watched: Body = {
      get owner() {
        count++;
        return owner;
      },
      get pace() {
        count++;
        return pace;
      },
      seen: 0,
    };
    const one = ask(at, at.pool.enter(watched), 1);
    for (let s = 0; s < 20; s++) read(one, 1_000, (n - i) * 1024, s * 1_000);
    pace.begin(20_000);
    return one;
  });
  for (let i = 0; i < n; i++) ask(at, at.pool.enter(body(`waits${i}`)), 1, 24_000 - PACE.ms);
  count = 0;
  // The last one is the slowest.
  expect(at.pool.isTooSlow(slow.at(-1) as Holding, 24_000)).toBe(true);
  expect(at.pool.isTooSlow(slow[0] as Holding, 24_000)).toBe(false);
  return count;
}

test("with twice as many bodies, and twice as many that wait, judging one takes twice the work", () => {
  expect(looks(80)).toBeLessThan(2.1 * looks(40));
});

test("a body that keeps the pace is left in peace, whoever waits", () => {
  const { at, slow } = crowd();
  const [fast] = slow as [Holding];
  for (let s = 20; s < 31; s++) read(fast, 1_000, MIB, s * 1_000);
  fast.body.pace.begin(31_000);
  ask(at, at.pool.enter(body("c")), 8, 20_000);
  expect(at.pool.isTooSlow(fast, 31_000)).toBe(false);
  expect(at.pool.isTooSlow(slow[1] as Holding, 31_000)).toBe(true);
});

test("the memory of a request that was cut off comes back, and one that was only late has it again", () => {
  const at = world();
  const [dead, late] = [enter(at, 8, "a"), enter(at, 8, "a")];
  at.pool.serve(61_000);
  expect(at.meter.used).toBe(0);
  at.pool.touch(late, 61_000);
  expect(at.meter.used).toBe(8);
  at.pool.leave(dead);
  at.pool.leave(late);
  expect(at.meter.used).toBe(0);
});

test("a waiter that is no more holds up nobody", () => {
  const at = world({ all: 8, namespace: 8, actor: 8, whole: 8 });
  const one = enter(at, 8, "a");
  const gone = ask(at, at.pool.enter(body("b")), 8, 0);
  const waiter = ask(at, at.pool.enter(body("c")), 8, 5_500);
  at.pool.leave(one);
  at.pool.serve(6_000);
  expect(bytesOf([gone, waiter])).toEqual([0, 8]);
});

test("the waiting body of a namespace with least on its way is served first", () => {
  const at = world({ all: 24, namespace: 24, actor: 24, whole: 8 });
  const [greedy, modest] = [at.pool.enter(body("acme")), at.pool.enter(body("acme"))];
  const parts = [0, 1, 2].map(() => at.pool.send(ask(at, greedy, 8)));
  ask(at, greedy, 8, 1);
  ask(at, modest, 8, 2);
  at.pool.leave(parts[0] as Holding);
  at.pool.serve(2);
  expect(bytesOf([greedy, modest])).toEqual([0, 8]);
});

test("what a read under way may have brought counts for the body, less than that does not save it", () => {
  const pace = new Pace();
  // 22 KB a second, in a small read and in one that waits for 1 MiB.
  pace.begin(0, 16 * 1024);
  pace.end(13_000, 286_000);
  pace.begin(13_000, MIB);
  expect(pace.over(FLOOR.ms, 60_000)).toBeGreaterThanOrEqual(FLOOR.bytes);
  // After a minute without an answer it is certain.
  expect(pace.over(FLOOR.ms, 73_000)).toBeLessThan(FLOOR.bytes);
});
