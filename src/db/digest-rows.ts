import type { Digest } from "../oci/digest.ts";
import { idOf } from "./digests.ts";
import { ALWAYS, type Fragment, merge, prepare } from "./sql.ts";

/**
 * Gives ids to digests, in the batch that names them: nothing would ever remove a digest that no row
 * names.
 * @param condition SQL that returns a row if the batch will name them
 */
export function insertDigests(
  db: D1Database,
  digests: readonly Digest[],
  condition: Fragment = ALWAYS,
): D1PreparedStatement {
  return insertDigestList(db, JSON.stringify(digests), condition);
}

/** @param digests JSON: a list of digests */
export function insertDigestList(
  db: D1Database,
  digests: string,
  condition: Fragment = ALWAYS,
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO digests (hash)
     SELECT DISTINCT unhex(substr(w.value, 8)) FROM json_each(:digests) w
     WHERE ${idOf("w.value")} IS NULL AND EXISTS (${condition.sql})`,
    merge(condition.values, { digests }),
  );
}
