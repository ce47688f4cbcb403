import type { JobIndex } from "../db/jobs.ts";
import type { Collector } from "../gc/job.ts";
import type { Retention } from "../retention/job.ts";
import type { Exporter } from "../backup/export.ts";
import type { FsckSample } from "../fsck/background.ts";

/** What goes on soon, through the queue, where one run was not enough. */
export type Job = "collect" | "export";

/** What the registry does of its own accord. */
export interface Upkeep {
  readonly collector: Collector;
  readonly exporter: Exporter;
  readonly fsckSample: FsckSample;
  readonly jobs: JobIndex;
  readonly retention: Retention;
  /** Has the database know the settings, and forgets what is old: each a job of its own. */
  readonly tidy: readonly (() => Promise<void>)[];
  /** Has a job go on soon. */
  readonly again: (job: Job) => Promise<unknown>;
}

/** One tick of the cron: each job takes a bounded step. One that fails does not keep the others from theirs. */
export async function runUpkeep(upkeep: Upkeep): Promise<void> {
  // What is about to be collected is told to the bucket first. What policies cost is their authors' doing, so they come last.
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

/** One run of a job, and the next one soon where it did not get to the end. */
export async function goOn(upkeep: Upkeep, job: Job): Promise<void> {
  const { collector, exporter, jobs, again } = upkeep;
  const more = job === "collect" ? (await collector.tick(jobs))?.more : await exporter.tick();
  if (more === true) await again(job);
}
