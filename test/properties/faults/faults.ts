/** The real bindings, with a number for each call; one of the calls fails. */
import { env } from "cloudflare:workers";
import type { Env } from "../../../src/settings.ts";
import type { Multipart } from "../../../src/db/bucket.ts";
import { intercept, moveElsewhere } from "../../support/bindings.ts";

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
  /** The original statements, which D1 wants in a batch. */
  readonly #originals = new WeakMap<object, object>();
  readonly env: Env;

  constructor(fault: Fault | null = null, settings: Partial<Env> = {}) {
    this.#fault = fault;
    // Nothing that is asked for is cached.
    moveElsewhere();
    this.env = {
      ...env,
      DB: this.#database(env.DB),
      BLOBS: this.#bucket(env.BLOBS),
      SESSIONS: this.#sessions(env.SESSIONS),
      EVENTS: this.#every("queue", env.EVENTS),
      PASSWORD_LIMIT: this.#every("limit", env.PASSWORD_LIMIT),
      STRANGER_LIMIT: this.#every("limit", env.STRANGER_LIMIT),
      TOKEN_LIMIT: this.#every("limit", env.TOKEN_LIMIT),
      DENIED_LIMIT: this.#every("limit", env.DENIED_LIMIT),
      ...settings,
    };
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

  #every<T extends object>(service: Service, binding: T): T {
    return intercept(
      binding,
      (name, call) =>
        (...parameters) =>
          this.#call(service, name, () => call(...parameters)),
    );
  }

  #database(database: D1Database): D1Database {
    return intercept(database, (name, call) => (...parameters) => {
      if (name === "prepare") return this.#statement(call(...parameters) as D1PreparedStatement);
      if (name === "withSession") return this.#database(call(...parameters) as D1Database);
      if (name !== "batch") throw new Error(`nobody makes ${name} of a database fail`);
      const [statements] = parameters as [object[]];
      const originals = statements.map((statement) => this.#originals.get(statement) ?? statement);
      return this.#call("D1", name, () => call(originals));
    });
  }

  #statement(statement: D1PreparedStatement): D1PreparedStatement {
    const counted = intercept(statement, (name, call) => (...parameters) => {
      if (name === "bind") return this.#statement(call(...parameters) as D1PreparedStatement);
      return this.#call("D1", name, () => call(...parameters));
    });
    this.#originals.set(counted, statement);
    return counted;
  }

  #bucket(bucket: R2Bucket): R2Bucket {
    return intercept(bucket, (name, call) => (...parameters) => {
      // This method makes no call: it returns an object whose methods are the calls.
      if (name === "resumeMultipartUpload") {
        return this.#every("R2", call(...parameters) as R2MultipartUpload);
      }
      return this.#call("R2", name, () => call(...parameters)).then((answer) => {
        if (name === "createMultipartUpload") {
          const { key, uploadId } = answer as R2MultipartUpload;
          this.multiparts.push({ key, uploadId });
        }
        return answer;
      });
    });
  }

  #sessions(namespace: Env["SESSIONS"]): Env["SESSIONS"] {
    return intercept(namespace, (_, call) => (...parameters) => {
      this.sessions.add(String(parameters[0]));
      const stub = call(...parameters) as object;
      return new Proxy(stub, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== "function" || typeof name !== "string") return method;
          return (...values: unknown[]) =>
            this.#call("session", name, () => Reflect.apply(method, target, values));
        },
      });
    });
  }
}

/** Returns whether the call can fail in this way: only R2 asks for another try. */
export function applies(mode: Mode, call: string): boolean {
  return !mode.startsWith("busy") || call.startsWith("R2 ");
}

function outage(service: Service, mode: Mode): Error {
  return new Error(mode.startsWith("busy") ? BUSY : OUTAGES[service]);
}
