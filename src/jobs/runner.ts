import type { Job } from "../events/message.ts";
import type { JobStore } from "../db/jobs.ts";
import type { GarbageCollector } from "../gc/job.ts";
import type { Retention } from "../retention/job.ts";
import type { Exporter } from "../backup/export.ts";
import type { BackgroundFsck } from "../fsck/background.ts";

/** What the registry does of its own accord. */
export interface Maintenance {
  readonly gc: GarbageCollector;
  readonly exporter: Exporter;
  readonly backgroundFsck: BackgroundFsck;
  readonly jobs: JobStore;
  readonly retention: Retention;
  /** Has the database know the settings, and forgets what is old: each a job of its own. */
  readonly prune: readonly (() => Promise<void>)[];
  /** Has a job go on soon. */
  readonly enqueue: (job: Job) => Promise<unknown>;
}

/** One tick of the cron: each job takes a bounded step. One that fails does not keep the others from theirs. */
export async function runMaintenance(maintenance: Maintenance): Promise<void> {
  // What is about to be collected is told to the bucket first. What policies cost is their authors' doing, so they come last.
  const jobs = [
    ...maintenance.prune,
    () => runJob(maintenance, "export"),
    () => runJob(maintenance, "gc"),
    () => maintenance.backgroundFsck.tick(),
    () => maintenance.retention.tick(),
  ];
  const failures: unknown[] = [];
  for (const job of jobs) await job().catch((error: unknown) => failures.push(error));
  if (failures.length > 0)
    throw new AggregateError(failures, `maintenance: ${failures.join("; ")}`);
}

/** One run of a job, and the next one soon where it did not get to the end. */
export async function runJob(maintenance: Maintenance, job: Job): Promise<void> {
  const { gc, exporter, jobs, enqueue } = maintenance;
  const more = job === "gc" ? (await gc.tick(jobs))?.more : await exporter.tick();
  if (more === true) await enqueue(job);
}
