/** Garbage collection deletes what nothing needs, in bounded steps, and nothing else. */
import { createMessageBatch, createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, expect, test, vi } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import worker from "../../src/worker.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName } from "../../src/oci/reference.ts";
import { BlobStore } from "../../src/db/blobs.ts";
import { Bucket } from "../../src/db/bucket.ts";
import { GcStore } from "../../src/gc/store.ts";
import { JobStore } from "../../src/db/jobs.ts";
import { GarbageCollector } from "../../src/gc/job.ts";
import { RegistryClient, withSettings } from "../support/client.ts";
import { blob, type Content, imageManifest, index, text } from "../support/images.ts";
import { api } from "../support/management.ts";
import { plansOf, tableScans } from "../support/plans.ts";
import { keys } from "../support/storage.ts";
import { recount } from "../support/usage.ts";
import { turn } from "../support/jobs.ts";

const HOUR = 3_600_000;
const INITIATOR = {
  actor: "admin",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "r",
};
const NOTHING = { blobs: 0, objects: 0, failed: 0, manifests: 0, pastTags: 0, repositories: 0 };

function gc(ages = { grace: HOUR, trash: HOUR }, bucket = env.BLOBS): GarbageCollector {
  return new GarbageCollector(new GcStore(env.DB), new Bucket(bucket), ages);
}

async function pushImage(registry: RegistryClient, tag: string) {
  const config = await registry.pushBlob(blob());
  const layer = await registry.pushBlob(blob());
  const manifest = imageManifest({ config, layers: [layer] });
  await registry.pushManifest(manifest, tag);
  return { config, layer, manifest };
}

async function status(response: Promise<Response>): Promise<number> {
  const { status: code, body } = await response;
  await body?.cancel();
  return code;
}

/** Makes everything older by so many milliseconds. */
async function age(milliseconds: number): Promise<void> {
  await env.DB.batch(
    [
      "UPDATE unreferenced_blobs SET since = since - ?1",
      "UPDATE object_deletions SET due_at = due_at - ?1",
      "UPDATE tag_history SET changed_at = changed_at - ?1",
      "UPDATE manifests SET deleted_at = deleted_at - ?1 WHERE deleted_at IS NOT NULL",
      "UPDATE repositories SET deleted_at = deleted_at - ?1 WHERE deleted_at IS NOT NULL",
    ].map((sql) => env.DB.prepare(sql).bind(milliseconds)),
  );
}

// Each begins with a registry from which nothing is to go.
beforeEach(async () => {
  await gc({ grace: 0, trash: 0 }).run();
});

test("a blob that no manifest names goes when the grace time is over", async () => {
  const registry = new RegistryClient();
  const { layer } = await pushImage(registry, "v1");
  const before = await keys();
  const cancelDeletion = await registry.pushBlob(blob());
  expect(await gc().run()).toEqual({ ...NOTHING, more: false });
  await age(HOUR);
  expect(await gc().run()).toEqual({ ...NOTHING, blobs: 1, objects: 1, more: false });
  expect(await status(registry.head(`blobs/${cancelDeletion.digest}`))).toBe(404);
  expect(await registry.pullBlob(layer.digest)).toEqual(layer.bytes);
  expect(await keys()).toEqual(before);
});

test.each([
  ["HEAD", (registry: RegistryClient, { digest }: Content) => registry.head(`blobs/${digest}`)],
  [
    "a mount onto itself",
    (registry: RegistryClient, { digest }: Content) =>
      registry.request("POST", `blobs/uploads/?mount=${digest}&from=${registry.repository}`),
  ],
  [
    "another upload",
    async (registry: RegistryClient, { digest, bytes }: Content) =>
      registry.finish(await registry.startUpload(), digest, bytes),
  ],
])("%s puts it off", async (_, ask) => {
  const registry = new RegistryClient();
  const cancelDeletion = await registry.pushBlob(blob());
  await age(HOUR);
  expect((await ask(registry, cancelDeletion)).ok).toBe(true);
  expect((await gc().run()).blobs).toBe(0);
  expect(await registry.pullBlob(cancelDeletion.digest)).toEqual(cancelDeletion.bytes);
});

/** Returns the statuses of HEADs of them. */
async function heads(client: RegistryClient, blobs: readonly Content[]): Promise<number[]> {
  return Promise.all(blobs.map(({ digest }) => status(client.head(`blobs/${digest}`))));
}

