/** The Worker in this isolate as the place of a run, with real or wrapped bindings. */
import {
  applyD1Migrations,
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { handle } from "../../production/request.ts";
import type { Env } from "../../../src/settings.ts";
import { Bucket } from "../../../src/db/bucket.ts";
import { GcStore } from "../../../src/gc/store.ts";
import { GarbageCollector } from "../../../src/gc/job.ts";
import { ADMIN, ignore, INITIATOR, streamOf } from "../../support/client.ts";
import type { Bytes } from "../../support/images.ts";
import type { Asked, Answer } from "./client.ts";
import type { Ages } from "./model.ts";
import type { Place } from "./run.ts";

/** Makes an empty registry. */
export async function startAnew(): Promise<void> {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
}

/** @param planted makes other bindings of the real ones */
export function placeHere(ages: Ages, planted: (env: Env) => Env = (real) => real): Place {
  const settings = {
    GC_GRACE_HOURS: decimal(ages.grace / 3_600_000),
    TRASH_DAYS: decimal(ages.trash / 86_400_000),
  };
  const used = planted({ ...env, ...settings });
  return {
    send: (asked) => send(used, asked),
    isFragile: false,
    ready: () => Promise.resolve(),
    pause: (milliseconds) => scheduler.wait(milliseconds),
    async evict(upload) {
      // A session without any call is not in memory.
      await evictDurableObject(env.SESSIONS.getByName(upload)).catch(() => {});
    },
    collect: () => new GarbageCollector(new GcStore(used.DB), new Bucket(used.BLOBS), ages).run(),
    async expire(uploads) {
      await Promise.all(
        uploads.map(async (upload) => {
          const session = env.SESSIONS.getByName(upload);
          // The first alarm may only close the upload.
          while (await runDurableObjectAlarm(session));
        }),
      );
      return [];
    },
    inspect: (look) => look({ db: env.DB, bucket: env.BLOBS }),
  };
}

async function send(
  used: Env,
  { method, path, headers = {}, body, streamed }: Asked,
): Promise<Answer> {
  const all = new Headers({ authorization: ADMIN, ...headers });
  const isRead = method === "GET" || method === "HEAD";
  if (!isRead && streamed !== true) all.set("content-length", String(body?.length ?? 0));
  const content: Bytes | ReadableStream | null =
    body === undefined ? null : streamed === true ? streamOf(body) : body;
  const request = new Request(INITIATOR + path, { method, headers: all, body: content });
  const response = await handle(request, used, ignore);
  return {
    status: response.status,
    headers: response.headers,
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

/** Formats a number for a setting: never as 1e-7. */
function decimal(value: number): string {
  return value.toFixed(12);
}
