/** The real bindings, with a count of the calls that go over the network. */
import { env } from "cloudflare:workers";
import { handle } from "../../src/app.ts";
import type { Env } from "../../src/env.ts";
import { ignore, type Send } from "./client.ts";

export interface Calls {
  /** Statements that were run on their own. */
  d1Queries: number;
  d1Batches: number;
  r2: number;
  durableObject: number;
}

type Method = (...parameters: unknown[]) => unknown;

/** Sends requests to the Worker and counts what it calls meanwhile. */
export class Counter {
  #calls = none();
  /** D1 wants its own statements in a batch. */
  readonly #originals = new WeakMap<object, object>();
  readonly #env: Env = {
    ...env,
    DB: this.#database(env.DB),
    BLOBS: this.#bucket(env.BLOBS),
    SESSIONS: this.#sessions(env.SESSIONS),
  };

  readonly send: Send = (request) => handle(request, this.#env, ignore);

  /** The calls of this work alone. */
  async during(work: () => Promise<unknown>): Promise<Calls> {
    this.#calls = none();
    await work();
    return this.#calls;
  }

  #database(database: D1Database): D1Database {
    return intercept(database, (name, call) => (...parameters) => {
      if (name === "prepare") return this.#statement(call(...parameters) as D1PreparedStatement);
      if (name !== "batch") throw new Error(`nobody counts ${name} of a database`);
      this.#calls.d1Batches++;
      const [statements] = parameters as [object[]];
      return call(statements.map((statement) => this.#originals.get(statement) ?? statement));
    });
  }

  #statement(statement: D1PreparedStatement): D1PreparedStatement {
    const counted = intercept(statement, (name, call) => (...parameters) => {
      if (name === "bind") return this.#statement(call(...parameters) as D1PreparedStatement);
      this.#calls.d1Queries++;
      return call(...parameters);
    });
    this.#originals.set(counted, statement);
    return counted;
  }

  #bucket(bucket: R2Bucket): R2Bucket {
    return intercept(bucket, (name, call) => (...parameters) => {
      // This one only makes an object of a name; its methods are the calls.
      if (name === "resumeMultipartUpload") {
        return this.#upload(call(...parameters) as R2MultipartUpload);
      }
      this.#calls.r2++;
      return call(...parameters);
    });
  }

  #upload(upload: R2MultipartUpload): R2MultipartUpload {
    return intercept(upload, (_, call) => (...parameters) => {
      this.#calls.r2++;
      return call(...parameters);
    });
  }

  #sessions(namespace: Env["SESSIONS"]): Env["SESSIONS"] {
    return intercept(namespace, (_, call) => (...parameters) => {
      const stub = call(...parameters) as object;
      return new Proxy(stub, {
        get: (target, name) => {
          const method: unknown = Reflect.get(target, name);
          if (typeof method !== "function") return method;
          return (...values: unknown[]) => {
            this.#calls.durableObject++;
            return Reflect.apply(method, target, values) as unknown;
          };
        },
      });
    });
  }
}

/** The object, with each of its methods replaced. */
function intercept<T extends object>(
  object: T,
  replace: (name: string, call: Method) => Method,
): T {
  return new Proxy(object, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function" || typeof name !== "string") return value;
      return replace(name, (...parameters) => Reflect.apply(value, target, parameters) as unknown);
    },
  });
}

function none(): Calls {
  return { d1Queries: 0, d1Batches: 0, r2: 0, durableObject: 0 };
}
