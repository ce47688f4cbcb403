import * as v from "valibot";
import type { Context } from "../http/context.ts";
import { readJson } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";

/** What JSON it is matters not, but no form of another site can send any. */
const Nothing = v.strictObject({});

/** How the collection's queues stand, and what its last run did. */
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

/** One bounded run at once; the answer says whether more is due. Null while the cron's own is under way. */
export async function run({ request, registry }: Context): Promise<Response> {
  await readJson(request, Nothing);
  const { gc, jobs } = registry;
  const done = await gc.tick(jobs);
  return Response.json({ run: done === null ? null : runJson(done) });
}

function runJson<T extends { readonly endedAt: number }>({ endedAt, ...counts }: T) {
  return { ...counts, endedAt: timestamp(endedAt) };
}
