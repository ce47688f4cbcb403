import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { type Condition, idAt, type Initiator } from "./audit.ts";
import type { TagFilter } from "./errors.ts";

/** A change of tags: when, by whom, and what they point to afterwards; null where they are deleted. */
export interface TagChange {
  readonly now: number;
  readonly initiator: Initiator;
  readonly successor: Digest | null;
}

/**
 * Notes what some tags pointed to, for the batch that then moves or deletes them; one that already points there is not moved.
 * @param which SQL over `tags t`; its parameters begin at ?5
 */
export function rememberTags(
  db: D1Database,
  { now, initiator, successor }: TagChange,
  { sql, parameters }: TagFilter,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO tag_history (repository_id, id, tag, digest, successor, changed_at, changed_by)
       SELECT t.repository_id, ?1 || lower(hex(randomblob(8))), t.name, t.digest, ?2, ?3, ?4
       FROM tags t WHERE t.digest IS NOT ?2 AND ${sql}`,
    )
    .bind(idAt(now), successor, now, initiator.actor, ...parameters);
}

/** What the tags of a push point to before it, where that is something else: a row for each push to a repository that is there. */
export function movedTags(repository: RepositoryName, digest: Digest, tags: string): Condition {
  return {
    sql: `SELECT json_object('detail', (
        SELECT group_concat(t.name || ' was ' || t.digest, ', ') FROM json_each(?4) w
        CROSS JOIN tags t ON t.repository_id = r.id AND t.name = w.value WHERE t.digest <> ?3
      )) AS more
      FROM repositories r WHERE r.name = ?2`,
    parameters: [repository, digest, tags],
  };
}
