import { NOW } from "../db/clock.ts";
import { ROW_BYTES } from "../db/cost.ts";
import { forgetObjects } from "../db/object-deletions.ts";
import { prepare } from "../db/sql.ts";

/** How long things stay before they are deleted, in milliseconds. */
export interface Ages {
  /** The grace period of a blob that no manifest names. */
  readonly grace: number;
  /** The trash window of deleted tags, manifests and repositories. */
  readonly trash: number;
}

/** What waits for garbage collection. Counts stop at MAX_COUNTED. */
export interface Queue {
  readonly waiting: number;
  readonly due: number;
  /** When the first of them was or will be due, in milliseconds since 1970; null if there is none. */
  readonly firstDueAt: number | null;
}

export interface Queues {
  readonly blobs: Queue;
  readonly objects: Queue & { readonly failing: number };
  readonly manifests: Queue;
  readonly repositories: Queue;
}

export const MAX_COUNTED = 10_000;

/** The delay before a failed deletion is tried again: 5 minutes, then twice as long each time, up to a day. */
const BACK_OFF = `min(86400000, 300000 << min(attempts, 10))`;

/** The most references that are deleted with the manifests of one statement. Those of its last manifest come on top. */
const MAX_REFERENCES = 5_000;

/** SQL for the deleted repository whose trash window, :trash, ended first. */
const GONE = `(SELECT id FROM repositories INDEXED BY deleted_repositories_by_time
  WHERE deleted_at IS NOT NULL AND deleted_at <= ${NOW} - :trash ORDER BY deleted_at LIMIT 1)`;

/**
 * The tables of a repository's content, with the columns that identify a row of it. Rows that name others come first,
 * since a row that is still named cannot be deleted.
 */
const CONTENTS = [
  ["manifest_references", "manifest_id, digest_id"],
  ["tags", "name"],
  ["tag_history", "id"],
  ["manifests", "digest"],
  ["repository_blobs", "digest_id"],
  ["trashed_blobs", "digest_id"],
  ["pulls", "tag, day"],
] as const;

/**
 * Finds and deletes in D1 what is due for garbage collection. Each statement decides and deletes at once, so nothing
 * can change in between; triggers in db/migrations delete what depends on a row.
 */
