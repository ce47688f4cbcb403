/** Bugs, planted into the real bindings between the Worker and its stores. */
import type { Env } from "../../../src/settings.ts";
import { wrapEnv } from "../../support/wrapped-env.ts";

/** Nothing renews a blob's grace period: no HEAD, no mount, no finish. */
export function withoutTouch(env: Env): Env {
  return wrapEnv(env, {
    d1: ({ statements }, next) =>
      next(statements.map(({ text, values }) => ({ text: untouching(text), values }))),
  });
}

function untouching(sql: string): string {
  return sql.startsWith("UPDATE unreferenced_blobs SET since") ? `${sql} AND false` : sql;
}

/**
 * Garbage collection first reads what is due and then deletes it, whatever happened in between. The test drops what
 * would stop it.
 */
export function withoutCheck(env: Env): Env {
  return wrapEnv(env, {
    d1: ({ statements: [first] }, next) =>
      first?.text.startsWith("DELETE FROM repository_blobs AS l") === true
        ? unlinkLater(env.DB, first.values)
        : next(),
  });
}

export const CHECKS = ["DROP TRIGGER referenced_blob_stays"];

async function unlinkLater(db: D1Database, [graceMs, limit]: readonly unknown[]) {
  const { results: due } = await db
    .prepare(
      `SELECT repository_id AS repository, digest_id AS digest FROM unreferenced_blobs
       WHERE since <= unixepoch('subsec') * 1000 - ?1 ORDER BY since LIMIT ?2`,
    )
    .bind(graceMs, limit)
    .all<{ repository: number; digest: number }>();
  await scheduler.wait(150);
  const remove = db.prepare(
    `DELETE FROM repository_blobs WHERE repository_id = ?1 AND digest_id = ?2`,
  );
  const statements = due.map(({ repository, digest }) => remove.bind(repository, digest));
  if (statements.length > 0) await db.batch(statements);
  return { results: due };
}

/** A push moves the tag first, on its own. The test drops what would prevent that. */
export function withTagFirst(env: Env): Env {
  return wrapEnv(env, {
    d1: async ({ name, statements }, next) => {
      const first = name === "batch" ? statements.filter(({ text }) => movesTag(text)) : [];
      for (const { text, values } of first) {
        await env.DB.prepare(text)
          .bind(...values)
          .run();
      }
      if (first.length > 0) await scheduler.wait(15);
      return next();
    },
  });
}

function movesTag(sql: string): boolean {
  return sql.startsWith("INSERT INTO tags") && sql.includes("FROM repositories r, json_each(");
}

/** The table again, without the foreign key and the triggers that it has; a tag without a manifest has no size. */
export const ORDER = [
  "DROP TABLE tags",
  `CREATE TABLE tags (
    repository_id INTEGER NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, updated_at INTEGER NOT NULL,
    version_key TEXT NOT NULL DEFAULT '', size INTEGER, pulls INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (repository_id, name)
  ) WITHOUT ROWID`,
  "CREATE INDEX tags_by_digest ON tags (repository_id, digest)",
];

/** A session ignores the offset of a request's bytes, and appends them. */
export function withoutOffset(env: Env): Env {
  return wrapEnv(env, {
    session: ({ name, parameters: [ticket, given] }, next) =>
      name === "begin"
        ? next(ticket, { ...(given as object), position: { kind: "next" } })
        : next(),
  });
}

/** Commits each request's write twice, as if a lost answer had been followed by another try. */
export function withDoubleCommit(env: Env): Env {
  const tickets = new Map<string, unknown>();
  return wrapEnv(env, {
    session: async ({ name, parameters, id, stub }, next) => {
      const answer = await next();
      if (name === "begin") tickets.set(id, parameters[0]);
      if (name !== "commit") return answer;
      const written = parameters[1] as Written;
      const { from, offset, tail, parts } = written;
      const again = { kind: "next" } as const;
      const length = offset - from;
      const ticket = tickets.get(id) as never;
      const began = await stub.begin(ticket, { position: again, length, finish: null });
      if (parts.length > 0 || !("lease" in began)) return answer;
      const twice = { ...written, from: offset, offset: offset + length, tail };
      await stub.commit(began.lease.writer, twice as never);
      return answer;
    },
  });
}

interface Written {
  readonly from: number;
  readonly offset: number;
  readonly tail: Uint8Array;
  readonly parts: readonly unknown[];
}
