/** Brings back the tags that were deleted with manifests. */
import type { Digest } from "../oci/digest.ts";
import { idAt } from "../db/audit.ts";
import { prepare } from "../db/sql.ts";
import { sizeOf } from "../db/tag-rows.ts";
import type { Tag } from "../oci/reference.ts";
import { versionKey } from "../oci/version-key.ts";
import type { Root } from "./restore-store.ts";

/** An entry of the history. */
export interface DeletedTag {
  readonly id: string;
  readonly tag: Tag;
}

/** The tags of one statement, whose parameter has at most 2 MB (developers.cloudflare.com/d1/platform/limits). */
const STEP = 2_000;

/** Finds the tags that were deleted with the manifests, the last one first. */
export async function tagsDeletedWith(
  db: D1Database,
  { repositoryId, deletedAt }: Root,
  digests: readonly Digest[],
): Promise<DeletedTag[]> {
  const { results } = await prepare(
    db,
    `SELECT h.id, h.tag FROM tag_history h
     WHERE h.repository_id = :repositoryId AND h.id >= :first AND h.id < :end AND h.successor IS NULL
       AND h.digest IN (SELECT value FROM json_each(:digests))
     ORDER BY h.id DESC`,
    {
      repositoryId,
      first: idAt(deletedAt),
      end: idAt(deletedAt + 1),
      digests: JSON.stringify(digests),
    },
  ).all<DeletedTag>();
  return results;
}

/** Returns the statements that restore tags and return their names; a tag that exists by now stays unchanged. */
export function restoreTags(
  db: D1Database,
  repositoryId: number,
  tags: readonly DeletedTag[],
): D1PreparedStatement[] {
  const now = Date.now();
  return Array.from({ length: Math.ceil(tags.length / STEP) }, (_, i) => {
    const some = tags.slice(i * STEP, (i + 1) * STEP);
    return prepare(
      db,
      `INSERT INTO tags (repository_id, name, digest, updated_at, version_key, size)
       SELECT h.repository_id, h.tag, h.digest, :now, w.value ->> 1, ${sizeOf("h.repository_id", "h.digest")}
       FROM json_each(:some) w
       CROSS JOIN tag_history h ON h.repository_id = :repositoryId AND h.id = w.value ->> 0
       WHERE true ORDER BY w.key ON CONFLICT DO NOTHING RETURNING name`,
      { repositoryId, now, some: JSON.stringify(some.map(({ id, tag }) => [id, versionKey(tag)])) },
    );
  });
}
