/** What namespaces take: as it was counted along, and counted anew. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";

const COUNTED = {
  blobs: `SELECT namespace, digest, size, links FROM namespace_blobs ORDER BY namespace, digest`,
  usage: `SELECT namespace, bytes, repositories FROM namespace_usage
    WHERE bytes <> 0 OR repositories <> 0 ORDER BY namespace`,
};

/** What repositories hold, and what they keep for the undo window. */
const HELD = `(SELECT repository_id, digest FROM repository_blobs
  UNION ALL SELECT repository_id, digest FROM kept_blobs)`;

const RECOUNTED = {
  blobs: `SELECT r.namespace, l.digest, b.size, count(*) AS links FROM ${HELD} l
    JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.digest = l.digest
    GROUP BY r.namespace, l.digest ORDER BY r.namespace, l.digest`,
  usage: `SELECT namespace, sum(size) AS bytes, sum(live) AS repositories FROM (
      SELECT DISTINCT r.namespace, l.digest, b.size, 0 AS live FROM ${HELD} l
      JOIN repositories r ON r.id = l.repository_id JOIN blobs b ON b.digest = l.digest
      UNION ALL
      SELECT namespace, name, 0, deleted_at IS NULL FROM repositories
    ) GROUP BY namespace HAVING sum(size) <> 0 OR sum(live) <> 0 ORDER BY namespace`,
};

/** Holds what was counted along to be what is there, of all namespaces. */
export async function recount(): Promise<void> {
  const statements = [COUNTED, RECOUNTED].flatMap(({ blobs, usage }) => [blobs, usage]);
  const results = await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)));
  const [blobs, usage, actualBlobs, actualUsage] = results.map((result) => result.results);
  expect(blobs).toEqual(actualBlobs);
  expect(usage).toEqual(actualUsage);
}
