/** Runs two pieces of work whose calls of the bindings alternate, in every possible order, or in a hundred of them. */
import { env } from "cloudflare:workers";
import type { Env } from "../../src/settings.ts";
import { intercept } from "./bindings.ts";
import { sample } from "./sample.ts";

type Party = "a" | "b";

/** The orders that are tried when there are more, besides those in which one runs after all of the other. */
const SAMPLE = 100;

/** Runs in an environment; both work on the same data. */
export type Work<T> = (env: Env) => Promise<T>;

export interface Outcome<A, B> {
  readonly order: string;
  readonly a: A;
  readonly b: B;
}

/**
 * Runs both works from the same start, once for each order of their calls, or for some of them.
 * @param prepare makes the start, and returns the two works
 * @param apart statements that do not concern the other work: their order is not varied
 */
export async function* interleavings<A, B>(
  prepare: () => Promise<{ readonly a: Work<A>; readonly b: Work<B> }>,
  apart = /^$/,
): AsyncGenerator<Outcome<A, B>> {
  const first = await prepare();
  // The number of calls of each when it runs alone; in the other order it may differ, which the schedule allows for.
  const counts = { a: await callsOf(first.a, apart), b: await callsOf(first.b, apart) };
  const other = await prepare();
  counts.b = Math.max(counts.b, await callsOf(other.b, apart));
  counts.a = Math.max(counts.a, await callsOf(other.a, apart));
  const [one = "", ...orders] = ordersOf(counts.a, counts.b);
  const last = orders.pop() ?? one;
  for (const order of [one, ...sample(orders, SAMPLE), last]) {
    const { a, b } = await prepare();
    const turns = new Turns(order, apart);
    const [left, right] = await Promise.all([turns.run("a", a), turns.run("b", b)]);
    yield { order, a: left, b: right };
  }
}

async function callsOf(work: Work<unknown>, apart: RegExp): Promise<number> {
  let calls = 0;
  await work(
    intercepted(apart, (call) => {
      calls++;
      return call();
    }),
  );
  return calls;
}

function ordersOf(a: number, b: number): string[] {
  if (a === 0 || b === 0) return ["a".repeat(a) + "b".repeat(b)];
  return [
    ...ordersOf(a - 1, b).map((rest) => `a${rest}`),
    ...ordersOf(a, b - 1).map((rest) => `b${rest}`),
  ];
}

class Turns {
  #left: Party[];
  #waiting: { readonly party: Party; readonly go: () => void }[] = [];

  readonly #apart: RegExp;

  constructor(order: string, apart: RegExp) {
    this.#left = order.split("") as Party[];
    this.#apart = apart;
  }

  async run<T>(party: Party, work: Work<T>): Promise<T> {
    try {
      return await work(intercepted(this.#apart, (call) => this.#take(party, call)));
    } finally {
      this.#left = this.#left.filter((other) => other !== party);
      this.#next();
    }
  }

  async #take<T>(party: Party, call: () => Promise<T>): Promise<T> {
    await new Promise<void>((go) => {
      this.#waiting.push({ party, go });
      this.#next();
    });
    try {
      return await call();
    } finally {
      const mine = this.#left.indexOf(party);
      if (mine !== -1) this.#left.splice(mine, 1);
      this.#next();
    }
  }

  /** Lets the one run whose turn it is; without turns left, all of them. */
  #next(): void {
    const [turn] = this.#left;
    const ready = this.#waiting.findIndex(({ party }) => turn === undefined || party === turn);
    if (ready === -1) return;
    const [{ go } = { go: () => {} }] = this.#waiting.splice(ready, 1);
    go();
  }
}

/** Wraps the real bindings, so that every call over the network goes through `around`. */
function intercepted(apart: RegExp, around: <T>(call: () => Promise<T>) => Promise<T>): Env {
  const originals = new WeakMap<object, { readonly real: object; readonly sql: string }>();
  const statement = (real: D1PreparedStatement, sql: string): D1PreparedStatement => {
    const wrapped = intercept(real, (name, call) => (...parameters) => {
      if (name === "bind") return statement(call(...parameters) as D1PreparedStatement, sql);
      if (apart.test(sql)) return call(...parameters);
      return around(() => call(...parameters) as Promise<unknown>);
    });
    originals.set(wrapped, { real, sql });
    return wrapped;
  };
  const everyCall = <T extends object>(real: T): T =>
    intercept(
      real,
      (_, call) =>
        (...parameters) =>
          around(() => Promise.resolve(call(...parameters))),
    );
  const database = (real: D1Database): D1Database =>
    intercept(real, (name, call) => (...parameters) => {
      if (name === "withSession") return database(call(...parameters) as D1Database);
      if (name === "prepare") {
        return statement(call(...parameters) as D1PreparedStatement, String(parameters[0]));
      }
      const known = (parameters[0] as object[]).map((one) => originals.get(one));
      const reals = known.map((one) => one?.real);
      if (known.some((one) => one !== undefined && apart.test(one.sql))) return call(reals);
      return around(() => call(reals) as Promise<unknown>);
    });
  return {
    ...env,
    DB: database(env.DB),
    BLOBS: everyCall(env.BLOBS),
    SESSIONS: intercept(
      env.SESSIONS,
      (_, call) =>
        (...parameters) =>
          everyCall(call(...parameters) as object),
    ),
  };
}
