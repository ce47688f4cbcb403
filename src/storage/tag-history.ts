import type { Digest } from "../oci/digest.ts";
import { idAt, type Origin } from "./audit-index.ts";
import type { TagFilter } from "./refused.ts";

/** A change of tags: when, by whom, and what they point to afterwards; null where they are deleted. */
export interface TagChange {
  readonly now: number;
  readonly origin: Origin;
  readonly successor: Digest | null;
}

/**
 * Notes what some tags pointed to, for the batch that then moves or deletes them; one that already points there is not moved.
 * @param which SQL over `tags t`; its parameters begin at ?5
 */
export function rememberTags(
  db: D1Database,
  { now, origin, successor }: TagChange,
  { sql, parameters }: TagFilter,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO tag_history (repository_id, id, tag, digest, successor, changed_at, changed_by)
       SELECT t.repository_id, ?1 || lower(hex(randomblob(8))), t.name, t.digest, ?2, ?3, ?4
       FROM tags t WHERE t.digest IS NOT ?2 AND ${sql}`,
    )
    .bind(idAt(now), successor, now, origin.actor, ...parameters);
}
