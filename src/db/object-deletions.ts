import { NOW } from "./clock.ts";
import { prepare } from "./sql.ts";

/** Longer than any request of an upload lasts, in milliseconds. */
const LONGEST_UPLOAD = 2 * 86_400_000;

/**
 * Records that objects have been deleted. Their keys are kept for a while, so that no upload can still make one of them
 * a blob.
 */
export function forgetObjects(db: D1Database, keys: readonly string[]): D1PreparedStatement[] {
  const list = JSON.stringify(keys);
  return [
    prepare(
      db,
      `INSERT INTO deleted_keys (key, until) SELECT value, ${NOW} + :longestUpload FROM json_each(:list)
       WHERE value GLOB 'blobs/*' ON CONFLICT DO NOTHING`,
      { list, longestUpload: LONGEST_UPLOAD },
    ),
    prepare(db, `DELETE FROM object_deletions WHERE key IN (SELECT value FROM json_each(:list))`, {
      list,
    }),
  ];
}
