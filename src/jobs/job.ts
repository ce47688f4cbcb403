import type { JobStore, LeasedJob } from "../db/jobs.ts";

/**
 * Work that the registry does by itself, in bounded steps. Any step may be repeated after a crash. The runner holds the
 * lease during a step, so nobody else takes one of the same job.
 */
export interface Job<State extends object = object> {
  /** The job's row in the table `jobs`, where its state is kept from step to step. */
  readonly name: string;
  /** Milliseconds. A step takes seconds to minutes; one that still holds the lease after this time counts as dead. */
  readonly leaseMs: number;
  /** The most steps of one turn: a Worker may make only so many queries (developers.cloudflare.com/d1/platform/limits). */
  readonly maxSteps: number;
  /** Takes one step. @returns null if there was nothing to do */
  readonly advance: (lease: Lease<State>) => Promise<Step<State> | null>;
}

export interface Step<State extends object> {
  /** The new state, which the runner stores. */
  readonly state: State;
  /** Whether more work is due at once. */
  readonly more: boolean;
}

/** The lease of one step. A new one has the state that the last step stored. */
export class Lease<State extends object> {
  /** The steps of the same turn before this one. */
  readonly stepsBefore: number;
  readonly #jobs: JobStore;
  readonly #leaseMs: number;
  #held: LeasedJob<State>;

  private constructor(
    jobs: JobStore,
    held: LeasedJob<State>,
    { leaseMs, stepsBefore }: { readonly leaseMs: number; readonly stepsBefore: number },
  ) {
    this.#jobs = jobs;
    this.#held = held;
    this.#leaseMs = leaseMs;
    this.stepsBefore = stepsBefore;
  }

  /** Takes the lease of a job. @returns null while another one holds it */
  static async take<State extends object>(
    jobs: JobStore,
    { name, leaseMs }: Pick<Job<State>, "name" | "leaseMs">,
    stepsBefore = 0,
  ): Promise<Lease<State> | null> {
    const held = await jobs.acquire<State>(name, leaseMs);
    return held === null ? null : new Lease(jobs, held, { leaseMs, stepsBefore });
  }

  /** The state that was stored last. It is empty before the first step of all. */
  get state(): Partial<State> {
    return this.#held.state;
  }

  /**
   * Stores a state in the middle of a step, and has the lease last anew.
   * @throws LeaseLost if the step took longer than the lease and another one began
   */
  async save(state: State): Promise<void> {
    const held = await this.#jobs.renew(this.#held, state, this.#leaseMs);
    if (held === null) throw new LeaseLost(`another run of ${this.#held.name} has begun`);
    this.#held = held;
  }

  /**
   * Stores how far a step got that failed, and throws its error. A lease that was lost meanwhile must not hide the error:
   * the runner takes LeaseLost for no failure.
   */
  async fail(state: State, error: unknown): Promise<never> {
    await this.save(state).catch((unsaved: unknown) => console.error(unsaved));
    throw error;
  }

  /**
   * Ends the lease.
   * @param state the new state; by default the one that was stored last
   * @returns false if another run has taken the job: the stored state is then its own
   */
  end(state: object = this.state): Promise<boolean> {
    return this.#jobs.release(this.#held, state);
  }
}

/** Another run holds the lease: this one stops and leaves the state to it. */
export class LeaseLost extends Error {}

/** Holds a job for one step. @returns the step; null if there was nothing to do, or while another one holds the job */
export async function takeStep<State extends object>(
  jobs: JobStore,
  job: Pick<Job<State>, "name" | "leaseMs">,
  step: (lease: Lease<State>) => Promise<Step<State> | null>,
): Promise<Step<State> | null> {
  const lease = await Lease.take(jobs, job);
  return lease === null ? null : endAfter(lease, step);
}

/** Takes a step under a lease, and ends the lease whatever happens. */
export async function endAfter<State extends object>(
  lease: Lease<State>,
  step: (lease: Lease<State>) => Promise<Step<State> | null>,
): Promise<Step<State> | null> {
  let done: Step<State> | null = null;
  try {
    done = await step(lease);
  } finally {
    await lease.end(done?.state);
  }
  return done;
}

/** Makes a job that keeps no state and does all its work in one step. */
export function statelessJob(name: string, work: () => Promise<unknown>): Job {
  return {
    name,
    leaseMs: 300_000,
    maxSteps: 1,
    async advance() {
      await work();
      return null;
    },
  };
}
