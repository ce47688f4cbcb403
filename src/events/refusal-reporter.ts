import type { Defer } from "../defer.ts";
import {
  type Count,
  type Dropped,
  droppedOf,
  elsewhere,
  type Refusal,
  roomOf,
  windowOf,
} from "./budget.ts";
import type { EventMessage } from "./message.ts";

/** How long an isolate counts refusals that it drops before it reports the counts, in milliseconds. */
const GATHER = 10_000;
/** The most counts of one message: it holds 128 KB (developers.cloudflare.com/queues/platform/limits). */
const MAX_COUNTS = 200;
/** The most kinds that an isolate counts apart: requests can name any number of namespaces that do not exist. */
const MAX_KINDS = 2_000;
/** The per-minute limit of DENIED_LIMIT. Counts with a higher limit are checked by isolate and database alone. */
const TURNS = 60;

/** The counts of what an isolate has sent in this window. */
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

/** The queue that refusals are sent to, and the rate limit of this Cloudflare location. */
export interface Outlet {
  readonly queue: Queue<EventMessage>;
  readonly limit: RateLimit;
  readonly defer: Defer;
}

/**
 * Sends a refusal to the log. An isolate sends at most as many as the log accepts from all isolates, and a location at
 * most its rate limit; refusals beyond that are only counted.
 */
export async function reportRefusal(refusal: Refusal, outlet: Outlet): Promise<void> {
  const room = takeRoom(refusal, outlet.queue);
  if (room !== null && (await hasTurns(room, outlet.limit))) {
    await outlet.queue.send({ kind: "audit", ...refusal });
  } else {
    drop(refusal, outlet);
  }
}

function takeRoom(refusal: Refusal, queue: Queue<EventMessage>): readonly Count[] | null {
  const since = windowOf(refusal.event.time);
  let current = sent.get(queue);
  if (current === undefined || current.since !== since) {
    current = { since, counts: new Map() };
    sent.set(queue, current);
  }
  const { counts } = current;
  const standing = (key: string) => counts.get(key) ?? 0;
  const room = roomOf(refusal, standing);
  for (const { key } of room ?? []) counts.set(key, standing(key) + 1);
  return room;
}

/** Checks the narrowest count first, so that one network does not use up the limit of a whole kind. */
async function hasTurns(room: readonly Count[], limit: RateLimit): Promise<boolean> {
  for (const { key } of room.filter(({ most }) => most <= TURNS)) {
    if (!(await limit.limit({ key })).success) return false;
  }
  return true;
}

/** Counts a dropped refusal. The first of a few seconds later reports all; an isolate that dies before loses them. */
function drop(refusal: Refusal, { queue, defer }: Outlet): void {
  const now = Date.now();
  let current = gathered.get(queue);
  // The request that was to report may have been cancelled; then the next one reports.
  if (current === undefined || current.began < now - 2 * GATHER) {
    current = { began: now, counts: current?.counts ?? new Map<string, Dropped>() };
    gathered.set(queue, current);
    defer(reportDropped(queue, current));
  }
  const { counts } = current;
  const own = droppedOf(refusal);
  const one = counts.has(keyOf(own)) || counts.size < MAX_KINDS ? own : elsewhere(own);
  counts.set(keyOf(one), { ...one, count: (counts.get(keyOf(one))?.count ?? 0) + 1 });
}

function keyOf({ since, of }: Dropped): string {
  return `${since} ${of}`;
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
