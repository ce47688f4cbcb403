/** The usage of namespaces, as it was counted and as it is computed from the rows. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";

const COUNTED = {
  blobs: `SELECT namespace, digest_id, size, links FROM namespace_blobs ORDER BY namespace, digest_id`,
  usage: `SELECT namespace, bytes, waiting, repositories, all_repositories FROM namespace_usage
    WHERE bytes <> 0 OR waiting <> 0 OR all_repositories <> 0 ORDER BY namespace`,
};

/** The blobs that repositories link, and those that they keep as trashed blobs. */
const HELD = `(SELECT repository_id, digest_id FROM repository_blobs
  UNION ALL SELECT repository_id, digest_id FROM trashed_blobs)`;

/** The bytes that rows of the index count. */
const ROWS = `SELECT repository_id, size + 512 AS size, 0 AS waits FROM manifests
  UNION ALL SELECT repository_id, 512, 0 FROM manifest_references
  UNION ALL SELECT repository_id, 512, 0 FROM tags
  UNION ALL SELECT repository_id, iif(successor IS NULL, 0, 512), iif(successor IS NULL, 512, 0) FROM tag_history`;

const RECOUNTED = {
  blobs: `SELECT r.namespace, l.digest_id, b.size, count(*) AS links FROM ${HELD} l
    JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.digest_id = l.digest_id
    GROUP BY r.namespace, l.digest_id ORDER BY r.namespace, l.digest_id`,
  usage: `SELECT namespace, sum(size) AS bytes, sum(waits) AS waiting, sum(live) AS repositories,
      sum(own) AS all_repositories FROM (
      SELECT * FROM (
        SELECT DISTINCT r.namespace, l.digest_id, b.size, 0 AS waits, 0 AS live, 0 AS own FROM ${HELD} l
        JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.digest_id = l.digest_id)
      UNION ALL SELECT namespace, name, 0, 0, deleted_at IS NULL, 1 FROM repositories
      UNION ALL SELECT r.namespace, '', sum(i.size), sum(i.waits), 0, 0 FROM (${ROWS}) i
        JOIN repositories r ON r.id = i.repository_id GROUP BY r.namespace
      UNION ALL SELECT namespace, '', 0, sum(size), 0, 0 FROM object_deletions WHERE namespace IS NOT NULL GROUP BY 1
      UNION ALL SELECT namespace, '', 0, sum(bytes), 0, 0 FROM unfinished_uploads GROUP BY 1
    ) GROUP BY namespace
    HAVING sum(size) <> 0 OR sum(waits) <> 0 OR sum(own) <> 0 ORDER BY namespace`,
};

/** Checks the stored usage of all namespaces against the rows. */
export async function recount(): Promise<void> {
  const statements = [COUNTED, RECOUNTED].flatMap(({ blobs, usage }) => [blobs, usage]);
  const results = await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)));
  const [blobs, usage, actualBlobs, actualUsage] = results.map((result) => result.results);
  expect(blobs).toEqual(actualBlobs);
  expect(usage).toEqual(actualUsage);
}
