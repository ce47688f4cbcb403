import { prepare } from "../db/sql.ts";

const DAY = 86_400_000;
/** How long counts of pulls are kept, in milliseconds; each tag and day is a row. */
export const PULLS_KEPT = 400 * DAY;
/** The most rows that one run deletes: more than a million a day. */
const BATCH = 5_000;

/** Deletes old counts of pulls, at most one batch; the rest waits for the next run. */
export async function expirePulls(db: D1Database, now: number): Promise<void> {
  await prepare(
    db,
    `DELETE FROM pulls WHERE (repository_id, tag, day) IN (
       SELECT repository_id, tag, day FROM pulls INDEXED BY pulls_by_day WHERE day < :firstDay LIMIT :batch)`,
    { firstDay: Math.floor((now - PULLS_KEPT) / DAY), batch: BATCH },
  ).run();
}
