/** The bindings of an environment, with each call as slow as its kind. */
import type { Env } from "../../../src/settings.ts";
import type { Wait } from "./call.ts";
import { type Clock, intercept, type Method } from "./clock.ts";

type Result = D1Result<Record<string, unknown>>;

export function slowEnv(env: Env, clock: Clock): Env {
  return {
    ...env,
    DB: new Databases(clock).slow(env.DB, "d1Primary"),
    BLOBS: slowBucket(env.BLOBS, clock),
    SESSIONS: slowSessions(env.SESSIONS, clock),
    EVENTS: slowCalls(env.EVENTS, clock, () => "queue"),
  };
}

/** The edge cache; another generation is an edge with an empty one. */
export function slowCaches(caches: CacheStorage, clock: Clock, generation: string): CacheStorage {
  return new Proxy(caches, {
    get(target, name) {
      if (name !== "open") throw new Error(`nobody slows caches.${String(name)}`);
      return async (cache: string): Promise<Cache> => {
        const opened = await target.open(`${generation}-${cache}`);
        return slowCalls(opened, clock, (method) =>
          method === "match" ? "cacheRead" : "cacheWrite",
        );
      };
    },
  });
}

/** Wraps an object all of whose methods are calls. */
function slowCalls<T extends object>(object: T, clock: Clock, waitOf: (method: string) => Wait): T {
  return intercept(
    object,
    (name, call) =>
      (...parameters) =>
        clock.call(waitOf(name), name, async () => call(...parameters)),
  );
}

class Databases {
  readonly #clock: Clock;
  /** The original statements, which D1 wants in a batch. */
  readonly #originals = new WeakMap<object, D1PreparedStatement>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  slow<T extends object>(database: T, wait: Wait): T {
    return intercept(database, (name, call) => (...parameters) => {
      switch (name) {
        case "prepare": {
          const [sql] = parameters as [string];
          return this.#statement(call(sql) as D1PreparedStatement, sql, wait);
        }
        case "batch":
          return this.#batch(call, parameters as [D1PreparedStatement[]], wait);
        case "withSession": {
          const isNearest = parameters[0] === "first-unconstrained";
          const session = call(...parameters) as D1DatabaseSession;
          return this.slow(session, isNearest ? "d1Replica" : "d1Primary");
        }
        case "getBookmark":
          return call();
        default:
          throw new Error(`nobody slows ${name} of a database`);
      }
    });
  }

  #statement(statement: D1PreparedStatement, sql: string, wait: Wait): D1PreparedStatement {
    const all = (): Promise<Result> =>
      this.#clock.call(wait, brief(sql), () => statement.all(), rowsOf);
    const slow = intercept(statement, (name, call) => (...parameters) => {
      switch (name) {
        case "bind":
          return this.#statement(call(...parameters) as D1PreparedStatement, sql, wait);
        case "all":
        case "run":
          return all();
        case "first":
          return all().then(({ results }) => results[0] ?? null);
        default:
          throw new Error(`nobody slows ${name} of a statement`);
      }
    });
    this.#originals.set(slow, statement);
    return slow;
  }

  #batch(call: Method, [statements]: [D1PreparedStatement[]], wait: Wait): Promise<Result[]> {
    const originals = statements.map((statement) => this.#originals.get(statement) ?? statement);
    const run = async (): Promise<Result[]> => (await call(originals)) as Result[];
    return this.#clock.call(wait, `batch of ${statements.length}`, run, (results) => {
      const rows = results.map(rowsOf);
      return {
        read: rows.reduce((sum, { read }) => sum + read, 0),
        written: rows.reduce((sum, { written }) => sum + written, 0),
      };
    });
  }
}

function rowsOf({ meta }: Result) {
  return { read: meta.rows_read, written: meta.rows_written };
}

function brief(sql: string): string {
  return sql.replaceAll(/\s+/g, " ").slice(0, 60);
}

const R2_READS = ["get", "head", "list"];

function waitOfR2(method: string): Wait {
  return R2_READS.includes(method) ? "r2Read" : "r2Write";
}

function slowBucket(bucket: R2Bucket, clock: Clock): R2Bucket {
  const slow = slowCalls(bucket, clock, waitOfR2);
  return new Proxy(slow, {
    get(target, name) {
      // This method makes no call: it returns an object whose methods are the calls.
      if (name !== "resumeMultipartUpload") return Reflect.get(target, name) as unknown;
      return (key: string, id: string) =>
        slowCalls(bucket.resumeMultipartUpload(key, id), clock, waitOfR2);
    },
  });
}

/** The first call of an object decides where it is placed, which takes longer than all later calls. */
function slowSessions(namespace: Env["SESSIONS"], clock: Clock): Env["SESSIONS"] {
  const known = new Set<string>();
  return intercept(namespace, (name, call) => (...parameters) => {
    if (name !== "getByName") throw new Error(`nobody slows ${name} of a namespace`);
    const id = String(parameters[0]);
    return intercept(call(...parameters) as object, (method, ask) => (...values) => {
      const wait = known.has(id) ? "object" : "objectNew";
      known.add(id);
      return clock.call(wait, method, async () => ask(...values));
    });
  });
}
