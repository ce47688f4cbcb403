/** Two pieces of work whose calls of the bindings take turns, in every possible order, or in some of them. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Env } from "../../src/settings.ts";
import { sample } from "./sample.ts";
import { wrapEnv } from "./wrapped-env.ts";

type Party = "a" | "b";

/** Orders that are tried of more, besides those in which one comes after all of the other. */
const ORDERS = { few: 4, many: 100 };

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
  const what = `orders of two works: ${expect.getState().currentTestName}`;
  for (const order of [one, ...sample(what, orders, ORDERS), last]) {
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
  return wrapEnv(env, {
    d1: ({ statements }, next) =>
      statements.some(({ text }) => apart.test(text)) ? next() : around(() => next()),
    r2: (_, next) => around(() => next()),
    session: (_, next) => around(() => next()),
  });
}
