const DAY = 86_400_000;
/** How long it is known how often a tag was pulled on a day, of which each is a row. */
export const PULLS_KEPT = 400 * DAY;
/** Rows that one run forgets at most: more than a million a day. */
const BATCH = 5_000;

/** Forgets counts of pulls that are old; what is left waits for the next run. */
export async function expirePulls(db: D1Database, now: number): Promise<void> {
  await db
    .prepare(
      `DELETE FROM pulls WHERE (repository_id, tag, day) IN (
         SELECT repository_id, tag, day FROM pulls INDEXED BY pulls_by_day WHERE day < ?1 LIMIT ?2)`,
    )
    .bind(Math.floor((now - PULLS_KEPT) / DAY), BATCH)
    .run();
}
