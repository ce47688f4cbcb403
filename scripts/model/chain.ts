/** The number of calls that a client waits for one after the other. */
import type { Call, Wait } from "./worker/call.ts";
import type { Sent } from "./flow.ts";

export type Service = "d1" | "r2" | "object" | "queue" | "cache";

const SERVICES: Readonly<Record<Wait, Service>> = {
  d1Primary: "d1",
  d1Replica: "d1",
  r2Read: "r2",
  r2Write: "r2",
  objectNew: "object",
  object: "object",
  queue: "queue",
  cacheRead: "cache",
  cacheWrite: "cache",
};

export type Counts = Readonly<Record<Service, number>>;

export interface Waited {
  /**
   * The longest chain of calls of D1, R2, Durable Objects and the queue, each of which begins after the one before has
   * ended. Requests that do not wait for one another count as if all were sent at once.
   */
  readonly inARow: number;
  /** The calls of that chain, and the longest chain of calls of the cache alone. */
  readonly chain: Counts;
  /**
   * The same with the requests in the order of the run: where a client asks for a few blobs at a time, these rounds
   * count too.
   */
  readonly inTime: number;
  /** All calls that an answer waited for. */
  readonly calls: Counts;
}

export function serviceOf({ wait }: Call): Service {
  return SERVICES[wait];
}

export function countWaits(sent: readonly Sent[], calls: readonly Call[]): Waited {
  const awaited = new Map<string, Call[]>();
  for (const { id, answered } of sent) {
    // No client waits for calls that end after the answer.
    const own = calls.filter(({ request, end }) => request === id && end <= answered);
    awaited.set(id, own);
  }
  const all = [...awaited.values()].flat();
  const chainOf = (ofCache: boolean): Call[] =>
    longest(sent, ({ id }) =>
      sequence((awaited.get(id) ?? []).filter((call) => (serviceOf(call) === "cache") === ofCache)),
    );
  const backend = chainOf(false);
  const cache = chainOf(true).length;
  const inTime = sequence(all.filter((call) => serviceOf(call) !== "cache")).length;
  const chain = { ...countServices(backend), cache };
  return { inARow: backend.length, chain, inTime, calls: countServices(all) };
}

/** Adds up the chains of all steps; a step's chain is that of its longest task. */
function longest(sent: readonly Sent[], chainOf: (request: Sent) => Call[]): Call[] {
  const steps = Map.groupBy(sent, ({ step }) => step);
  return [...steps.values()].flatMap((requests) => {
    const tasks = [...Map.groupBy(requests, ({ task }) => task).values()];
    const chains = tasks.map((task) => task.flatMap(chainOf));
    return chains.reduce((best, chain) => (chain.length > best.length ? chain : best), []);
  });
}

/** Returns the most calls that do not overlap: always the one that ends first. */
function sequence(calls: readonly Call[]): Call[] {
  const chain: Call[] = [];
  let free = -Infinity;
  for (const call of calls.toSorted((a, b) => a.end - b.end)) {
    if (call.start < free) continue;
    chain.push(call);
    free = call.end;
  }
  return chain;
}

export function countServices(calls: readonly Call[]): Counts {
  const counts = { d1: 0, r2: 0, object: 0, queue: 0, cache: 0 };
  for (const call of calls) counts[serviceOf(call)]++;
  return counts;
}
