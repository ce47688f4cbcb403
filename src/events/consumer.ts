import type { AuditIndex } from "../storage/audit-index.ts";
import type { PullIndex } from "../storage/pull-index.ts";
import { type EventMessage, type Job, JOBS } from "./message.ts";

/** Rows that one statement takes; they are one parameter of at most 2 MB (developers.cloudflare.com/d1/platform/limits). */
const MAX_ROWS = 1_000;

/**
 * Writes a batch of events. If a statement fails the whole batch comes again: audit events are then written once all the
 * same, pulls may be counted twice.
 */
export async function consume(
  { messages }: MessageBatch<EventMessage>,
  stores: { readonly audit: AuditIndex; readonly pulls: PullIndex },
  goOn: (job: Job) => Promise<void>,
): Promise<void> {
  const events = messages.flatMap(({ body }) => (body.kind === "audit" ? body.event : []));
  const counts = messages.flatMap(({ body }) => (body.kind === "pulls" ? body.counts : []));
  const uses = messages.flatMap(({ body }) => (body.kind === "pulls" ? (body.uses ?? []) : []));
  for (const some of chunksOf(events)) await stores.audit.add(some);
  for (const some of chunksOf(uses)) await stores.pulls.use(some);
  for (const some of chunksOf(counts)) await stores.pulls.add(some);
  for (const job of JOBS) {
    if (messages.every(({ body }) => body.kind !== job)) continue;
    // What it does not get done the cron does; the batch is not to come again for it.
    await goOn(job).catch((error: unknown) => console.error(error));
  }
}

function chunksOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / MAX_ROWS) }, (_, i) =>
    all.slice(i * MAX_ROWS, (i + 1) * MAX_ROWS),
  );
}
