import type { Trial } from "./trial.ts";

/** Something that is tried at every size. */
export interface Operation {
  readonly name: string;
  /** Rows that it may read. */
  readonly most: number;
  /**
   * "bounded": counts up to a bound, and reads as much at every size only beyond that. "unbounded": reads all that it adds
   * up; no request does.
   */
  readonly counts?: "bounded" | "unbounded";
  /** Gets ready. @returns the operation itself, which alone is measured */
  readonly ready: (trial: Trial) => Promise<Work> | Work;
}

export type Work = () => Promise<unknown>;
