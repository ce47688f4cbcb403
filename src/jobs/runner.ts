import type { JobIndex } from "../db/jobs.ts";
import type { Collector } from "../gc/job.ts";
import type { Retention } from "../retention/job.ts";
import type { Exporter } from "../backup/export.ts";
import type { FsckSample } from "../fsck/background.ts";

/** The jobs that continue soon, through the queue, if one run was not enough. */
export type Job = "collect" | "export";

/** The registry's maintenance jobs, and what they need. */
export interface Upkeep {
  readonly collector: Collector;
  readonly exporter: Exporter;
  readonly fsckSample: FsckSample;
  readonly jobs: JobIndex;
  readonly retention: Retention;
  /** Steps that store settings in the database or prune expired rows; each is run on its own. */
  readonly tidy: readonly (() => Promise<void>)[];
  /** Enqueues a job, so that it continues soon. */
  readonly again: (job: Job) => Promise<unknown>;
}

/**
 * Runs all jobs once, for one cron trigger. Each job does a bounded amount of work, and one that fails does not stop
 * the others.
 */
export async function runUpkeep(upkeep: Upkeep): Promise<void> {
  // The export runs before garbage collection, so that the backup has all changes before garbage collection acts on
  // them. Retention comes last, because its cost depends on the policies that users write.
  const jobs = [
    ...upkeep.tidy,
    () => goOn(upkeep, "export"),
    () => goOn(upkeep, "collect"),
    () => upkeep.fsckSample.tick(),
    () => upkeep.retention.tick(),
  ];
  const failures: unknown[] = [];
  for (const job of jobs) await job().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, `upkeep: ${failures.join("; ")}`);
}

/** Runs a job once, and enqueues the next run if there is more to do. */
export async function goOn(upkeep: Upkeep, job: Job): Promise<void> {
  const { collector, exporter, jobs, again } = upkeep;
  const more = job === "collect" ? (await collector.tick(jobs))?.more : await exporter.tick();
  if (more === true) await again(job);
}
