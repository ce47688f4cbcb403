import type { JobStore } from "../db/jobs.ts";
import { endAfter, type Job, Lease, LeaseLost } from "./job.ts";

/** How long a job that another run holds waits, in seconds; a run takes seconds to minutes. */
const HELD_SECONDS = 30;

/** Has a job run, after so many seconds. */
type Enqueue = (job: string, delaySeconds?: number) => Promise<unknown>;

/** Runs the registry's jobs: all of them by the cron, and one of them soon by the queue. */
export class JobRunner {
  readonly #store: JobStore;
  readonly #jobs: readonly Job[];
  readonly #enqueue: Enqueue;

  /**
   * @param jobs in the order of their turns
   * @param enqueue has a job run soon, by a message in the queue
   */
  constructor(store: JobStore, jobs: readonly Job[], enqueue: Enqueue = () => Promise.resolve()) {
    this.#store = store;
    this.#jobs = jobs;
    this.#enqueue = enqueue;
  }

  /** The jobs in the order of their turns. */
  get names(): readonly string[] {
    return this.#jobs.map(({ name }) => name);
  }

  /** One tick of the cron: each job has a turn. @throws AggregateError of what failed, once all have had theirs */
  async runAll(): Promise<void> {
    const failures: unknown[] = [];
    for (const job of this.#jobs) {
      await this.#run(job).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, `jobs: ${failures.join("; ")}`);
  }

  /**
   * A turn of one job, that something asked for. While another run holds the job, it is asked for again later: that run
   * may be past what it was asked for.
   * @throws Error if there is no such job
   */
  async run(name: string): Promise<void> {
    const job = this.#jobs.find((one) => one.name === name);
    if (job === undefined) throw new Error(`there is no job ${name}`);
    if ((await this.#run(job)) === null) await this.#enqueue(name, HELD_SECONDS);
  }

  /** One turn, and the next one soon if this one did not get to the end. */
  async #run(job: Job): Promise<boolean | null> {
    const more = await this.turn(job);
    if (more === true) await this.#enqueue(job.name);
    return more;
  }

  /**
   * Takes as many steps of a job as a turn may have.
   * @returns whether more work is due; null while another run holds the job, and nothing was done
   */
  async turn<State extends object>(job: Job<State>): Promise<boolean | null> {
    for (let i = 0; i < job.maxSteps; i++) {
      const lease = await Lease.take(this.#store, job, i);
      if (lease === null) return i === 0 ? null : false;
      try {
        const step = await endAfter(lease, job.advance.bind(job));
        if (step?.more !== true) return false;
      } catch (error) {
        if (!(error instanceof LeaseLost)) throw error;
        return false;
      }
    }
    return true;
  }
}
