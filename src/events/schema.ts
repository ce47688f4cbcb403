import * as v from "valibot";
import { count, someText, text, time } from "../api/schema/common.ts";

export const OUTCOMES = ["done", "denied", "failed"] as const;

export const AuditEvent = v.object({
  id: text,
  time,
  actor: someText,
  subject: someText,
  via: text,
  action: text,
  namespace: someText,
  repository: someText,
  reference: someText,
  digest: someText,
  detail: someText,
  address: someText,
  agent: someText,
  requestId: text,
  outcome: v.picklist(OUTCOMES),
});
export type AuditEvent = v.InferOutput<typeof AuditEvent>;

/** The fields that an entry need not have. */
export const NO_FIELDS = {
  namespace: null,
  repository: null,
  reference: null,
  digest: null,
  detail: null,
};

/** An event that a subscriber failed to receive. */
export const DeadEvent = v.object({
  id: text,
  subscriber: text,
  order: count,
  error: text,
  since: time,
  event: AuditEvent,
});
export type DeadEvent = v.InferOutput<typeof DeadEvent>;
