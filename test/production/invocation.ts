/**
 * The limits of one invocation of a Worker that the simulators do not enforce
 * (developers.cloudflare.com/workers/platform/limits, paid plan).
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Calls that may wait for their answer's headers at once; a further one waits for its turn. */
const MAX_CONNECTIONS = 6;
const MAX_SUBREQUESTS = 10_000;
/** Statements of D1; each statement of a batch counts. */
const MAX_QUERIES = 1_000;
/** How long `waitUntil` continues after the answer, or after the client has gone. */
export const MAX_WAIT_UNTIL_MS = 30_000;

const violations: string[] = [];

/** Records what production would have refused, for the running test. @returns the error that production throws */
export function violation(message: string): Error {
  violations.push(message);
  return new Error(message);
}

/** Returns the violations since the last call. */
export function takeViolations(): string[] {
  return violations.splice(0);
}

let skippedMs = 0;

/** Says that a test cut a pause short: for production's limits the whole pause has passed. */
export function skip(milliseconds: number): void {
  skippedMs += milliseconds;
}

/** The pauses that were cut short so far: a slow machine adds nothing to them. */
export function pausedMs(): number {
  return skippedMs;
}

/** Milliseconds on a clock that tests do not move, with the pauses that were cut short. */
export function now(): number {
  return performance.now() + skippedMs;
}

class Invocation {
  #connections = 0;
  readonly #queue: (() => void)[] = [];
  #subrequests = 0;
  #queries = 0;

  countSubrequest(): void {
    this.#subrequests++;
    if (this.#subrequests > MAX_SUBREQUESTS) throw violation("Too many subrequests.");
  }

  countQueries(statements: number): void {
    this.#queries += statements;
    if (this.#queries > MAX_QUERIES) {
      throw violation("D1_ERROR: Too many queries in one invocation of the Worker.");
    }
  }

  async connect<T>(run: () => T | Promise<T>): Promise<T> {
    if (this.#connections >= MAX_CONNECTIONS) {
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    } else this.#connections++;
    try {
      return await run();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#connections--;
      else next();
    }
  }
}

const running = new AsyncLocalStorage<Invocation>();

/** Runs work as an invocation of its own, unless it is part of one already. */
export function invoke<T>(work: () => T): T {
  return running.getStore() === undefined ? running.run(new Invocation(), work) : work();
}

/** Whether the running code is the Worker's, not the test's. */
export function isInvocation(): boolean {
  return running.getStore() !== undefined;
}

/** Runs a call that holds one of the six connections until its answer begins. A test's own calls have no limit. */
export function connect<T>(run: () => Promise<T>): Promise<T> {
  const invocation = running.getStore();
  if (invocation === undefined) return run();
  invocation.countSubrequest();
  return invocation.connect(run);
}

export function countQueries(statements: number): void {
  running.getStore()?.countQueries(statements);
}
