/** Invariants that hold whatever went wrong, checked from outside and in the stores themselves. */
import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { expect } from "vitest";
import { IS_BLOB, IS_MANIFEST } from "../../../src/db/manifest-references.ts";
import { Bucket, type Multipart } from "../../../src/db/bucket.ts";
import { GcStore } from "../../../src/gc/store.ts";
import { GarbageCollector } from "../../../src/gc/job.ts";
import { RegistryClient } from "../../support/client.ts";
import { digestOf } from "../../support/images.ts";
import { isOpen, keys as allKeys } from "../../support/storage.ts";

const YEAR = 365 * 86_400_000;

/**
 * Runs garbage collection without a grace period; content that can be restored stays, unless the trash window is over
 * too.
 */
export async function collect(trash = YEAR): Promise<void> {
  const index = new GcStore(env.DB);
  const gc = new GarbageCollector(index, new Bucket(env.BLOBS), { grace: 0, trash });
  for (let i = 0; (await gc.run()).more; i++) {
    if (i > 100) throw new Error("the collection comes to no end");
  }
}

/** Lists the keys of pushed objects; exports are left out. */
async function keys(): Promise<string[]> {
  return (await allKeys()).filter((key) => /^(?:blobs|manifests)\//.test(key));
}

async function all<Row>(sql: string): Promise<Row[]> {
  return (await env.DB.prepare(sql).all<Row>()).results;
}

/** Lists the keys that rows name. */
async function namedKeys(): Promise<string[]> {
  const rows = await all<{ key: string }>(
    `SELECT key FROM blobs UNION SELECT object FROM manifests WHERE object IS NOT NULL`,
  );
  return rows.map(({ key }) => key).toSorted();
}

/** Checks that each answer of 2xx is complete, and that no row lacks its object. */
export async function expectReadable(): Promise<void> {
  const stored = new Set(await keys());
  expect((await namedKeys()).filter((key) => !stored.has(key))).toEqual([]);
  const contents = await all<{ name: string; path: string; digest: string }>(
    `SELECT r.name, c.path, c.digest FROM (
       SELECT l.repository_id, 'blobs/' || d.digest AS path, d.digest FROM repository_blobs l
         JOIN digests d ON d.id = l.digest_id
       UNION SELECT repository_id, 'manifests/' || digest, digest FROM manifests WHERE deleted_at IS NULL
       UNION SELECT repository_id, 'manifests/' || name, digest FROM tags) c
     JOIN repositories r ON r.id = c.repository_id AND r.deleted_at IS NULL`,
  );
  for (const { name, path, digest } of contents) {
    const response = await new RegistryClient({ repository: name }).get(path);
    expect([path, response.status]).toEqual([path, 200]);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(digestOf(bytes, digest.startsWith("sha512:") ? "sha512" : "sha256")).toBe(digest);
  }
  const dangling = await all(
    `SELECT m.digest AS manifest, d.digest FROM manifest_references f
     JOIN manifests m ON m.id = f.manifest_id JOIN digests d ON d.id = f.digest_id
     WHERE m.deleted_at IS NULL AND CASE
       WHEN ${IS_BLOB} THEN NOT EXISTS (
         SELECT 1 FROM repository_blobs l WHERE l.repository_id = f.repository_id AND l.digest_id = f.digest_id)
       WHEN ${IS_MANIFEST} THEN NOT EXISTS (
         SELECT 1 FROM manifests c WHERE c.repository_id = f.repository_id AND c.digest = d.digest
           AND c.deleted_at IS NULL)
       ELSE 0 END`,
  );
  expect(dangling).toEqual([]);
}

const UNREACHABLE = [
  `SELECT digest_id FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM repository_blobs WHERE digest_id = b.digest_id)
     AND NOT EXISTS (SELECT 1 FROM trashed_blobs WHERE digest_id = b.digest_id)`,
  `SELECT repository_id, digest_id FROM repository_blobs l WHERE NOT EXISTS (
     SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest_id = l.digest_id)`,
  `SELECT f.* FROM manifest_references f WHERE NOT EXISTS (SELECT 1 FROM manifests m WHERE m.id = f.manifest_id)`,
  `SELECT digest FROM digests d WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE digest_id = d.id)
     AND NOT EXISTS (SELECT 1 FROM manifest_references WHERE digest_id = d.id)`,
  `SELECT * FROM unreferenced_blobs`,
  `SELECT * FROM object_deletions`,
];

/** Days later: content that can be restored has been kept, and everything else has a row that names it. */
export async function expectClean(
  sessions: Iterable<string>,
  multiparts: readonly Multipart[],
): Promise<void> {
  for (const name of sessions) {
    const stub = env.SESSIONS.getByName(name);
    for (let i = 0; await runDurableObjectAlarm(stub); i++) {
      if (i > 10) throw new Error("the upload comes to no end");
    }
  }
  // A blob that nothing names is not deleted yet.
  await expectReadable();
  await env.DB.prepare(`UPDATE object_deletions SET due_at = 0`).run();
  await collect();
  expect(await keys()).toEqual(await namedKeys());
  for (const multipart of multiparts) expect(await isOpen(multipart)).toBe(false);
  await expectReadable();
  for (const sql of UNREACHABLE) expect(await all(sql)).toEqual([]);
}

/** An index without any repository is taken for a lost one, and nothing is deleted. */
const THERE = "faults/there";

export async function makeThere(): Promise<void> {
  await env.DB.batch([
    env.DB.prepare(`INSERT INTO namespaces (name, created_at) VALUES ('faults', 0)`),
    env.DB.prepare(`INSERT INTO repositories (name, created_at) VALUES (?1, 0)`).bind(THERE),
  ]);
}

/** Deletes every other repository for good: then nothing at all may be left. */
export async function expectNothingLeft(): Promise<void> {
  await env.DB.prepare(
    `UPDATE repositories SET former_name = name, name = '~' || id, deleted_at = 1
     WHERE deleted_at IS NULL AND name <> ?1`,
  )
    .bind(THERE)
    .run();
  await collect(0);
  expect(await keys()).toEqual([]);
  expect(await all(`SELECT name FROM repositories`)).toEqual([{ name: THERE }]);
  const tables = ["blobs", "repository_blobs", "trashed_blobs", "manifests", "manifest_references"];
  tables.push("digests");
  tables.push("tags", "tag_history", "namespace_blobs", "object_deletions");
  await env.DB.prepare(`DELETE FROM audit`).run();
  for (const table of tables) {
    expect([table, await all(`SELECT * FROM ${table}`)]).toEqual([table, []]);
  }
}

/** Empties everything after a failure, so that the next run begins with nothing. */
export async function wipe(): Promise<void> {
  await expectNothingLeft().catch(() => {});
  for (const key of await keys()) await env.BLOBS.delete(key);
  const tables = ["object_deletions", "repository_blobs", "trashed_blobs", "blobs"];
  await env.DB.batch(tables.map((table) => env.DB.prepare(`DELETE FROM ${table}`)));
}

/** Tables that record what happened, besides the content itself. */
const NOTES = new Set([
  "audit",
  "outbox",
  "dead_events",
  "unreferenced_blobs",
  "object_deletions",
  "d1_migrations",
  "jobs",
  "audit_budgets",
  "login_failures",
  "login_networks",
  "pulls",
  // FTS5's own tables: they tell how the index of words was written, not what is in it.
  "repository_search_config",
  "repository_search_data",
  "repository_search_docsize",
  "repository_search_idx",
]);

/** Columns that add up what a table of NOTES has: objects that wait for their deletion, a manifest's own until its row is written. */
const SUMS_OF_NOTES = new Set(["waiting"]);

/** Reads everything except records: two snapshots differ when something was changed in between. */
export async function snapshot(): Promise<string> {
  const tables = await all<{ name: string }>(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_cf_*'`,
  );
  const names = tables.map(({ name }) => name).filter((name) => !NOTES.has(name));
  const results = await env.DB.batch(names.map((name) => env.DB.prepare(`SELECT * FROM ${name}`)));
  return JSON.stringify(
    results.map(({ results: rows }) => rows),
    withoutSums,
  );
}

/** A JSON replacer. */
function withoutSums(column: string, value: unknown): unknown {
  return SUMS_OF_NOTES.has(column) ? undefined : value;
}

export interface AuditEntry {
  readonly request_id: string;
  readonly action: string;
}

/** Lists the audit entries, with the requests that were first. */
export function deeds(): Promise<(AuditEntry & { readonly times: number })[]> {
  return all(
    `SELECT request_id, action, count(*) AS times FROM audit WHERE outcome = 'done' AND via <> 'registry'
     GROUP BY request_id, action, repository, reference, digest`,
  );
}
