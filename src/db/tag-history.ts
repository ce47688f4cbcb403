import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
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

/**
 * Selects what the tags of a push pointed to before, where they move. It returns a row for each push to a repository
 * that exists.
 */
export function movedTags(repository: RepositoryName, digest: Digest, tags: string): Fragment {
  return {
    sql: `SELECT json_object('detail', (
        SELECT group_concat(t.name || ' was ' || t.digest, ', ') FROM json_each(:tags) w
        CROSS JOIN tags t ON t.repository_id = r.id AND t.name = w.value WHERE t.digest <> :digest
      )) AS more
      FROM repositories r WHERE r.name = :repository`,
    values: { repository, digest, tags },
  };
}
