/** Checks a request, its answer and its deferred work against the limits of an invocation. */
import * as app from "../../src/app.ts";
import type { Defer } from "../../src/defer.ts";
import type { Env } from "../../src/settings.ts";
import worker from "../../src/worker.ts";
import { invoke, MAX_WAIT_UNTIL_MS, pausedMs, violation } from "./invocation.ts";

/** Cloudflare answers 414 to more before a Worker sees it. */
const MAX_URL_BYTES = 16 * 1024;
const MAX_HEADER_BYTES = 128 * 1024;

/** Handles a request as the application does; tests with bindings of their own call this function. */
export function handle(request: Request, env: Env, defer: Defer): Promise<Response> {
  return strictly(request, defer, (watched) => app.handle(request, env, watched));
}

/** Checks requests through the Worker's entry against the same limits. */
export function makeEntryStrict(): void {
  const fetch = worker.fetch.bind(worker);
  Object.assign(worker, {
    fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
      const defer = (work: Promise<unknown>) => context.waitUntil(work);
      return strictly(request, defer, (waitUntil) => {
        const watched = new Proxy(context, {
          get: (target, name) =>
            name === "waitUntil" ? waitUntil : (Reflect.get(target, name) as unknown),
        });
        return fetch(request as Parameters<typeof fetch>[0], env, watched);
      });
    },
  });
}

/** Runs a request as an invocation. @param run answers it, given the `waitUntil` that is watched */
export function strictly(
  request: Request,
  defer: Defer,
  run: (watched: Defer) => Promise<Response>,
): Promise<Response> {
  if (request.url.length > MAX_URL_BYTES) {
    throw new Error(`a URL of ${request.url.length} bytes: no Worker sees it in production`);
  }
  let endedAt: number | null = null;
  const watch = async (work: Promise<unknown>): Promise<void> => {
    await work.catch(() => {});
    if (endedAt !== null && pausedMs() - endedAt > MAX_WAIT_UNTIL_MS) {
      violation(`waitUntil: it is cut off ${MAX_WAIT_UNTIL_MS} ms after the answer`);
    }
  };
  return invoke(async () => {
    const response = await run((work) => {
      void watch(work);
      defer(work);
    });
    endedAt = pausedMs();
    const bytes = [...response.headers].reduce((sum, [name, value]) => {
      return sum + name.length + value.length + ": \r\n".length;
    }, 0);
    if (bytes > MAX_HEADER_BYTES) throw violation(`an answer with ${bytes} bytes of headers`);
    return response;
  });
}
