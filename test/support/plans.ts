/** Reads how the database finds the rows of a statement. */
import { env } from "cloudflare:workers";

/** The real database, which also records every prepared statement. */
export function recorded(): { readonly db: D1Database; readonly statements: ReadonlySet<string> } {
  const statements = new Set<string>();
  const db: D1Database = new Proxy(env.DB, {
    get(target, name) {
      if (name === "withSession") return () => db;
      if (name === "batch") return (batch: D1PreparedStatement[]) => target.batch(batch);
      return (sql: string) => {
        statements.add(sql);
        return target.prepare(sql);
      };
    },
  });
  return { db, statements };
}

/** Returns the work's statements, each with its plan: a line for each table that it reads. */
export async function plansOf(
  work: (db: D1Database) => Promise<unknown>,
): Promise<{ sql: string; plan: string[] }[]> {
  const { db, statements } = recorded();
  await work(db);
  return Promise.all([...statements].map(async (sql) => ({ sql, plan: await planOf(sql) })));
}

export async function planOf(sql: string): Promise<string[]> {
  const count = Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number)));
  const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...Array.from({ length: count }, () => "[]"))
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

/** Subqueries with a LIMIT of their own, and one row, as an event is. */
const BOUNDED = [
  "parent",
  "holders",
  "named",
  "counted",
  "lister",
  "listed",
  "walked",
  "newest",
  "who",
  "e",
].map((name) => `SCAN ${name}`);

/** Returns the lines of a plan that scan a whole table; parameters and subqueries are scanned anyway. */
export function tableScans(plan: readonly string[]): string[] {
  const scans = plan.filter((line) => line.startsWith("SCAN"));
  return scans.filter(
    (line) => !BOUNDED.includes(line) && !/VIRTUAL TABLE|^SCAN \(|CONSTANT ROW/.test(line),
  );
}

/** A new repository looks for everything that refers to it, of which there is nothing yet. */
const OF_NEW_REPOSITORY = [
  ...["trashed_blobs", "pulls", "repository_blobs", "tag_history"].map(
    (table) => `SEARCH ${table} USING PRIMARY KEY (repository_id=?)`,
  ),
  "SEARCH manifests USING COVERING INDEX manifest_costs (repository_id=?)",
];

/**
 * Returns the lines of a plan that scan all rows of a repository. Without statistics the planner prefers a primary key
 * by its first column to an index by two columns, unless the index has all columns that are needed.
 */
export function repositoryScans(plan: readonly string[]): string[] {
  const isNew = OF_NEW_REPOSITORY.every((line) => plan.includes(line));
  const scanned = plan.filter((line) => line.endsWith("(repository_id=?)"));
  return isNew ? scanned.filter((line) => !OF_NEW_REPOSITORY.includes(line)) : scanned;
}