test("a reader's HEADs put it off once, and then say that it is not there", async () => {
  const owner = new RegistryClient({ send: withSettings({ GC_GRACE_HOURS: "1" }) });
  const token = await owner.token(`repository:${owner.repository}:pull`);
  const reader = owner.as(token);
  const [cancelDeletion, other] = await Promise.all([
    owner.pushBlob(blob()),
    owner.pushBlob(blob()),
  ]);
  await age(0.9 * HOUR);
  expect(await heads(reader, [cancelDeletion, other])).toEqual([200, 200]);
  await env.DB.prepare(`UPDATE unreferenced_blobs SET counted_on_at = counted_on_at - ?1`)
    .bind(0.6 * HOUR)
    .run();
  await age(0.6 * HOUR);
  // A blob that a reader was told of stays for the grace period, but is not promised any longer.
  expect(await heads(reader, [cancelDeletion, other])).toEqual([404, 404]);
  expect((await gc().run()).blobs).toBe(0);
  expect(await heads(owner, [other])).toEqual([200]);
  expect(await heads(reader, [cancelDeletion, other])).toEqual([404, 200]);
  await age(0.5 * HOUR);
  expect((await gc().run()).blobs).toBe(1);
  expect(await heads(owner, [cancelDeletion, other])).toEqual([404, 200]);
});

test("what a manifest names is there for readers, however long", async () => {
  const owner = new RegistryClient({ send: withSettings({ GC_GRACE_HOURS: "0" }) });
  const { layer } = await pushImage(owner, "v1");
  const reader = owner.as(await owner.token(`repository:${owner.repository}:pull`));
  expect(await status(reader.head(`blobs/${layer.digest}`))).toBe(200);
});

test("a read puts nothing off", async () => {
  const registry = new RegistryClient();
  const cancelDeletion = await registry.pushBlob(blob());
  await age(HOUR);
  await registry.pullBlob(cancelDeletion.digest);
  expect((await gc().run()).blobs).toBe(1);
});

test("a blob stays for the other repositories that hold it", async () => {
  const one = new RegistryClient();
  const { layer } = await pushImage(one, "v1");
  const two = new RegistryClient();
  const mounted = await two.request(
    "POST",
    `blobs/uploads/?mount=${layer.digest}&from=${one.repository}`,
  );
  expect(mounted.status).toBe(201);
  await age(HOUR);
  expect(await gc().run()).toMatchObject({ blobs: 1, objects: 0 });
  expect(await status(two.head(`blobs/${layer.digest}`))).toBe(404);
  expect(await one.pullBlob(layer.digest)).toEqual(layer.bytes);
});

test("a deleted image goes with its blobs when undo and grace time are over", async () => {
  const registry = new RegistryClient();
  const before = await keys();
  const { manifest, layer } = await pushImage(registry, "v1");
  expect(await status(registry.request("DELETE", `manifests/${manifest.digest}`))).toBe(202);
  await age(HOUR / 2);
  expect(await gc().run()).toEqual({ ...NOTHING, more: false });
  await age(HOUR / 2);
  expect(await gc().run()).toMatchObject({ manifests: 1, pastTags: 1, blobs: 0 });
  // Until then a client may push a manifest that names it.
  expect(await status(registry.head(`blobs/${layer.digest}`))).toBe(200);
  await age(HOUR);
  expect(await gc().run()).toMatchObject({ blobs: 2, objects: 2 });
  expect(await keys()).toEqual(before);
});

test("an index and its children go together, in whatever order they are found", async () => {
  const registry = new RegistryClient();
  const children = await Promise.all(["a", "b", "c"].map((tag) => pushImage(registry, tag)));
  const inner = await registry.pushManifest(index(children.map(({ manifest }) => manifest)));
  const outer = await registry.pushManifest(index([inner]), "v1");
  for (const { digest } of [outer, inner, ...children.map(({ manifest }) => manifest)]) {
    expect(await status(registry.request("DELETE", `manifests/${digest}`))).toBe(202);
  }
  await env.DB.prepare(`UPDATE manifests SET deleted_at = 1 WHERE deleted_at IS NOT NULL`).run();
  const due = new GcStore(env.DB);
  let rest = 5;
  for (; rest > 0; rest--) {
    expect(await due.expireManifests({ grace: 0, trash: 0 }, 1)).toBe(1);
  }
});

