import { NOW } from "./clock.ts";

/** No request carries an upload for longer, in milliseconds. */
const LONGEST_UPLOAD = 2 * 86_400_000;

/** The objects have been deleted, and no upload may name their keys any more. */
export function forgetObjects(db: D1Database, keys: readonly string[]): D1PreparedStatement[] {
  const list = JSON.stringify(keys);
  return [
    db
      .prepare(
        `INSERT INTO deleted_keys (key, until) SELECT value, ${NOW} + ?2 FROM json_each(?1)
         WHERE value GLOB 'blobs/*' ON CONFLICT DO NOTHING`,
      )
      .bind(list, LONGEST_UPLOAD),
    db
      .prepare(`DELETE FROM object_deletions WHERE key IN (SELECT value FROM json_each(?1))`)
      .bind(list),
  ];
}
