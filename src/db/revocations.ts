import type { Revocations } from "../auth/identity-store.ts";
import { NOW } from "./clock.ts";
import { ALWAYS, type Fragment, merge, prepare } from "./sql.ts";

export interface RevokedRow {
  readonly subject: string;
  readonly at: number;
}

const MINUTE = 60_000;

/** The kind of exchanged credentials, of which every CI job may revoke one. */
const CREDENTIAL = { kind: "credential:", age: 61 * MINUTE };

/**
 * The kinds of subjects, and how long each revocation is listed, in milliseconds: that of a repository, or of a namespace's
 * policy of pulls, while older entries may be in a pull cache (four minutes), that of its public visibility while an older registry token may be
 * valid (TOKEN_MINUTES is at most 60), that of a credential while it would be valid (an hour at most), all others until
 * their row is deleted (jobs/prune.ts).
 */
const KINDS = [
  { kind: "repository:", age: 5 * MINUTE },
  { kind: "policy:", age: 5 * MINUTE },
  { kind: "public:", age: 61 * MINUTE },
  CREDENTIAL,
  ...["user:", "token:", "robot:", "rule:"].map((kind) => ({ kind, age: null })),
];

/**
 * The most revocations that are listed of each kind: every isolate reads them every half minute, even if somebody
 * deletes things by the thousand.
 */
export const MAX_LISTED = 1_000;

/**
 * Returns the statement that revokes everything that was signed for the subject before. Every batch that takes rights
 * away contains it. (`public:<repository>`, `repository:<name>` and `policy:<namespace>`
 * are revoked by triggers in db/migrations.)
 * @param subject `user:<name>`, `user:<name>@<namespace>`, `token:<id>`, `robot:<name>`, `rule:<name>` or
 *   `credential:<id>`
 * @param condition says, before the change, whether it will take any right away: a refused change must revoke nothing
 */
export function revoke(
  db: D1Database,
  subject: string,
  condition: Fragment = ALWAYS,
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO revocations (subject, revoked_at) SELECT :subject, ${NOW} WHERE EXISTS (${condition.sql})
     ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at`,
    merge({ subject }, condition.values),
  );
}

/**
 * Returns the statement that invalidates all cached entries of a repository. A batch that removes many manifests or
 * blobs at once contains it.
 * @param which SQL over `repositories r`
 */
export function invalidateRepositories(db: D1Database, which: Fragment): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO revocations (subject, revoked_at)
     SELECT 'repository:' || r.name, ${NOW} FROM repositories r WHERE ${which.sql}
     ON CONFLICT (subject) DO UPDATE SET revoked_at = excluded.revoked_at`,
    which.values,
  );
}

/** Selects the newest revocations of each kind, one more than are listed, to see whether there are others. */
export function listRevoked(db: D1Database): D1PreparedStatement {
  return prepare(
    db,
    `SELECT r.subject, r.revoked_at AS at FROM json_each(:kinds) k CROSS JOIN revocations r ON r.subject IN (
       SELECT subject FROM revocations INDEXED BY revocations_by_kind
       WHERE substr(subject, 1, instr(subject, ':')) = k.value ->> 'kind'
         AND revoked_at > ${NOW} - coalesce(k.value ->> 'age', ${NOW})
       ORDER BY revoked_at DESC LIMIT :maxListed)`,
    { kinds: JSON.stringify(KINDS), maxListed: MAX_LISTED + 1 },
  );
}

export function parseRevoked(rows: readonly RevokedRow[]): Revocations {
  const kinds = Map.groupBy(rows, ({ subject }) => kindOf(subject));
  // Revocations that are not listed are as old as the oldest listed one, or older.
  const dropped = [...kinds].flatMap(([kind, some]) =>
    some.length > MAX_LISTED ? [[kind, Math.min(...some.map(({ at }) => at))] as const] : [],
  );
  // An upload may go on for a day with a token that has expired, so credentials that are no longer listed are looked up
  // then. The minute is for clocks that differ.
  const listedSince = Date.now() - (CREDENTIAL.age - MINUTE);
  return {
    times: new Map(rows.map(({ subject, at }) => [subject, at])),
    unlisted: new Map([[CREDENTIAL.kind, listedSince], ...dropped]),
  };
}

function kindOf(subject: string): string {
  return subject.slice(0, subject.indexOf(":") + 1);
}
