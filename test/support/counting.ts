/** The real bindings, with a count of the calls that go over the network. */
import { env } from "cloudflare:workers";
import { handle } from "../production/request.ts";
import type { Env } from "../../src/settings.ts";
import { intercept } from "./bindings.ts";
import { countPull } from "../../src/events/pull-counter.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName } from "../../src/oci/reference.ts";
import { ignore, type Send } from "./client.ts";

export interface Calls {
  /** Statements that were not part of a batch. */
  d1Queries: number;
  d1Batches: number;
  r2: number;
  durableObject: number;
}

export const NOTHING: Readonly<Calls> = { d1Queries: 0, d1Batches: 0, r2: 0, durableObject: 0 };

/** A pull from a repository that does not exist. */
const NOBODYS = {
  client: "nobody",
  index: null,
  repository: "nobody/nothing" as RepositoryName,
  tag: null,
  digest: `sha256:${"0".repeat(64)}` as Digest,
};

/**
 * Sends requests to the Worker and counts the calls that it makes for them; it acts as an isolate with a memory of its
 * own.
 */
export class Counter {
  #calls: Calls = { ...NOTHING };
  #opened: string[] = [];
  readonly #deferred: Promise<unknown>[] = [];
  /** The original statements, which D1 wants in a batch. */
  readonly #originals = new WeakMap<object, object>();
  readonly #env: Env;

  constructor(bindings: Env = env) {
    this.#env = {
      ...bindings,
      DB: this.#database(bindings.DB),
      BLOBS: this.#bucket(bindings.BLOBS),
      SESSIONS: this.#sessions(bindings.SESSIONS),
    };
  }

  readonly send: Send = (request) => {
    // The first pull that is counted starts a report five seconds later, which must not be counted here.
    countPull(this.#env.EVENTS, NOBODYS, ignore);
    return handle(request, this.#env, (work) => {
      this.#deferred.push(work);
    });
  };

  /** The keys of the objects that the last counted work read from R2. */
  get opened(): readonly string[] {
    return this.#opened;
  }

  /** Counts the calls of this work alone. */
  async during(work: () => Promise<unknown>): Promise<Calls> {
    this.#calls = { ...NOTHING };
    this.#opened = [];
    await work();
    return this.#calls;
  }

  /** Counts like `during`, and also the calls that no answer waits for. */
  duringAll(work: () => Promise<unknown>): Promise<Calls> {
    return this.during(async () => {
      await work();
      await this.settled();
    });
  }

  /** Waits for deferred work. */
  async settled(): Promise<void> {
    while (this.#deferred.length > 0) await this.#deferred.shift();
  }

  #database(database: D1Database): D1Database {
    return intercept(database, (name, call) => (...parameters) => {
      if (name === "prepare") return this.#statement(call(...parameters) as D1PreparedStatement);
      if (name === "withSession") return this.#database(call(...parameters) as D1Database);
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
      // This method makes no call: it returns an object whose methods are the calls.
      if (name === "resumeMultipartUpload") {
        return this.#upload(call(...parameters) as R2MultipartUpload);
      }
      this.#calls.r2++;
      if (name === "get") this.#opened.push(String(parameters[0]));
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
