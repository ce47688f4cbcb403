import type { Digest } from "../oci/digest.ts";
import { idAt, type Initiator } from "./audit.ts";
import { type Fragment, merge, prepare } from "./sql.ts";

/** A change of tags: when it was made, by whom, and what the tags point to afterwards; null if they are deleted. */
export interface TagChange {
  readonly now: number;
  readonly initiator: Initiator;
  readonly successor: Digest | null;
}

/**
 * Returns the statement that records in the history what some tags pointed to. The batch that then moves or deletes
 * them contains it. A tag that already points to the new manifest is not recorded.
 * @param which SQL over `tags t`
 */
export function rememberTags(
  db: D1Database,
  { now, initiator, successor }: TagChange,
  { sql, values }: Fragment,
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO tag_history (repository_id, id, tag, digest, successor, changed_at, changed_by)
     SELECT t.repository_id, :idAt || lower(hex(randomblob(8))), t.name, t.digest, :successor, :now, :actor
     FROM tags t WHERE t.digest IS NOT :successor AND ${sql}`,
    merge({ idAt: idAt(now), successor, now, actor: initiator.actor }, values),
  );
}
