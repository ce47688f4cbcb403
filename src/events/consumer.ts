import { retry } from "../db/retry.ts";
import type { PullStore } from "./pull-store.ts";
import type { RefusalStore } from "./refusal-store.ts";
import {
  admit,
  BUDGET_WINDOW,
  budgetOf,
  type Dropped,
  droppedOf,
  elsewhere,
  type Refusal,
  windowOf,
} from "./budget.ts";
import { type EventMessage, EVENTS_JOB } from "./message.ts";

/**
 * The most rows of a statement. They are one parameter of at most 2 MB (developers.cloudflare.com/d1/platform/limits).
 */
const MAX_ROWS = 1_000;

export interface Stores {
  readonly pulls: PullStore;
  readonly refusals: RefusalStore;
}

/**
 * Writes a batch of events. If a statement fails, the whole batch is delivered again: each refusal is still written
 * once, but pulls and suppressed refusals may be counted twice.
 */
export async function consume(
  { messages }: MessageBatch<EventMessage>,
  { pulls, refusals }: Stores,
  runJob: (job: string) => Promise<void>,
): Promise<void> {
  const refused = messages.flatMap(({ body }) => (body.kind === "audit" ? body : []));
  const dropped = messages.flatMap(({ body }) => (body.kind === "dropped" ? body.counts : []));
  const counts = messages.flatMap(({ body }) => (body.kind === "pulls" ? body.counts : []));
  const uses = messages.flatMap(({ body }) => (body.kind === "pulls" ? (body.uses ?? []) : []));
  for (const [since, some] of Map.groupBy(refused, ({ event }) => windowOf(event.time))) {
    dropped.push(...(await record(since, some, refusals)));
  }
  const sums = summed(await addressed(summed(dropped), refusals));
  const suppressed = sums.map((one) => ({ ...one, until: one.since + BUDGET_WINDOW }));
  for (const some of chunksOf(suppressed)) await refusals.suppress(some);
  for (const some of chunksOf(uses)) await pulls.use(some);
  for (const some of chunksOf(counts)) await pulls.add(some);
  const jobs = new Set(messages.flatMap(({ body }) => (body.kind === "job" ? body.job : [])));
  if (jobs.size > 0) {
    // It comes last: what the others did has events as well.
    jobs.delete(EVENTS_JOB);
    jobs.add(EVENTS_JOB);
  }
  for (const job of jobs) {
    // The cron continues a job that failed here; its failure must not cause the batch to be delivered again.
    await runJob(job).catch((error: unknown) => console.error(error));
  }
}

/** Records as many refusals of one window as its limits allow. @returns the number of the others */
function record(
  since: number,
  refused: readonly Refusal[],
  refusals: RefusalStore,
): Promise<Dropped[]> {
  const keys = new Set(
    refused.flatMap((one) =>
      budgetOf(one)
        .rooms.flat()
        .map(({ key }) => key),
    ),
  );
  const ids = refused.map(({ event }) => event.id);
  return retry(async () => {
    const before = await refusals.standing(since, [...keys], ids);
    const { admitted, counts, dropped } = admit(
      refused.filter(({ event }) => !before.known.has(event.id)),
      before.counts,
    );
    const events = admitted.map(({ event }) => event);
    const isDone = events.length === 0 || (await refusals.write(since, { events, counts }, before));
    return isDone ? dropped.map(droppedOf) : null;
  });
}

/** Requests can name any number of namespaces that do not exist, so refusals in those are counted together. */
async function addressed(dropped: readonly Dropped[], refusals: RefusalStore): Promise<Dropped[]> {
  const named = new Set(dropped.flatMap(({ namespace }) => namespace ?? []));
  const there = named.size === 0 ? named : await refusals.namespacesAmong([...named]);
  return dropped.map((one) =>
    one.namespace === undefined || there.has(one.namespace) ? one : elsewhere(one),
  );
}

function summed(all: readonly Dropped[]): Dropped[] {
  const groups = Map.groupBy(all, ({ since, of }) => `${since} ${of}`);
  return [...groups.values()].flatMap((some) => {
    const [first] = some;
    if (first === undefined) return [];
    return { ...first, count: some.reduce((sum, { count }) => sum + count, 0) };
  });
}

function chunksOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / MAX_ROWS) }, (_, i) =>
    all.slice(i * MAX_ROWS, (i + 1) * MAX_ROWS),
  );
}
