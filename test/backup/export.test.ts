/** A lost database is rebuilt from the bucket alone. */
import { createMessageBatch } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import { readSettings } from "../../src/settings.ts";
import type { EventMessage } from "../../src/events/message.ts";
import worker from "../../src/worker.ts";
import { createRegistry } from "../../src/compose.ts";
import { TABLES } from "../../src/backup/exported.ts";
import { JobStore } from "../../src/db/jobs.ts";
import { RegistryClient } from "../support/client.ts";
import { blob, digestOf, imageManifest } from "../support/images.ts";
import { done, PASSWORD, unused } from "../support/management.ts";
import { expectWhole, populate } from "../support/populated.ts";
import {
  emptyBucket,
  exportAll,
  expectSame,
  exportChanges,
  importAll,
  keysOf,
  loseDatabase,
} from "../support/recovery.ts";
import { turn } from "../support/jobs.ts";

beforeEach(async () => {
  await loseDatabase();
  await emptyBucket();
});

/** Writes so many objects that no step of an import reads both the old and the new state of a row. */
async function manyExports({ repository }: RegistryClient): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await done("PATCH", `/repositories/${repository}`, { description: String(i) });
    await exportChanges();
  }
}

describe("what an import brings back", () => {
  test("comes from a full export alone", async () => {
    const all = await populate();
    await exportAll();
    await expectSame();
    await expectWhole(all);
  });

  test("comes from the changes alone", async () => {
    const all = await populate();
    await exportChanges();
    expect(await keysOf("exports/")).toEqual([
      expect.stringMatching(/\/changes\/0{11}1-\d+\.jsonl$/),
    ]);
    await expectSame();
    await expectWhole(all);
  });

  test("comes from a full export and what changed since", async () => {
    const all = await populate();
    const { namespace, client, amd, arm, config } = all;
    await exportChanges();
    await exportAll();
    await client.pushManifest(arm, "latest");
    const fields = { annotations: { a: "b" } };
    await client.pushManifest(imageManifest({ config, fields }), "new");
    await exportChanges();
    await client.pushManifest(amd, "latest");
    await client.request("DELETE", "manifests/new");
    const user = unused("user");
    await done("POST", "/users", { name: user, password: PASSWORD });
    await done("PUT", `/namespaces/${namespace}/members/${user}`, { role: "reader" });
    await exportChanges();
    await done("DELETE", `/users/${user}`);
    await done("PATCH", `/namespaces/${namespace}`, { visibility: "public" });
    const other = client.in(`${namespace}/other`);
    await other.pushBlob(config);
    await other.pushManifest(imageManifest({ config }), "v1");
    await exportChanges();
    await done("DELETE", `/repositories/${namespace}/other`);
    await exportChanges();
    await expectSame();
    await expectWhole(all);
  });

  test("goes on with the same history, to be lost again", async () => {
    const all = await populate();
    await exportChanges();
    for (let i = 0; i < 3; i++) {
      await loseDatabase();
      // The cron of the new database has nothing to export before its first use.
      await exportChanges();
      await importAll();
      await all.client.pushManifest(all.amd, `again-${i}`);
      await exportChanges();
    }
    await expectSame();
    const chains = (await keysOf("exports/")).map((key) => key.split("/")[1]);
    expect(new Set(chains).size).toBe(1);
    await exportAll();
    await expectSame();
    // The exports that it knew are known again.
    const { finished } = await done<{ finished: unknown[] }>("GET", "/exports");
    expect(finished).toHaveLength(1);
    await expectWhole(all);
  });

  test("is what a purge has left, even where the id of a repository is given out again", async () => {
    const all = await populate();
    await exportAll();
    const { config } = all;
    const first = new RegistryClient({ repository: `${unused("space")}/app` });
    await first.pushBlob(config);
    const secret = await first.pushBlob(blob());
    const image = await first.pushManifest(imageManifest({ config, layers: [secret] }), "v1");
    await exportChanges();
    await manyExports(all.client);
    await done("DELETE", `/repositories/${first.repository}`);
    // The trash window of all deletions is over, and so is the grace period.
    const settings = { ...readSettings(env), trashMs: 0, grace: 0 };
    await createRegistry(env, settings).gc.run();
    const second = new RegistryClient({ repository: `${unused("space")}/app` });
    await second.pushBlob(config);
    await second.pushManifest(imageManifest({ config }), "v2");
    const ids = await env.DB.prepare("SELECT max(id) AS id FROM repositories").first();
    expect(ids).toEqual({ id: 2 });
    await exportChanges();
    await expectSame();
    expect((await second.head(`blobs/${secret.digest}`)).status).toBe(404);
    expect((await second.get(`manifests/${image.digest}`)).status).toBe(404);
    expect(digestOf(await all.client.pullManifest("v1"))).toBe(all.list.digest);
  });

  test("is how blobs are held where no manifest shows it", async () => {
    const { client, only, gone, layers } = await populate();
    await exportChanges();
    // Only a deleted manifest names it.
    expect((await client.request("DELETE", `blobs/${only.digest}`)).status).toBe(202);
    // Another object, as repair gives one.
    const [layer] = layers;
    await env.BLOBS.put("blobs/another", layer?.bytes ?? "");
    await env.DB.prepare(`UPDATE blobs SET key = 'blobs/another' WHERE digest_id = ${idOf("?1")}`)
      .bind(layer?.digest)
      .run();
    await exportChanges();
    await expectSame();
    expect((await client.head(`blobs/${only.digest}`)).status).toBe(404);
    expect(digestOf(await client.pullBlob(layer?.digest ?? ""))).toBe(layer?.digest);
    // And back again, without a new object.
    await client.pushBlob(only);
    await exportChanges();
    await expectSame();
    await client.pushManifest(gone, "back");
    await exportChanges();
    await expectSame();
    // The last export's line about the blob is wrong once its manifest is gone for good, and its bytes with it.
    await client.request("DELETE", `manifests/${gone.digest}`);
    await client.request("DELETE", `blobs/${only.digest}`);
    await client.pushBlob(only);
    await exportChanges();
    const settings = { ...readSettings(env), trashMs: 0, grace: 0 };
    await createRegistry(env, settings).gc.run();
    await exportChanges();
    await expectSame();
    expect((await client.head(`blobs/${only.digest}`)).status).toBe(404);
  });

  test("is not a blob that was kept, long after it has gone", async () => {
    const { client, config } = await populate();
    const layer = await client.pushBlob(blob());
    const image = await client.pushManifest(imageManifest({ config, layers: [layer] }), "short");
    await exportChanges();
    await client.request("DELETE", `manifests/${image.digest}`);
    expect((await client.request("DELETE", `blobs/${layer.digest}`)).status).toBe(202);
    await exportChanges();
    await manyExports(client);
    const settings = { ...readSettings(env), trashMs: 0, grace: 0 };
    await createRegistry(env, settings).gc.run();
    const kept = `SELECT 1 FROM trashed_blobs WHERE digest_id = ${idOf("?1")}`;
    expect(await env.DB.prepare(kept).bind(layer.digest).first()).toBeNull();
    await exportChanges();
    await expectSame();
    expect(await env.DB.prepare(kept).bind(layer.digest).first()).toBeNull();
  });

  test("is a blob's new object, although the first of its holders has gone", async () => {
    const one = new RegistryClient({ repository: `${unused("space")}/one` });
    const two = one.in(`${unused("space")}/two`);
    const config = await one.pushBlob(blob());
    await two.pushBlob(config);
    const image = imageManifest({ config });
    for (const client of [one, two]) await client.pushManifest(image, "v");
    await exportChanges();
    // Writes the object as a push of missing bytes does.
    await env.BLOBS.put("blobs/anew", config.bytes);
    await env.DB.prepare(`UPDATE blobs SET key = 'blobs/anew' WHERE digest_id = ${idOf("?1")}`)
      .bind(config.digest)
      .run();
    const settings = { ...readSettings(env), trashMs: 0, grace: 0 };
    const { gc } = createRegistry(env, settings);
    await one.request("DELETE", `manifests/${image.digest}`);
    await gc.run();
    await gc.run();
    await exportChanges();
    await manyExports(two);
    await expectSame();
    expect(digestOf(await two.pullBlob(config.digest))).toBe(config.digest);
  });

  test("is consistent while pushes go on", async () => {
    const all = await populate();
    const { client, config } = all;
    let pushed = 0;
    const over = new AbortController();
    const push = async () => {
      while (!over.signal.aborted) {
        const n = pushed++;
        const layer = await client.pushBlob(blob());
        const fields = { annotations: { n: String(n) } };
        await client.pushManifest(imageManifest({ config, layers: [layer], fields }), `n${n % 5}`);
        if (n % 3 === 0) await client.request("DELETE", `manifests/n${(n + 2) % 5}`);
      }
    };
    const work = Promise.all([push(), push(), push()]);
    await exportAll();
    await exportChanges();
    await exportAll();
    over.abort();
    await work;
    await exportChanges();
    expect(pushed).toBeGreaterThan(5);
    await expectSame();
    await expectWhole(all);
  });
});

