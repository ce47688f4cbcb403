import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { auditFound, type Initiator } from "./audit.ts";
import { assertion } from "./retry.ts";
import { type Fragment, prepare } from "./sql.ts";
import { rememberTags } from "./tag-history.ts";

/**
 * The most tags that one deletion of a manifest deletes: one batch records each of them in the history and deletes them
 * all.
 */
export const MAX_DELETED_TAGS = 10_000;
/** The most tags that the audit entry of a deleted manifest names; the history has all of them. */
const MAX_NAMED_TAGS = 20;

/** SQL over `tags t`: those of the manifest. */
const TAGS_OF = `t.repository_id = (SELECT id FROM repositories WHERE name = :repository) AND t.digest = :digest`;

/** Returns the statements that delete a manifest with its tags; the last one returns a row if there was one. */
export function deletion(
  db: D1Database,
  repository: RepositoryName,
  digest: Digest,
  initiator: Initiator,
): D1PreparedStatement[] {
  const held = {
    sql: `SELECT json_object('reference', (
          SELECT group_concat(name) FROM (
            SELECT t.name FROM tags t INDEXED BY tags_by_digest
            WHERE t.repository_id = r.id AND t.digest = :digest LIMIT ${MAX_NAMED_TAGS})
        )) AS more FROM repositories r
        JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest AND m.deleted_at IS NULL
        WHERE r.name = :repository`,
    values: { repository, digest },
  };
  const now = Date.now();
  const which = { sql: TAGS_OF, values: { repository, digest } };
  return [
    assertion(db, tooManyTags(repository, digest), "no row"),
    auditFound(db, initiator, { action: "manifest.delete", repository, digest }, held),
    rememberTags(db, { now, initiator, successor: null }, which),
    prepare(
      db,
      `DELETE FROM tags
       WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository) AND digest = :digest`,
      { repository, digest },
    ),
    prepare(
      db,
      `UPDATE manifests SET deleted_at = :now, deleted_by = :actor
       WHERE repository_id = (SELECT id FROM repositories WHERE name = :repository) AND digest = :digest
         AND deleted_at IS NULL
       RETURNING digest`,
      { repository, digest, now, actor: initiator.actor },
    ),
  ];
}

function tooManyTags(repository: RepositoryName, digest: Digest): Fragment {
  return {
    sql: `SELECT 1 FROM repositories r
      CROSS JOIN tags t INDEXED BY tags_by_digest ON t.repository_id = r.id AND t.digest = :digest
      WHERE r.name = :repository LIMIT 1 OFFSET ${MAX_DELETED_TAGS}`,
    values: { repository, digest },
  };
}
