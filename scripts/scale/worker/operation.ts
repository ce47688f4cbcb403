import type { Trial } from "./trial.ts";

/** An operation that is tried at every size. */
export interface Operation {
  readonly name: string;
  /** The most rows that it may read. */
  readonly most: number;
  /**
   * "bounded": counts up to a bound, so it reads equally many rows only at sizes beyond that. "unbounded": reads all
   * rows that it adds up; no request does.
   */
  readonly counts?: "bounded" | "unbounded";
  /** Prepares the operation. @returns the operation itself, which alone is measured */
  readonly ready: (trial: Trial) => Promise<Work> | Work;
}

export type Work = () => Promise<unknown>;
