import type { Revocations } from "../auth/identity-store.ts";
import type { Condition } from "./audit.ts";
import { NOW } from "./clock.ts";

export interface RevokedRow {
  readonly subject: string;
  readonly at: number;
}

const MINUTE = 60_000;

/**
 * The kinds of subjects, and for how many milliseconds the revocation of one matters: of a repository while facts from before
 * may be remembered (four minutes), of its being public while a registry token may hold (TOKEN_MINUTES is 60 at most), of the
 * others while there is a row (jobs/prune.ts).
 */
const KINDS = [
  { kind: "repository:", age: 5 * MINUTE },
  { kind: "public:", age: 61 * MINUTE },
  ...["user:", "token:", "robot:", "rule:"].map((kind) => ({ kind, age: null })),
];

/** So many of each kind are listed: every isolate reads them every half minute, whatever somebody deletes by the thousand. */
export const MAX_LISTED = 1_000;

/**
 * For the batch that takes many things of a repository away at once: what isolates remember of it holds no longer.
 * @param which over `repositories r`
 */
export function revokeFacts(db: D1Database, which: Condition): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO revocations (subject, revoked_at)
       SELECT 'repository:' || r.name, ${NOW} FROM repositories r WHERE ${which.sql}
       ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at`,
    )
    .bind(...which.parameters);
}

/** The newest revocations of each kind, and of each one more than are listed. */
export function listRevoked(db: D1Database): D1PreparedStatement {
  return db
    .prepare(
      `SELECT r.subject, r.revoked_at AS at FROM json_each(?1) k CROSS JOIN revocations r ON r.subject IN (
         SELECT subject FROM revocations INDEXED BY revocations_by_kind
         WHERE substr(subject, 1, instr(subject, ':')) = k.value ->> 'kind'
           AND revoked_at > ${NOW} - coalesce(k.value ->> 'age', ${NOW})
         ORDER BY revoked_at DESC LIMIT ?2)`,
    )
    .bind(JSON.stringify(KINDS), MAX_LISTED + 1);
}

export function parseRevoked(rows: readonly RevokedRow[]): Revocations {
  const kinds = Map.groupBy(rows, ({ subject }) => kindOf(subject));
  return {
    times: new Map(rows.map(({ subject, at }) => [subject, at])),
    // Those that are not here are as old as the oldest that is, or older.
    unlisted: new Map(
      [...kinds].flatMap(([kind, some]) =>
        some.length > MAX_LISTED ? [[kind, Math.min(...some.map(({ at }) => at))] as const] : [],
      ),
    ),
  };
}

function kindOf(subject: string): string {
  return subject.slice(0, subject.indexOf(":") + 1);
}
