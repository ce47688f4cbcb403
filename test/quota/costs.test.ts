/** A deployment that gets the migration by which more counts than before. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { loseDatabase } from "../support/recovery.ts";
import { recount } from "../support/usage.ts";

const COSTS = "0011_costs.sql";

/** A namespace whose one blob fills its quota; manifests count nothing yet. */
const FULL = [
  `INSERT INTO namespaces (name, created_at) VALUES ('full', 1)`,
  `INSERT INTO repositories (id, name, created_at) VALUES (7, 'full/app', 1)`,
  `INSERT INTO blobs (digest, key, size, created_at) VALUES ('sha256:b', 'blobs/b', 1000, 1)`,
  `INSERT INTO repository_blobs (repository_id, digest) VALUES (7, 'sha256:b')`,
  `INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at, pushed_at)
   VALUES (7, 'sha256:m', 'm', 100, '{}', '', 1, 1)`,
  `INSERT INTO manifest_references (repository_id, manifest, digest, kind) VALUES (7, 'sha256:m', 'sha256:b', 'blob')`,
  `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (7, 'v1', 'sha256:m', 1)`,
  `INSERT INTO quotas (namespace, bytes) VALUES ('full', 1000)`,
];

test("a database with a full quota is migrated: all is counted, nothing is exported anew, and the quota holds again", async () => {
  const before = env.TEST_MIGRATIONS.filter(({ name }) => name < COSTS);
  expect(before.length).toBeLessThan(env.TEST_MIGRATIONS.length);
  await loseDatabase(before);
  await env.DB.batch(FULL.map((sql) => env.DB.prepare(sql)));
  await env.DB.prepare(`DELETE FROM change_log`).run();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  const usage = await env.DB.prepare(
    `SELECT bytes, waiting, all_repositories FROM namespace_usage WHERE namespace = 'full'`,
  ).first();
  expect(usage).toEqual({ bytes: 1_000 + 100 + 3 * 512, waiting: 0, all_repositories: 1 });
  await recount();
  const changes = env.DB.prepare(`SELECT kind, key FROM change_log`);
  expect((await changes.all()).results).toEqual([]);
  const tag = `INSERT INTO tags (repository_id, name, digest, updated_at) VALUES (7, 'v2', 'sha256:m', 1)`;
  await expect(env.DB.prepare(tag).run()).rejects.toThrow("quota of bytes");
  // Changes are recorded again.
  await env.DB.prepare(`UPDATE manifests SET pushed_at = 2`).run();
  expect((await changes.all()).results).toEqual([{ kind: "manifests", key: '[7,"sha256:m"]' }]);
});
