import { one } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { Nothing } from "../api/schema/common.ts";
import { timestamp } from "../http/resource.ts";
import { GcRun, GcState } from "./schema.ts";

/** Returns the state of garbage collection's queues, and the result of its last run. */
const read = endpoint(
  "GET /gc",
  {
    id: "readGc",
    summary: "Read what waits for garbage collection, and the last run",
    access: "administer",
    answer: one(GcState),
  },
  async ({ registry: { gc, jobs } }) => {
    const { blobs, objects, manifests, repositories, lastRun, failedAt } = await gc.overview(jobs);
    return {
      blobs: queueJson(blobs),
      objects: queueJson(objects),
      manifests: queueJson(manifests),
      repositories: queueJson(repositories),
      lastRun: lastRun === null ? null : runJson(lastRun),
      failedAt: failedAt === null ? null : timestamp(failedAt),
    };
  },
);

/**
 * Runs one bounded garbage collection. The answer says whether more is due; it is null while the run of the cron
 * trigger is in flight.
 */
const run = endpoint(
  "POST /gc",
  {
    id: "runGc",
    summary: "Run garbage collection once; `more` says whether to ask again",
    access: "administer",
    body: Nothing,
    answer: one(GcRun),
  },
  async ({ registry: { gc, jobs } }) => {
    const done = await gc.runOnce(jobs);
    return { run: done === null ? null : runJson(done) };
  },
);

export const GC: readonly Endpoint[] = [read, run];

function queueJson<T extends { readonly firstDueAt: number | null }>(queue: T) {
  const { firstDueAt } = queue;
  return { ...queue, firstDueAt: firstDueAt === null ? null : timestamp(firstDueAt) };
}

function runJson<T extends { readonly endedAt: number }>({ endedAt, ...counts }: T) {
  return { ...counts, endedAt: timestamp(endedAt) };
}
