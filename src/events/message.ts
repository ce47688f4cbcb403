import type { PullCount, Use } from "./pull-store.ts";
import type { Dropped, Refusal } from "./budget.ts";

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
  | { readonly kind: Job };

/** The jobs that are continued soon when one run was not enough: garbage collection, and the export. */
export const JOBS = ["gc", "export"] as const;
export type Job = (typeof JOBS)[number];
