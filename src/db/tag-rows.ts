/** The statements that point tags to a manifest. */
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { versionKey } from "../oci/version-key.ts";
import { IMAGE_SIZE } from "./image-size.ts";
import { prepare } from "./sql.ts";

/** Points tags to a manifest whose references are written. */
export function pointTags(
  db: D1Database,
  {
    repository,
    digest,
    tags,
  }: { repository: RepositoryName; digest: Digest; tags: readonly Tag[] },
  now: number,
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO tags (repository_id, name, digest, updated_at, version_key, size)
     SELECT r.id, w.value ->> 0, :digest, :now, w.value ->> 1, ${sizeOf("r.id", ":digest")}
     FROM repositories r, json_each(:named) w WHERE r.name = :repository
     ON CONFLICT (repository_id, name) DO UPDATE
     SET digest = excluded.digest, updated_at = excluded.updated_at, size = excluded.size`,
    { repository, digest, now, named: JSON.stringify(tags.map((tag) => [tag, versionKey(tag)])) },
  );
}

/** SQL: the size of a manifest as a tag has it. */
export function sizeOf(repositoryId: string, digest: string): string {
  return `(SELECT coalesce(${IMAGE_SIZE}, -1) FROM manifests m
    WHERE m.repository_id = ${repositoryId} AND m.digest = ${digest})`;
}
