import type { Defer } from "../defer.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import type { PullCount } from "../storage/pull-index.ts";
import type { EventMessage } from "./message.ts";

/** How long an isolate gathers pulls before it reports them, in milliseconds. */
const GATHER = 5_000;
/** A message of a queue holds 128 KB (developers.cloudflare.com/queues/platform/limits). */
const MAX_COUNTS = 200;
const DAY = 86_400_000;

interface Gathered {
  readonly since: number;
  readonly counts: Map<string, PullCount>;
}

/** Pulls since the last report, for each queue. */
const gathered = new WeakMap<Queue<EventMessage>, Gathered>();

interface Pull {
  readonly repository: RepositoryName;
  /** null where a digest was asked for. */
  readonly tag: Tag | null;
  readonly digest: Digest;
}

/**
 * Counts a pull. The first one of a few seconds reports them all when these are over; an isolate that dies before loses
 * what it has gathered, no more.
 */
export function countPull(
  queue: Queue<EventMessage>,
  { repository, tag, digest }: Pull,
  defer: Defer,
): void {
  const day = Math.floor(Date.now() / DAY);
  const key = `${repository} ${tag ?? ""} ${digest} ${day}`;
  const now = Date.now();
  let current = gathered.get(queue);
  // Who was to report may have been cancelled; then the next one does.
  if (current === undefined || current.since < now - 2 * GATHER) {
    current = { since: now, counts: current?.counts ?? new Map<string, PullCount>() };
    gathered.set(queue, current);
    defer(report(queue, current));
  }
  const { counts } = current;
  const before = counts.get(key)?.count ?? 0;
  counts.set(key, { repository, tag: tag ?? "", digest, day, count: before + 1 });
}

async function report(queue: Queue<EventMessage>, current: Gathered): Promise<void> {
  await scheduler.wait(GATHER);
  if (gathered.get(queue) !== current) return;
  gathered.delete(queue);
  const all = [...current.counts.values()];
  for (let start = 0; start < all.length; start += MAX_COUNTS) {
    await queue.send({ kind: "pulls", counts: all.slice(start, start + MAX_COUNTS) });
  }
}