test("a child that was deleted before its index, by its Worker's clock, keeps nothing else from going", async () => {
  const registry = new RegistryClient();
  const { manifest } = await pushImage(registry, "child");
  const list = await registry.pushManifest(index([manifest]), "v1");
  for (const { digest } of [list, manifest]) {
    expect(await status(registry.request("DELETE", `manifests/${digest}`))).toBe(202);
  }
  await env.DB.prepare(
    `UPDATE manifests SET deleted_at = iif(digest = ?1, 1, 100) WHERE digest IN (?1, ?2)`,
  )
    .bind(manifest.digest, list.digest)
    .run();
  const due = new GcStore(env.DB);
  expect(await due.expireManifests({ grace: 0, trash: 0 }, 1)).toBe(1);
  expect(await due.expireManifests({ grace: 0, trash: 0 }, 1)).toBe(1);
});

test("one kind of thing that fails keeps no other from going", async () => {
  const registry = new RegistryClient();
  await registry.pushBlob(blob());
  await age(HOUR);
  const broken = new Proxy(env.DB, {
    get: (target, name) =>
      name === "prepare"
        ? (sql: string) =>
            target.prepare(sql.startsWith("DELETE FROM manifests") ? "SELECT * FROM nowhere" : sql)
        : (...parameters: unknown[]) =>
            Reflect.apply(Reflect.get(target, name) as () => unknown, target, parameters),
  });
  const run = new GarbageCollector(new GcStore(broken), new Bucket(env.BLOBS), {
    grace: HOUR,
    trash: HOUR,
  }).run();
  await expect(run).rejects.toThrow("nowhere");
  const jobs = new JobStore(env.DB);
  const failing = new GarbageCollector(new GcStore(broken), new Bucket(env.BLOBS), {
    grace: HOUR,
    trash: HOUR,
  });
  await expect(turn(failing)).rejects.toThrow("nowhere");
  expect(await gc().overview(jobs)).toMatchObject({ failedAt: expect.any(Number) });
  expect(await turn(gc())).not.toBeNull();
  expect(await gc().overview(jobs)).toMatchObject({ failedAt: null });
  expect(await gc().run()).toEqual({ ...NOTHING, more: false });
});

test("a finish that was under way while its object was collected makes no row of it", async () => {
  const registry = new RegistryClient();
  const layer = await registry.pushBlob(blob());
  const row = await env.DB.prepare(`SELECT key, size FROM blobs WHERE digest_id = ${idOf("?1")}`)
    .bind(layer.digest)
    .first<{ key: string; size: number }>();
  await age(HOUR);
  expect(await gc().run()).toMatchObject({ blobs: 1, objects: 1 });
  const add = () =>
    new BlobStore(env.DB, "make").add(
      registry.repository as RepositoryName,
      layer.digest as Digest,
      row ?? { key: "", size: 0 },
      INITIATOR,
    );
  await expect(add()).rejects.toThrow("no such upload");
  await env.DB.prepare(`UPDATE deleted_keys SET until = 0`).run();
  await gc().run();
  const left = await env.DB.prepare(`SELECT count(*) AS n FROM deleted_keys`).first<{
    n: number;
  }>();
  expect(left?.n).toBe(0);
});

test("a manifest in use is never made final, though a row says that it was deleted", async () => {
  const registry = new RegistryClient();
  const { manifest } = await pushImage(registry, "child");
  await registry.pushManifest(index([manifest]), "v1");
  await registry.request("DELETE", "manifests/child");
  const mark = env.DB.prepare(`UPDATE manifests SET deleted_at = 1 WHERE digest = ?1`);
  await expect(mark.bind(manifest.digest).run()).rejects.toThrow("still referenced");
});

test("a deleted blob comes back with the manifest that is pushed again, and is kept meanwhile", async () => {
  const registry = new RegistryClient();
  const { manifest, layer } = await pushImage(registry, "v1");
  await registry.request("DELETE", `manifests/${manifest.digest}`);
  expect(await status(registry.request("DELETE", `blobs/${layer.digest}`))).toBe(202);
  expect(await status(registry.get(`blobs/${layer.digest}`))).toBe(404);
  expect(await gc({ grace: 0, trash: HOUR }).run()).toEqual({ ...NOTHING, more: false });
  // The trashed blob counts in the usage as long as it is kept.
  await recount();
  expect(await status(registry.putManifest("v2", manifest))).toBe(400);
  await registry.pushBlob(layer);
  await registry.pushManifest(manifest, "v2");
  expect(await registry.pullBlob(layer.digest)).toEqual(layer.bytes);
  await recount();
});

