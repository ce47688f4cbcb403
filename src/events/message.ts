import type { PullCount, Use } from "./pull-store.ts";
import type { Dropped, Refusal } from "./budget.ts";

/** The job that hands events on. */
export const EVENTS_JOB = "events";

/** The messages of the queue: all work that no answer waits for. */
export type EventMessage =
  | ({ readonly kind: "audit" } & Refusal)
  | { readonly kind: "dropped"; readonly counts: readonly Dropped[] }
  | {
      readonly kind: "pulls";
      readonly counts: readonly PullCount[];
      /** Messages of older versions have none. */
      readonly uses?: readonly Use[];
    }
  /** Has a job take its next turn soon; the cron continues it if the message is lost. */
  | { readonly kind: "job"; readonly job: string };
