import type { Bucket } from "../db/bucket.ts";
import type { Ages, GcStore, Queues } from "./store.ts";
import type { JobStore } from "../db/jobs.ts";
import { type Job, type Lease, type Step, takeStep } from "../jobs/job.ts";

/** What one run did. */
export interface GcReport {
  /** Blobs that a repository lost, as no manifest of it named them. */
  readonly blobs: number;
  /** Objects deleted from R2, and objects whose deletion failed. */
  readonly objects: number;
  readonly failed: number;
  /** Deleted manifests, history entries of tags and deleted repositories whose trash window had ended. */
  readonly manifests: number;
  readonly pastTags: number;
  readonly repositories: number;
  /** Whether more is due than one run does. */
  readonly more: boolean;
}

/** The last run, as the overview shows it. */
export interface LastRun extends GcReport {
  /** Milliseconds since 1970. */
  readonly endedAt: number;
  readonly milliseconds: number;
}

/** The job's state, which is stored from run to run. */
interface State {
  readonly lastRun: LastRun | null;
  /** When the first run after that one failed, in milliseconds since 1970; null if none did. */
  readonly failedAt: number | null;
}

export interface Overview extends Queues, State {}

/**
 * The manifests that one pass deletes. Few, because one may have 10,000 references, all of which are deleted in the
 * same statement.
 */
const MANIFESTS = 50;
const ROWS = 500;
/**
 * The objects that one pass deletes: as many as R2 deletes in one call
 * (developers.cloudflare.com/r2/api/workers/workers-api-reference).
 */
const OBJECTS = 1_000;
/** The most passes of one run, about 10,000 blobs; what is left waits for the next run. */
const ROUNDS = 20;

/**
 * Runs garbage collection while the registry is in use, in bounded passes that keep no request waiting. Every statement
 * is safe by itself, so a run may break off at any point, and two may run at once. Rows are deleted first and bytes
 * last; the key of an object stays stored until its bytes are deleted.
 */
export class GarbageCollector implements Job<State> {
  readonly name = "gc";
  readonly leaseMs = 60_000;
  readonly maxSteps = 1;
  readonly #index: GcStore;
  readonly #bucket: Bucket;
  readonly #ages: Ages;

  constructor(index: GcStore, bucket: Bucket, ages: Ages) {
    this.#index = index;
    this.#bucket = bucket;
    this.#ages = ages;
  }

  /** @throws AggregateError of what failed, once everything else was done */
  async run(): Promise<GcReport> {
    let total = { blobs: 0, objects: 0, failed: 0, manifests: 0, pastTags: 0, repositories: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const { more, ...done } = await this.#round();
      total = {
        blobs: total.blobs + done.blobs,
        objects: total.objects + done.objects,
        failed: total.failed + done.failed,
        manifests: total.manifests + done.manifests,
        pastTags: total.pastTags + done.pastTags,
        repositories: total.repositories + done.repositories,
      };
      if (!more) return { ...total, more: false };
    }
    return { ...total, more: true };
  }

  /** Makes one run, and remembers it for the overview. */
  async advance(lease: Lease<State>): Promise<Step<State>> {
    const began = Date.now();
    try {
      const collected = await this.run();
      const lastRun = { ...collected, endedAt: Date.now(), milliseconds: Date.now() - began };
      return { state: { lastRun, failedAt: null }, more: collected.more };
    } catch (error) {
      return lease.fail({ lastRun: lease.state.lastRun ?? null, failedAt: Date.now() }, error);
    }
  }

  /** Makes one run now. @returns what it did; null while another run holds the job */
  async runOnce(jobs: JobStore): Promise<LastRun | null> {
    const step = await takeStep<State>(jobs, this, (lease) => this.advance(lease));
    return step?.state.lastRun ?? null;
  }

  async overview(jobs: JobStore): Promise<Overview> {
    const { lastRun = null, failedAt = null } = (await jobs.state<State>(this.name)) ?? {};
    return { ...(await this.#index.queues(this.#ages)), lastRun, failedAt };
  }

  async #round(): Promise<GcReport> {
    const failures: unknown[] = [];
    const attempt = async <T>(stage: Promise<T>, nothing: T): Promise<T> =>
      stage.catch((error: unknown) => {
        failures.push(error);
        return nothing;
      });
    const index = this.#index;
    const pastTags = await attempt(index.expireHistory(this.#ages, ROWS), 0);
    const manifests = await attempt(index.expireManifests(this.#ages, MANIFESTS), 0);
    const none = { rows: 0, gone: false };
    const drained = await attempt(index.drainRepository(this.#ages, ROWS), none);
    const blobs = await attempt(index.unlink(this.#ages, ROWS), 0);
    const { objects, failed } = await attempt(this.#deleteObjects(), { objects: 0, failed: 0 });
    const spent = await attempt(index.forgetKeys(ROWS), 0);
    if (failures.length > 0) throw new AggregateError(failures, `gc: ${failures.join("; ")}`);
    const full = [pastTags / ROWS, manifests / MANIFESTS, blobs / ROWS, objects / OBJECTS];
    const isFull = [...full, spent / ROWS];
    return {
      blobs,
      objects,
      failed,
      manifests,
      pastTags,
      repositories: drained.gone ? 1 : 0,
      more: drained.rows > 0 || drained.gone || isFull.includes(1),
    };
  }

  async #deleteObjects(): Promise<Pick<GcReport, "objects" | "failed">> {
    const keys = await this.#index.dueObjects(OBJECTS);
    if (keys.length === 0) return { objects: 0, failed: 0 };
    try {
      await this.#bucket.delete(keys);
    } catch (error) {
      console.error(error);
      await this.#index.postponeObjects(keys);
      return { objects: 0, failed: keys.length };
    }
    await this.#index.forgetObjects(keys);
    return { objects: keys.length, failed: 0 };
  }
}
