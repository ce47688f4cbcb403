/** The calls of a Worker whose bindings are as slow as those of a deployment are assumed to be. */

/** The kinds of waits of a call; each has its time (scripts/model/times.json). */
export type Wait =
  | "d1Primary"
  | "d1Replica"
  | "r2Read"
  | "r2Write"
  | "objectNew"
  | "object"
  | "queue"
  | "cacheRead"
  | "cacheWrite";

/** The milliseconds of each kind of wait. */
export type Waits = Readonly<Record<Wait, number>>;

export interface Call {
  /** The `x-model-request` of the request that made it; null for work outside of any request. */
  readonly request: string | null;
  readonly wait: Wait;
  /** The method, or the statement's beginning. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  /** By D1's own count; 0 elsewhere. */
  readonly rowsRead: number;
  readonly rowsWritten: number;
}

/** The answer of `/model/calls`. */
export interface Calls {
  readonly ended: readonly Call[];
  /** Calls that have begun and not ended. */
  readonly busy: number;
  /** Rows that the Durable Objects read from and wrote into their own storage. */
  readonly objectRowsRead: number;
  readonly objectRowsWritten: number;
}
