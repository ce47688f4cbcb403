import type { RepositoryName, Tag } from "../oci/reference.ts";
import type { PullCount } from "../storage/pull-index.ts";
import type { EventMessage } from "./message.ts";

/** How long an isolate gathers pulls before it reports them, in milliseconds. */
const GATHER = 5_000;
/** A message of a queue holds 128 KB (developers.cloudflare.com/queues/platform/limits). */
const MAX_COUNTS = 200;
const DAY = 86_400_000;

/** Pulls since the last report, for each queue. */
const gathered = new WeakMap<Queue<EventMessage>, Map<string, PullCount>>();

/**
 * Counts a pull. The first one of a few seconds reports them all when these are over; an isolate that dies before loses
 * what it has gathered, no more.
 * @param defer keeps the isolate alive after the answer
 */
export function countPull(
  queue: Queue<EventMessage>,
  pull: { readonly repository: RepositoryName; readonly tag: Tag | null },
  defer: (work: Promise<unknown>) => void,
): void {
  const { repository, tag } = pull;
  const day = Math.floor(Date.now() / DAY);
  const key = `${repository} ${tag ?? ""} ${day}`;
  let counts = gathered.get(queue);
  if (counts === undefined) {
    counts = new Map();
    gathered.set(queue, counts);
    defer(report(queue, counts));
  }
  const before = counts.get(key)?.count ?? 0;
  counts.set(key, { repository, tag: tag ?? "", day, count: before + 1 });
}

async function report(
  queue: Queue<EventMessage>,
  counts: ReadonlyMap<string, PullCount>,
): Promise<void> {
  await scheduler.wait(GATHER);
  gathered.delete(queue);
  const all = [...counts.values()];
  for (let start = 0; start < all.length; start += MAX_COUNTS) {
    await queue.send({ kind: "pulls", counts: all.slice(start, start + MAX_COUNTS) });
  }
}
