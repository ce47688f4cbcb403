/** The real bindings, with a number for each call; one of the calls fails. */
import { env } from "cloudflare:workers";
import type { Env } from "../../../src/settings.ts";
import type { Multipart } from "../../../src/db/bucket.ts";
import { moveElsewhere } from "../../support/bindings.ts";
import { type Call, type Next, wrapEnv } from "../../support/wrapped-env.ts";

/** The fault of a call. */
export type Mode =
  /** The call fails and has no effect. */
  | "lost"
  /** The call takes effect, but its answer does not arrive. */
  | "unanswered"
  /** Like `lost` and `unanswered`, with the message by which R2 asks for another try. */
  | "busy"
  | "busy, but done"
  /** The call is so slow that something else happens before it, or between it and its answer. */
  | "late"
  | "late to answer";

export interface Fault {
  /** The number of the call, from 0. */
  readonly call: number;
  readonly mode: Mode;
  /** The work that happens during a slow call. */
  readonly meanwhile?: () => Promise<void>;
}

type Service = "D1" | "R2" | "session" | "queue" | "limit";

/** The platform's messages (developers.cloudflare.com/d1/observability/debug-d1, /r2/api/error-codes). */
const OUTAGES: Readonly<Record<Service, string>> = {
  D1: "D1_ERROR: Network connection lost.",
  R2: "Network connection lost.",
  session: "Network connection lost.",
  queue: "Queue send failed: Service Unavailable",
  limit: "Network connection lost.",
};
const BUSY = "We encountered an internal error. Please try again. (10001)";

/** It follows the answer and saves time alone, whatever becomes of it: the cron hands events on as well. */
function isKick({ parameters: [message] }: Call): boolean {
  return JSON.stringify(message) === JSON.stringify({ kind: "job", job: "events" });
}

export class Faults {
  /** The calls so far. */
  readonly calls: string[] = [];
  /** The names of the sessions that were called. */
  readonly sessions = new Set<string>();
  /** The multipart uploads that were started and whose ids are known. */
  readonly multiparts: Multipart[] = [];
  /** Whether the fault has happened. */
  happened = false;
  readonly #fault: Fault | null;
  readonly env: Env;

  constructor(fault: Fault | null = null, settings: Partial<Env> = {}) {
    this.#fault = fault;
    // Nothing that is asked for is cached.
    moveElsewhere();
    const faulty = (service: Service) => (call: Call, next: Next) =>
      this.#call(service, call.name, next);
    const wrapped = wrapEnv(env, {
      d1: ({ name }, next) => this.#call("D1", name, next),
      r2: (call, next) => this.#bucket(call.name, next),
      session: ({ id, name }, next) => {
        this.sessions.add(id);
        return this.#call("session", name, next);
      },
      queue: (call, next) => (isKick(call) ? next() : this.#call("queue", call.name, next)),
      limit: faulty("limit"),
    });
    this.env = { ...wrapped, ...settings };
  }

  async #call(service: Service, name: string, call: () => unknown): Promise<unknown> {
    const number = this.calls.push(`${service} ${name}`) - 1;
    const fault = this.#fault;
    if (fault === null || fault.call !== number) return call();
    this.happened = true;
    const { mode, meanwhile } = fault;
    if (mode === "late") await meanwhile?.();
    if (mode === "lost" || mode === "busy") throw outage(service, mode);
    const answer = await call();
    if (mode === "unanswered" || mode === "busy, but done") {
      if (answer instanceof Object && "body" in answer) {
        await (answer as R2ObjectBody).body.cancel();
      }
      throw outage(service, mode);
    }
    if (mode === "late to answer") await meanwhile?.();
    return answer;
  }

  async #bucket(name: string, next: Next): Promise<unknown> {
    const answer = await this.#call("R2", name, next);
    if (name === "createMultipartUpload") {
      const { key, uploadId } = answer as R2MultipartUpload;
      this.multiparts.push({ key, uploadId });
    }
    return answer;
  }
}

/** Returns whether the call can fail in this way: only R2 asks for another try. */
export function applies(mode: Mode, call: string): boolean {
  return !mode.startsWith("busy") || call.startsWith("R2 ");
}

function outage(service: Service, mode: Mode): Error {
  return new Error(mode.startsWith("busy") ? BUSY : OUTAGES[service]);
}