test("what only the trash window kept goes with it", async () => {
  const before = await keys();
  const registry = new RegistryClient();
  const { manifest, layer, config } = await pushImage(registry, "v1");
  await registry.request("DELETE", `manifests/${manifest.digest}`);
  for (const { digest } of [layer, config]) {
    expect(await status(registry.request("DELETE", `blobs/${digest}`))).toBe(202);
  }
  await age(HOUR);
  await recount();
  expect(await gc().run()).toMatchObject({ manifests: 1, blobs: 0, objects: 2 });
  expect(await keys()).toEqual(before);
  await recount();
});

test("a deleted repository is emptied step by step and goes", async () => {
  const before = await keys();
  const registry = new RegistryClient();
  for (const tag of ["a", "b", "c"]) await pushImage(registry, tag);
  await registry.request("PUT", "manifests/a", {
    body: imageManifest({ config: await registry.pushBlob(blob()) }).bytes,
    headers: { "content-type": imageManifest({ config: blob() }).mediaType },
  });
  expect(
    await status(registry.request("DELETE", `/api/v1/repositories/${registry.repository}`)),
  ).toBe(204);
  await age(HOUR);
  const due = new GcStore(env.DB);
  let steps = 0;
  for (; !(await due.drainRepository({ grace: HOUR, trash: HOUR }, 2)).gone; steps++) {
    expect(steps).toBeLessThan(50);
  }
  // 4 manifests with 7 references, 3 tags, a past one, 7 blobs, two of each at once.
  expect(steps).toBeGreaterThan(5);
  expect(await gc().run()).toMatchObject({ objects: 7, repositories: 0 });
  expect(await keys()).toEqual(before);
  const { results } = await env.DB.prepare(`SELECT * FROM repositories WHERE former_name = ?1`)
    .bind(registry.repository)
    .all();
  expect(results).toEqual([]);
});

test("a repository whose trash window is not over stays", async () => {
  const registry = new RegistryClient();
  await pushImage(registry, "v1");
  await registry.request("DELETE", `/api/v1/repositories/${registry.repository}`);
  expect(await gc({ grace: 0, trash: HOUR }).run()).toEqual({ ...NOTHING, more: false });
});

test("a big manifest's object goes with it, and one whose row never came goes too", async () => {
  const before = await keys();
  const registry = new RegistryClient();
  const config = await registry.pushBlob(blob());
  const big = imageManifest({ config, fields: { annotations: { big: "x".repeat(300_000) } } });
  await registry.pushManifest(big, "v1");
  // The same push again writes an object that its row does not use.
  await registry.pushManifest(big, "v2");
  expect(await keys()).toHaveLength(before.length + 3);
  await age(24 * HOUR);
  expect(await gc().run()).toMatchObject({ objects: 1 });
  expect(await registry.pullManifest("v2")).toEqual(big.bytes);
  await registry.request("DELETE", `manifests/${big.digest}`);
  await age(24 * HOUR);
  await gc().run();
  await age(24 * HOUR);
  await gc().run();
  expect(await keys()).toEqual(before);
});

test("an object that R2 fails to delete is tried again later, and later again", async () => {
  const registry = new RegistryClient();
  await registry.pushBlob(blob());
  await age(HOUR);
  const failing = new Proxy(env.BLOBS, {
    get: (target, name) =>
      name === "delete"
        ? () => Promise.reject(new Error("R2 has a bad day (10001)"))
        : (Reflect.get(target, name) as unknown),
  });
  const error = vi.spyOn(console, "error").mockReturnValue();
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    expect(await gc(undefined, failing).run()).toMatchObject({ failed: 1, objects: 0 });
    const row = await env.DB.prepare(`SELECT due_at, attempts FROM object_deletions`).first<{
      due_at: number;
      attempts: number;
    }>();
    expect(row?.attempts).toBe(i + 1);
    waits.push(Math.round(((row?.due_at ?? 0) - Date.now()) / 60_000));
    await env.DB.prepare(`UPDATE object_deletions SET due_at = 0`).run();
  }
  expect(error).toHaveBeenCalledTimes(4);
  error.mockRestore();
  expect(waits).toEqual([5, 10, 20, 40]);
  expect(await gc().run()).toMatchObject({ objects: 1, failed: 0 });
});

test("a key that a row names is never deleted, whatever the list says", async () => {
  const registry = new RegistryClient();
  const { layer } = await pushImage(registry, "v1");
  await env.DB.prepare(
    `INSERT INTO object_deletions (key, due_at) SELECT key, 0 FROM blobs WHERE digest_id = ${idOf("?1")}`,
  )
    .bind(layer.digest)
    .run();
  expect((await gc().run()).objects).toBe(0);
  expect(await registry.pullBlob(layer.digest)).toEqual(layer.bytes);
  await env.DB.prepare(`DELETE FROM object_deletions`).run();
});

