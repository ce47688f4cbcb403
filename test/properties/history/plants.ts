/** Bugs, planted into the real bindings between the Worker and its stores. */
import type { Env } from "../../../src/settings.ts";
import { intercept, type Method } from "../../support/bindings.ts";

/** Makes a database that rewrites some statements. */
function rewriting(db: D1Database, rewrite: (sql: string) => string): D1Database {
  return intercept(db, (name, call) => (...parameters) => {
    if (name === "withSession") return rewriting(call(...parameters) as D1Database, rewrite);
    if (name !== "prepare") return call(...parameters);
    return call(rewrite(parameters[0] as string));
  });
}

/** Nothing renews a blob's grace period: no HEAD, no mount, no finish. */
export function withoutTouch(env: Env): Env {
  return { ...env, DB: rewriting(env.DB, untouching) };
}

function untouching(sql: string): string {
  return sql.startsWith("UPDATE unreferenced_blobs SET since") ? `${sql} AND false` : sql;
}

/**
 * Garbage collection first reads what is due and then deletes it, whatever happened in between. The test drops what
 * would stop it.
 */
export function withoutCheck(env: Env): Env {
  const DB = intercept(env.DB, (name, call) => (...parameters) => {
    const [sql] = parameters as [string];
    const isUnlink = name === "prepare" && sql.startsWith("DELETE FROM repository_blobs AS l");
    return isUnlink ? { bind: unlinkLater(env.DB) } : call(...parameters);
  });
  return { ...env, DB };
}

export const CHECKS = ["DROP TRIGGER referenced_blob_stays"];

function unlinkLater(db: D1Database) {
  return (grace: number, limit: number) => ({
    async all() {
      const { results: due } = await db
        .prepare(
          `SELECT repository_id AS repository, digest FROM unreferenced_blobs
           WHERE since <= unixepoch('subsec') * 1000 - ?1 ORDER BY since LIMIT ?2`,
        )
        .bind(grace, limit)
        .all<{ repository: number; digest: string }>();
      await scheduler.wait(150);
      const remove = db.prepare(
        `DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest = ?2`,
      );
      const statements = due.map(({ repository, digest }) => remove.bind(repository, digest));
      if (statements.length > 0) await db.batch(statements);
      return { results: due };
    },
  });
}

/** A push moves the tag first, on its own. The test drops what would prevent that. */
export function withTagFirst(env: Env): Env {
  const moves = new WeakSet();
  const DB = intercept(env.DB, (name, call) => {
    if (name === "prepare") {
      return (sql) => {
        const statement = call(sql) as D1PreparedStatement;
        return movesTag(sql as string) ? noting(statement, moves) : statement;
      };
    }
    if (name !== "batch") return call;
    return async (statements) => {
      const first = (statements as D1PreparedStatement[]).filter((one) => moves.has(one));
      for (const statement of first) await statement.run();
      if (first.length > 0) await scheduler.wait(15);
      return call(statements);
    };
  });
  return { ...env, DB };
}

function movesTag(sql: string): boolean {
  return sql.startsWith("INSERT INTO tags") && sql.includes("FROM repositories r, json_each(?3) w");
}

/** Adds the statement to the set once it has its parameters. */
function noting(statement: D1PreparedStatement, set: WeakSet<object>): D1PreparedStatement {
  return intercept(statement, (_, call) => (...parameters) => {
    const result = call(...parameters) as object;
    set.add(result);
    return result;
  });
}

/** The table again, without its foreign key and its triggers. */
export const ORDER = [
  "DROP TABLE tags",
  `CREATE TABLE tags (
    repository_id INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (repository_id, name)
  ) WITHOUT ROWID`,
  "CREATE INDEX tags_by_digest ON tags (repository_id, digest)",
];

/** A session ignores the offset of a request's bytes, and appends them. */
export function withoutOffset(env: Env): Env {
  return withSessions(
    env,
    (name, call) =>
      (...parameters) =>
        name === "begin"
          ? call(parameters[0], { ...(parameters[1] as object), position: { kind: "next" } })
          : call(...parameters),
  );
}

/** Commits each request's write twice, as if a lost answer had been followed by another try. */
export function withDoubleCommit(env: Env): Env {
  const tickets = new WeakMap<Stub, unknown>();
  return withSessions(env, (name, call, stub) => async (...parameters) => {
    const answer = await call(...parameters);
    if (name === "begin") tickets.set(stub, parameters[0]);
    if (name !== "commit") return answer;
    const written = parameters[1] as Written;
    const { from, offset, tail, parts } = written;
    const again = { kind: "next" } as const;
    const length = offset - from;
    const ticket = tickets.get(stub) as never;
    const began = await stub.begin(ticket, { position: again, length, finish: null });
    if (parts.length > 0 || !("lease" in began)) return answer;
    const twice = { ...written, from: offset, offset: offset + length, tail };
    await stub.commit(began.lease.writer, twice as never);
    return answer;
  });
}

interface Written {
  readonly from: number;
  readonly offset: number;
  readonly tail: Uint8Array;
  readonly parts: readonly unknown[];
}

type Stub = ReturnType<Env["SESSIONS"]["getByName"]>;

function withSessions(env: Env, replace: (name: string, call: Method, stub: Stub) => Method): Env {
  const SESSIONS = new Proxy(env.SESSIONS, {
    get(sessions, name) {
      if (name !== "getByName") return Reflect.get(sessions, name) as unknown;
      return (id: string) => {
        const stub = sessions.getByName(id);
        return new Proxy(stub, {
          get(target, method) {
            const value: unknown = Reflect.get(target, method);
            if (typeof value !== "function" || typeof method !== "string") return value;
            const call: Method = (...parameters) => Reflect.apply(value, target, parameters);
            return replace(method, call, stub);
          },
        });
      };
    },
  });
  return { ...env, SESSIONS };
}
