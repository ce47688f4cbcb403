/** The bindings of an environment, with each call as slow as its kind. */
import type { Env } from "../../../src/settings.ts";
import type { Wait } from "./call.ts";
import { type D1Call, intercept, wrapEnv } from "../../../test/support/wrapped-env.ts";
import type { Clock } from "./clock.ts";

type Result = D1Result<Record<string, unknown>>;

export function slowEnv(env: Env, clock: Clock): Env {
  /** The first call of an object decides where in the world it lives, which takes longer than all that follow. */
  const known = new Set<string>();
  return wrapEnv(env, {
    d1: (call) => slowStatements(call, clock),
    r2: ({ name }, next) => clock.call(waitOfR2(name), name, () => next()),
    session: ({ id, name }, next) => {
      const wait = known.has(id) ? "object" : "objectNew";
      known.add(id);
      return clock.call(wait, name, () => next());
    },
    queue: ({ name }, next) => clock.call("queue", name, () => next()),
  });
}

/** The edge cache; another generation is an edge with an empty one. */
export function slowCaches(caches: CacheStorage, clock: Clock, generation: string): CacheStorage {
  return new Proxy(caches, {
    get(target, name) {
      if (name !== "open") throw new Error(`nobody slows caches.${String(name)}`);
      return async (cache: string): Promise<Cache> => {
        const opened = await target.open(`${generation}-${cache}`);
        return intercept(opened, (method, call) => async (...parameters) => {
          const wait = method === "match" ? "cacheRead" : "cacheWrite";
          return clock.call(wait, method, async () => call(...parameters));
        });
      };
    },
  });
}

async function slowStatements(call: D1Call, clock: Clock): Promise<unknown> {
  const { name, statements, session, results } = call;
  const isBatch = name === "batch";
  if (!isBatch && !["all", "run", "first"].includes(name)) {
    throw new Error(`nobody slows ${name} of a statement`);
  }
  const what = isBatch ? `batch of ${statements.length}` : brief(statements[0]?.text ?? "");
  const wait = session === "first-unconstrained" ? "d1Replica" : "d1Primary";
  const all = await clock.call(wait, what, results, (answers) => {
    const rows = answers.map(rowsOf);
    return {
      read: rows.reduce((sum, { read }) => sum + read, 0),
      written: rows.reduce((sum, { written }) => sum + written, 0),
    };
  });
  if (isBatch) return all;
  return name === "first" ? (all[0]?.results[0] ?? null) : all[0];
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
