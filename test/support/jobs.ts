/** Jobs, run as the cron and the queue run them. */
import { env } from "cloudflare:workers";
import { JobStore } from "../../src/db/jobs.ts";
import type { Job } from "../../src/jobs/job.ts";
import { JobRunner } from "../../src/jobs/runner.ts";

/** Takes a turn of one job. @returns whether more work is due; null while another run holds the job */
export function turn<State extends object>(job: Job<State>): Promise<boolean | null> {
  return new JobRunner(new JobStore(env.DB), []).turn(job);
}