test("a manifest whose text is damaged ends no export: its row comes back without a text", async () => {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const [broken, whole] = [imageManifest({ config }), imageManifest({ config, layers: [config] })];
  await client.pushManifest(broken, "broken");
  await client.pushManifest(whole, "whole");
  await env.DB.prepare(`UPDATE manifests SET content = x'ff00' WHERE digest = ?1`)
    .bind(broken.digest)
    .run();
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  await exportChanges();
  expect(logged.mock.calls.join()).toContain(broken.digest);
  logged.mockRestore();
  await loseDatabase();
  expect(await importAll()).toMatchObject({ lost: 0 });
  expect(await client.pullManifest("whole")).toEqual(whole.bytes);
  const row = await env.DB.prepare(`SELECT content FROM manifests WHERE digest = ?1`)
    .bind(broken.digest)
    .first();
  expect(row).toEqual({ content: null });
  // A client is told that it is not there, and pushes it again.
  expect((await client.head("manifests/broken")).status).toBe(404);
  await client.pushManifest(broken, "broken");
  expect(await client.pullManifest("broken")).toEqual(broken.bytes);
});

describe("the bucket of the exports", () => {
  test("keeps the newest two full exports, and what changed since the older of them", async () => {
    const { client, amd } = await populate();
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      await client.pushManifest(amd, `tag-${i}`);
      await exportChanges();
      ids.push(await exportAll());
    }
    const keys = await keysOf("exports/");
    const fulls = new Set(keys.flatMap((key) => /\/full\/([^/]+)\//.exec(key)?.[1] ?? []));
    expect([...fulls]).toEqual(ids.slice(2));
    expect(keys.filter((key) => key.includes("/changes/")).length).toBeLessThanOrEqual(2);
    await expectSame();
  });

  test("a full export that was left is finished by the cron", async () => {
    await populate();
    await done("POST", "/exports", {});
    await exportChanges();
    const state = await done<{ running: null; pending: number }>("GET", "/exports");
    expect(state).toMatchObject({ running: null, pending: 0, finished: [{}] });
    await expectSame();
  });

  test("has what was left of one tick soon, by the queue", async () => {
    await populate();
    const { exporter } = createRegistry(env, readSettings(env));
    expect(await turn(exporter)).toBe(false);
    await addUsers(25_000);
    const sent: EventMessage[] = [];
    const EVENTS = new Proxy(env.EVENTS, {
      get: () => (message: EventMessage) => Promise.resolve(sent.push(message)),
    });
    await worker.queue(batchOf({ kind: "job", job: "export" }), { ...env, EVENTS });
    expect(sent).toEqual([{ kind: "job", job: "export" }]);
    expect((await exporter.overview()).pending).toBeGreaterThan(0);
    await worker.queue(batchOf({ kind: "job", job: "export" }), { ...env, EVENTS });
    expect(sent).toHaveLength(1);
    expect((await exporter.overview()).pending).toBe(0);
  });

  test("has a full export although changes keep coming", async () => {
    const all = await populate();
    await exportChanges();
    await done("POST", "/exports", {});
    await addUsers(30_000);
    const { exporter } = createRegistry(env, readSettings(env));
    await turn(exporter);
    const { running, pending } = await exporter.overview();
    expect(pending).toBeGreaterThan(0);
    expect(running?.objects).toBeGreaterThan(2);
    while (await turn(exporter));
    expect(await exporter.overview()).toMatchObject({ pending: 0, running: null, finished: [{}] });
    await expectSame();
    await expectWhole(all);
  });

  test("has no change twice: changes that are exported are forgotten", async () => {
    const { client, amd } = await populate();
    await exportChanges();
    await client.pushManifest(amd, "more");
    await exportChanges();
    await exportChanges();
    const kept = await env.DB.prepare("SELECT count(*) AS n FROM change_log").first();
    expect(kept).toEqual({ n: expect.any(Number) });
    expect(Number(kept?.["n"])).toBeLessThanOrEqual(3);
    const [first, second] = await keysOf("exports/");
    const text = await (await env.BLOBS.get(second ?? ""))?.text();
    expect(text?.trimEnd().split("\n")).toHaveLength(2);
    expect(first).not.toBe(second);
  });
});

test("who took too long lays nothing down in the place of the next", async () => {
  const jobs = new JobStore(env.DB);
  const slow = await jobs.acquire("some job", 0);
  const next = await jobs.acquire("some job", 60_000);
  if (slow === null || next === null) throw new Error("nobody is at it");
  expect(await jobs.release(slow, { by: "the slow one" })).toBe(false);
  expect(await jobs.acquire("some job", 60_000)).toBeNull();
  expect(await jobs.release(next, { by: "the next" })).toBe(true);
  expect(await jobs.release(slow, { by: "the slow one" })).toBe(false);
  expect(await jobs.state("some job")).toEqual({ by: "the next" });
});

async function addUsers(count: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})
     INSERT INTO users (name, password, created_at) SELECT 'user-' || i, 'x', i FROM n`,
  ).run();
}

function batchOf(body: EventMessage) {
  const message = { id: "1", timestamp: new Date(), attempts: 1, body };
  return createMessageBatch<EventMessage>("slipway-events", [message]);
}

/** Tables that are not exported, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  repository_search: "derived",
  repository_search_config: "of the index of words",
  repository_search_data: "of the index of words",
  repository_search_docsize: "of the index of words",
  repository_search_idx: "of the index of words",
  digests: "with the rows that name them",
  blobs: "with the manifests that name them",
  repository_blobs: "with the manifests that name them",
  trashed_blobs: "with the manifests that name them",
  manifest_references: "with their manifests",
  unreferenced_blobs: "derived",
  namespace_blobs: "derived",
  namespace_usage: "derived",
  unfinished_uploads: "of uploads that end within a day",
  layer_lists: "derived",
  scans: "derived: images are scanned again",
  image_vulnerabilities: "derived",
  osv_records: "of another server, which is asked again",
  bounds: "of the settings",
  object_deletions: "fsck finds what nothing names",
  deleted_keys: "of uploads that have ended by then",
  audit: "a log, not the index",
  outbox: "of this very database: events that are handed on within seconds",
  dead_events: "of the deployment's subscribers, not of the index",
  revocations: "of tokens that have expired by then",
  sessions: "of browsers, which sign in again",
  login_failures: "of the last minutes",
  login_networks: "known anew with the next login",
  audit_budgets: "of the last minutes",
  jobs: "of this very database",
  manifest_pulls: "retention counts from the day that its table came into being",
  retention_runs: "derived",
  retention_backlog: "derived",
  deletion_batch: "empty between two batches",
  change_log: "what is to be exported",
  import_objects: "of an import",
  import_tombstones: "of an import",
};

test("every table is exported with each of its changes, or left out for a reason", async () => {
  const { results } = await env.DB.prepare(
    `SELECT type, name, tbl_name AS tableName FROM sqlite_master
     WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' AND name <> 'd1_migrations'`,
  ).all<{ type: string; name: string; tableName: string }>();
  const tables = results.filter(({ type }) => type === "table").map(({ name }) => name);
  const known = [...Object.keys(TABLES), ...Object.keys(LEFT_OUT)];
  expect(tables.toSorted()).toEqual(known.toSorted());
  const triggers = results.filter(({ type }) => type === "trigger").map(({ name }) => name);
  for (const table of Object.keys(TABLES).filter((name) => name !== "pulls")) {
    for (const event of ["insert", "update", "delete"]) {
      expect(triggers).toContain(`${event}_of_${table}_is_logged`);
    }
  }
});
