/** The Worker that `npm run bench -- --model` runs: the registry's own, with slow bindings. */
import worker, { UploadSession as Session } from "../../../src/worker.ts";
import type { Env } from "../../../src/settings.ts";
import type { EventMessage } from "../../../src/events/message.ts";
import type { Waits } from "./call.ts";
import { Clock } from "./clock.ts";
import { slowCaches, slowEnv } from "./slow.ts";

// Nobody reads the line that each request logs.
console.log = () => undefined;

const clock = new Clock();
/** One environment for the isolate, since the registry's caches belong to it. */
let slow: Env | null = null;

function environment(env: Env): Env {
  if (slow !== null) return slow;
  const value = slowCaches(caches, clock, crypto.randomUUID());
  Object.defineProperty(globalThis, "caches", { value, configurable: true });
  slow = slowEnv(env, clock);
  return slow;
}

/** Counts a session's work in its own storage, which is billed too. */
export class UploadSession extends Session {
  constructor(context: DurableObjectState, env: Env) {
    super(context, env);
    meter(context.storage);
  }
}

let isMetered = false;

function meter(storage: DurableObjectStorage): void {
  if (isMetered) return;
  isMetered = true;
  const { sql, kv } = storage;
  patch(Object.getPrototypeOf(sql) as object, "exec", (cursor) => {
    const { rowsRead, rowsWritten } = cursor as SqlStorageCursor<Record<string, SqlStorageValue>>;
    clock.countObjectRows({ read: rowsRead, written: rowsWritten });
  });
  const store = Object.getPrototypeOf(kv) as object;
  patch(store, "get", () => clock.countObjectRows({ read: 1, written: 0 }));
  patch(store, "put", () => clock.countObjectRows({ read: 0, written: 1 }));
  // An alarm that is set is billed as a row written (developers.cloudflare.com/durable-objects/platform/pricing).
  const alarms = Object.getPrototypeOf(storage) as object;
  patch(alarms, "setAlarm", () => clock.countObjectRows({ read: 0, written: 1 }));
}

function patch(prototype: object, name: string, note: (result: unknown) => void): void {
  const original: unknown = Reflect.get(prototype, name);
  if (typeof original !== "function") throw new Error(`there is no ${name} to meter`);
  const value = function (this: unknown, ...parameters: unknown[]): unknown {
    const result: unknown = Reflect.apply(original, this, parameters);
    note(result);
    return result;
  };
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
}

export default {
  ...worker,
  async fetch(request, env, context) {
    const wrapped = environment(env);
    switch (new URL(request.url).pathname) {
      case "/model/waits":
        clock.waits = await request.json<Waits>();
        return new Response(null, { status: 204 });
      case "/model/calls":
        return Response.json(clock.calls());
      case "/model/forget":
        clock.forget();
        return new Response(null, { status: 204 });
      default: {
        const id = request.headers.get("x-model-request");
        return clock.request.run(id, () => worker.fetch(request, wrapped, context));
      }
    }
  },
  queue(batch, env) {
    return clock.request.run(null, () => worker.queue(batch, environment(env)));
  },
} satisfies ExportedHandler<Env, EventMessage>;
