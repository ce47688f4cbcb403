import * as v from "valibot";
import type { Context } from "../http/context.ts";
import { readJson } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";

/** An empty JSON object. It is required because no HTML form of another site can send JSON. */
const Nothing = v.strictObject({});

/** Returns the state of garbage collection's queues, and the result of its last run. */
export async function read({ registry }: Context): Promise<Response> {
  const { gc, jobs } = registry;
  const { lastRun, failedAt, ...queues } = await gc.overview(jobs);
  const toJson = Object.fromEntries(
    Object.entries(queues).map(([name, { firstDueAt, ...queue }]) => [
      name,
      { ...queue, firstDueAt: firstDueAt === null ? null : timestamp(firstDueAt) },
    ]),
  );
  return Response.json({
    ...toJson,
    lastRun: lastRun === null ? null : runJson(lastRun),
    failedAt: failedAt === null ? null : timestamp(failedAt),
  });
}

/**
 * Runs one bounded garbage collection. The answer says whether more is due; it is null while the run of the cron
 * trigger is in flight.
 */
export async function run({ request, registry }: Context): Promise<Response> {
  await readJson(request, Nothing);
  const { gc, jobs } = registry;
  const done = await gc.tick(jobs);
  return Response.json({ run: done === null ? null : runJson(done) });
}

function runJson<T extends { readonly endedAt: number }>({ endedAt, ...counts }: T) {
  return { ...counts, endedAt: timestamp(endedAt) };
}
