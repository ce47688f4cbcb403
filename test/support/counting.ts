/** The real bindings, with a count of the calls that go over the network. */
import { env } from "cloudflare:workers";
import { handle } from "../production/request.ts";
import type { Env } from "../../src/settings.ts";
import { countPull } from "../../src/events/pull-counter.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName } from "../../src/oci/reference.ts";
import { ignore, type Send } from "./client.ts";
import { wrapEnv } from "./wrapped-env.ts";

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
  readonly #env: Env;

  constructor(bindings: Env = env) {
    this.#env = wrapEnv(bindings, {
      d1: ({ name }, next) => {
        if (name === "batch") this.#calls.d1Batches++;
        else this.#calls.d1Queries++;
        return next();
      },
      r2: ({ name, parameters }, next) => {
        this.#calls.r2++;
        if (name === "get") this.#opened.push(String(parameters[0]));
        return next();
      },
      session: (_, next) => {
        this.#calls.durableObject++;
        return next();
      },
    });
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
}
