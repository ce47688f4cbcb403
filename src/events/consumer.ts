import type { AuditIndex } from "../storage/audit-index.ts";
import type { PullIndex } from "../storage/pull-index.ts";
import type { EventMessage } from "./message.ts";

/**
 * Writes a batch of events, in at most two statements. If one fails the whole batch comes again: audit events are then
 * written once all the same, pulls may be counted twice.
 */
export async function consume(
  { messages }: MessageBatch<EventMessage>,
  stores: { readonly audit: AuditIndex; readonly pulls: PullIndex },
): Promise<void> {
  const events = messages.flatMap(({ body }) => (body.kind === "audit" ? body.event : []));
  const counts = messages.flatMap(({ body }) => (body.kind === "pulls" ? body.counts : []));
  if (events.length > 0) await stores.audit.add(events);
  if (counts.length > 0) await stores.pulls.add(counts);
}
