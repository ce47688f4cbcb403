import type { Collector } from "./collector.ts";

/** What the registry does of its own accord. */
export interface Upkeep {
  readonly collector: Collector;
}

/** One tick of the cron: each job takes a bounded step. One that fails does not keep the others from theirs. */
export async function runUpkeep({ collector }: Upkeep): Promise<void> {
  const jobs = [() => collector.run()];
  const failures: unknown[] = [];
  for (const job of jobs) await job().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "some upkeep failed");
}