export class GcStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Removes blobs from repositories in which no manifest has named them for the grace period.
   * @returns how many were removed
   */
  async unlink({ grace }: Ages, limit: number): Promise<number> {
    const { results } = await prepare(
      this.#db,
      `DELETE FROM repository_blobs AS l
       WHERE (l.repository_id, l.digest_id) IN (
         SELECT repository_id, digest_id FROM unreferenced_blobs WHERE since <= ${NOW} - :grace
         ORDER BY since LIMIT :limit)
       AND NOT EXISTS (
         SELECT 1 FROM manifest_references f
         WHERE f.repository_id = l.repository_id AND f.digest_id = l.digest_id)
       RETURNING digest_id`,
      { grace, limit },
    ).all();
    return results.length;
  }

  /**
   * Deletes manifests whose trash window has ended, as many as the database does without keeping other requests waiting.
   * @returns how many were deleted
   */
  async expireManifests({ trash }: Ages, limit: number): Promise<number> {
    const { results } = await prepare(
      this.#db,
      `DELETE FROM manifests WHERE id IN (
         SELECT id FROM (
           SELECT id, references_before FROM (
             SELECT id,
               sum((cost - size) / ${ROW_BYTES}) OVER (ORDER BY deleted_at
                 ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS references_before
             FROM (
               SELECT * FROM manifests INDEXED BY deleted_manifests_by_time
               WHERE deleted_at IS NOT NULL AND deleted_at <= ${NOW} - :trash
               ORDER BY deleted_at LIMIT :limit))
           WHERE coalesce(references_before, 0) < :maxReferences))
       RETURNING digest`,
      { trash, limit, maxReferences: MAX_REFERENCES },
    ).all();
    return results.length;
  }

  /**
   * Deletes the history of tags from before the trash window.
   * @returns how many entries were deleted
   */
  async expireHistory({ trash }: Ages, limit: number): Promise<number> {
    const { results } = await prepare(
      this.#db,
      `DELETE FROM tag_history WHERE (repository_id, id) IN (
         SELECT repository_id, id FROM tag_history INDEXED BY tag_history_by_time
         WHERE changed_at <= ${NOW} - :trash ORDER BY changed_at LIMIT :limit)
       RETURNING id`,
      { trash, limit },
    ).all();
    return results.length;
  }

  /**
   * Empties the deleted repository whose trash window ended first, by at most `limit` rows of each table, and deletes it
   * once it is empty. It cannot be restored from the first deleted row on.
   */
  async drainRepository(
    { trash }: Ages,
    limit: number,
  ): Promise<{ readonly rows: number; readonly gone: boolean }> {
    const emptied = (before: readonly (typeof CONTENTS)[number][]) =>
      before
        .map(([table]) => ` AND NOT EXISTS (SELECT 1 FROM ${table} WHERE repository_id = ${GONE})`)
        .join("");
    const drain = CONTENTS.map(([table, columns], i) =>
      prepare(
        this.#db,
        `DELETE FROM ${table} WHERE repository_id = ${GONE} AND (${columns}) IN (
           SELECT ${columns} FROM ${table} WHERE repository_id = ${GONE} LIMIT :limit)
         ${emptied(CONTENTS.slice(0, i))} RETURNING repository_id`,
        { trash, limit },
      ),
    );
    const results = await this.#db.batch([
      prepare(
        this.#db,
        `UPDATE repositories SET deleted_at = 0 WHERE id = ${GONE} AND deleted_at > 0`,
        { trash },
      ),
      ...drain,
      prepare(
        this.#db,
        `DELETE FROM repositories WHERE id = ${GONE}${emptied(CONTENTS)} RETURNING id`,
        { trash },
      ),
    ]);
    const counts = results.slice(1).map((result) => result.results.length);
    return {
      rows: counts.slice(0, -1).reduce((sum, count) => sum + count, 0),
      gone: counts.at(-1) === 1,
    };
  }

  /** Returns the keys of objects whose deletion is due. */
  async dueObjects(limit: number): Promise<string[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT key FROM object_deletions o WHERE due_at <= ${NOW}
         AND NOT EXISTS (SELECT 1 FROM blobs b WHERE b.key = o.key)
         AND NOT EXISTS (SELECT 1 FROM manifests m WHERE m.object = o.key)
       ORDER BY due_at LIMIT :limit`,
      { limit },
    ).all<{ key: string }>();
    return results.map(({ key }) => key);
  }

  /** Records that objects have been deleted. No upload may use their keys again. */
  async forgetObjects(keys: readonly string[]): Promise<void> {
    await this.#db.batch(forgetObjects(this.#db, keys));
  }

  /**
   * Deletes the rows of deleted keys that no upload can use any more.
   * @returns how many were deleted
   */
  async forgetKeys(limit: number): Promise<number> {
    const { results } = await prepare(
      this.#db,
      `DELETE FROM deleted_keys WHERE key IN (
         SELECT key FROM deleted_keys WHERE until <= ${NOW} ORDER BY until LIMIT :limit)
       RETURNING key`,
      { limit },
    ).all();
    return results.length;
  }

  /** Schedules another try for objects whose deletion failed. */
  async postponeObjects(keys: readonly string[]): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE object_deletions SET attempts = attempts + 1, due_at = ${NOW} + ${BACK_OFF}
       WHERE key IN (SELECT value FROM json_each(:keys))`,
      { keys: JSON.stringify(keys) },
    ).run();
  }

  async queues({ grace, trash }: Ages): Promise<Queues> {
    const results = await this.#db.batch<Queue>([
      this.#queue("unreferenced_blobs", "since", grace),
      this.#queue("object_deletions", "due_at", 0),
      this.#queue("manifests INDEXED BY deleted_manifests_by_time", "deleted_at", trash),
      this.#queue("repositories INDEXED BY deleted_repositories_by_time", "deleted_at", trash),
      prepare(
        this.#db,
        `SELECT count(*) AS waiting, 0 AS due, NULL AS firstDueAt FROM (
           SELECT 1 FROM object_deletions WHERE attempts > 0 LIMIT :maxCounted)`,
        { maxCounted: MAX_COUNTED },
      ),
    ]);
    const [blobs, objects, manifests, repositories, failing] = results.map(
      (result) => result.results[0] ?? { waiting: 0, due: 0, firstDueAt: null },
    ) as [Queue, Queue, Queue, Queue, Queue];
    return { blobs, objects: { ...objects, failing: failing.waiting }, manifests, repositories };
  }

  /** @param column the column, with an index, of the time from which rows wait */
  #queue(table: string, column: string, age: number): D1PreparedStatement {
    return prepare(
      this.#db,
      `SELECT count(*) AS waiting, coalesce(sum(at <= ${NOW} - :age), 0) AS due, min(at) + :age AS firstDueAt
       FROM (SELECT ${column} AS at FROM ${table} WHERE ${column} >= 0
             ORDER BY ${column} LIMIT :maxCounted)`,
      { age, maxCounted: MAX_COUNTED },
    );
  }
}
