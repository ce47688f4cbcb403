import * as v from "valibot";
import { someText, text, time } from "../api/schema/common.ts";

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
