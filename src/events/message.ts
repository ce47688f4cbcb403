import type { AuditEvent } from "../storage/audit-index.ts";
import type { PullCount } from "../storage/pull-index.ts";

/** What goes through the queue: everything that no answer waits for. */
export type EventMessage =
  | { readonly kind: "audit"; readonly event: AuditEvent }
  | { readonly kind: "pulls"; readonly counts: readonly PullCount[] };
