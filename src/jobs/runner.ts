import type { JobStore } from "../db/jobs.ts";
import type { GarbageCollector } from "../gc/job.ts";
import type { Retention } from "../retention/job.ts";
import type { Exporter } from "../backup/export.ts";
import type { BackgroundFsck } from "../fsck/background.ts";

/** The jobs that continue soon, through the queue, if one run was not enough. */
export type Job = "collect" | "export";

/** The registry's maintenance jobs, and what they need. */
export interface Maintenance {
  readonly gc: GarbageCollector;
  readonly exporter: Exporter;
  readonly backgroundFsck: BackgroundFsck;
  readonly jobs: JobStore;
  readonly retention: Retention;
  /** Steps that store settings in the database or prune expired rows; each is run on its own. */
  readonly prune: readonly (() => Promise<void>)[];
  /** Enqueues a job, so that it continues soon. */
  readonly enqueue: (job: Job) => Promise<unknown>;
}

/**
 * Runs all jobs once, for one cron trigger. Each job does a bounded amount of work, and one that fails does not stop
 * the others.
 */
export async function runMaintenance(maintenance: Maintenance): Promise<void> {
  // The export runs before garbage collection, so that the backup has all changes before garbage collection acts on
  // them. Retention comes last, because its cost depends on the policies that users write.
  const jobs = [
    ...maintenance.prune,
    () => runJob(maintenance, "export"),
    () => runJob(maintenance, "collect"),
    () => maintenance.backgroundFsck.tick(),
    () => maintenance.retention.tick(),
  ];
  const failures: unknown[] = [];
  for (const job of jobs) await job().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, `upkeep: ${failures.join("; ")}`);
}

/** Runs a job once, and enqueues the next run if there is more to do. */
export async function runJob(maintenance: Maintenance, job: Job): Promise<void> {
  const { gc, exporter, jobs, enqueue } = maintenance;
  const more = job === "collect" ? (await gc.tick(jobs))?.more : await exporter.tick();
  if (more === true) await enqueue(job);
}