test("1,500 blobs go in one run, and their objects by as many as R2 takes at once", async () => {
  const registry = new RegistryClient();
  await registry.pushBlob(text("the repository"));
  await env.DB.batch([
    env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
       INSERT INTO digests (hash) SELECT unhex(printf('%064x', i)) FROM n`,
    ),
    env.DB.prepare(
      `INSERT INTO blobs (digest_id, key, size, created_at)
       SELECT id, 'blobs/many-' || id, 1, 0 FROM digests WHERE hex(hash) GLOB '0000000000*'`,
    ),
    env.DB.prepare(
      `INSERT INTO repository_blobs (repository_id, digest_id)
       SELECT r.id, b.digest_id FROM repositories r, blobs b
       WHERE r.name = ?1 AND b.key GLOB 'blobs/many-*'`,
    ).bind(registry.repository),
  ]);
  await age(HOUR);
  const sizes: number[] = [];
  const counting = new Proxy(env.BLOBS, {
    get: (target, name) =>
      name === "delete"
        ? (some: string[]) => {
            sizes.push(some.length);
            return target.delete(some);
          }
        : (Reflect.get(target, name) as unknown),
  });
  const collected = await gc(undefined, counting).run();
  expect(collected).toMatchObject({ blobs: 1501, objects: 1501, more: false });
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
});

test("two runs at once do the work once", async () => {
  const registry = new RegistryClient();
  for (let i = 0; i < 5; i++) await registry.pushBlob(blob());
  await age(HOUR);
  const runs = await Promise.all([gc().run(), gc().run()]);
  expect(runs.reduce((sum, { blobs }) => sum + blobs, 0)).toBe(5);
});

test("the cron takes one run at a time, and the overview shows it", async () => {
  const registry = new RegistryClient();
  await registry.pushBlob(blob());
  const jobs = new JobStore(env.DB);
  const lease = await jobs.acquire("gc", 60_000);
  expect(await turn(gc())).toBeNull();
  expect(lease).not.toBeNull();
  if (lease !== null) await jobs.release(lease, {});
  const waiting = await api("GET", "/gc");
  expect(await waiting.json()).toMatchObject({
    blobs: { waiting: 1, due: 0, firstDueAt: expect.any(String) },
    objects: { waiting: 0, due: 0, failing: 0, firstDueAt: null },
    lastRun: null,
  });
  await age(24 * HOUR);
  await worker.scheduled(createScheduledController(), env);
  expect(await (await api("GET", "/gc")).json()).toMatchObject({
    blobs: { waiting: 0, due: 0, firstDueAt: null },
    lastRun: { blobs: 1, objects: 1, more: false },
  });
});

test("an administrator has it run at once", async () => {
  const send = withSettings({ GC_GRACE_HOURS: "0" });
  const registry = new RegistryClient({ send });
  await registry.pushBlob(blob());
  const response = await registry.request("POST", "/api/v1/gc", {
    body: "{}",
    headers: { "content-type": "application/json" },
  });
  expect(await response.json()).toMatchObject({ run: { blobs: 1, objects: 1, more: false } });
});

test("the queue goes on where one run was not enough", async () => {
  const registry = new RegistryClient();
  await registry.pushBlob(blob());
  await age(24 * HOUR);
  const message = {
    id: "1",
    timestamp: new Date(),
    attempts: 1,
    body: { kind: "job" as const, job: "gc" },
  };
  await worker.queue(createMessageBatch("slipway-events", [message]), env);
  expect(await (await api("GET", "/gc")).json()).toMatchObject({ lastRun: { blobs: 1 } });
});

test("what is due is found by an index, not by a walk", async () => {
  const found = await plansOf(async (db) => {
    const due = new GcStore(db);
    const ages = { grace: 0, trash: 0 };
    await due.unlink(ages, 10);
    await due.expireManifests(ages, 10);
    await due.expireHistory(ages, 10);
    await due.drainRepository(ages, 10);
    await due.dueObjects(10);
    await due.forgetObjects([]);
    await due.forgetKeys(10);
    await due.postponeObjects([]);
    await due.queues(ages);
  });
  expect(found.length).toBeGreaterThanOrEqual(16);
  for (const { sql, plan } of found) expect(tableScans(plan), sql).toEqual([]);
});
