import type { Defer } from "../defer.ts";
import { network } from "../network.ts";
import { admit, budgetOf, type Refusal, windowOf } from "./budget.ts";
import type { Dropped, EventMessage } from "./message.ts";

/** How long an isolate gathers what it drops before it says how much, in milliseconds. */
const GATHER = 10_000;
/** A message of a queue holds 128 KB (developers.cloudflare.com/queues/platform/limits). */
const MAX_COUNTS = 200;

/** What an isolate has sent in this window, and what it has dropped since it last said so. */
interface Sent {
  readonly since: number;
  readonly counts: Map<string, number>;
}

interface Gathered {
  readonly began: number;
  readonly counts: Map<string, Dropped>;
}

const sent = new WeakMap<Queue<EventMessage>, Sent>();
const gathered = new WeakMap<Queue<EventMessage>, Gathered>();

/** Where refusals go, and the turns that a location has in a minute. */
export interface Outlet {
  readonly queue: Queue<EventMessage>;
  readonly limit: RateLimit;
  readonly defer: Defer;
}

/**
 * Sends a refusal to the log. An isolate sends no more than the log takes of all isolates together, and a location no more than
 * its turns: what is beyond that costs no message each.
 */
export async function reportRefusal(refusal: Refusal, outlet: Outlet): Promise<void> {
  if (isWanted(refusal, outlet.queue) && (await hasTurn(refusal, outlet.limit))) {
    await outlet.queue.send({ kind: "audit", ...refusal });
  } else {
    drop(refusal, outlet);
  }
}

function isWanted(refusal: Refusal, queue: Queue<EventMessage>): boolean {
  const since = windowOf(refusal.event.time);
  let current = sent.get(queue);
  if (current === undefined || current.since !== since) {
    current = { since, counts: new Map() };
    sent.set(queue, current);
  }
  const { admitted, counts } = admit([refusal], current.counts);
  for (const [key, count] of counts) current.counts.set(key, count);
  return admitted.length > 0;
}

/** Those of its network first, so that one network does not take them all. */
async function hasTurn(refusal: Refusal, limit: RateLimit): Promise<boolean> {
  const { kind, counts } = budgetOf(refusal);
  const near = `${kind} ${network(refusal.event.address ?? "")}`;
  for (const key of counts.length === 1 ? [kind] : [near, kind]) {
    if (!(await limit.limit({ key })).success) return false;
  }
  return true;
}

/** The first one of a few seconds reports them all when these are over; an isolate that dies before loses them. */
function drop(refusal: Refusal, { queue, defer }: Outlet): void {
  const now = Date.now();
  let current = gathered.get(queue);
  // Who was to report may have been cancelled; then the next one does.
  if (current === undefined || current.began < now - 2 * GATHER) {
    current = { began: now, counts: current?.counts ?? new Map<string, Dropped>() };
    gathered.set(queue, current);
    defer(reportDropped(queue, current));
  }
  const { kind } = budgetOf(refusal);
  const since = windowOf(refusal.event.time);
  const key = `${since} ${kind}`;
  const count = (current.counts.get(key)?.count ?? 0) + 1;
  current.counts.set(key, { since, of: kind, count });
}

async function reportDropped(queue: Queue<EventMessage>, current: Gathered): Promise<void> {
  await scheduler.wait(GATHER);
  if (gathered.get(queue) !== current) return;
  gathered.delete(queue);
  const all = [...current.counts.values()];
  for (let start = 0; start < all.length; start += MAX_COUNTS) {
    await queue.send({ kind: "dropped", counts: all.slice(start, start + MAX_COUNTS) });
  }
}
