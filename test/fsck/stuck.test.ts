/** States in which the background check stops, and must not: lost databases, imports, failures. */
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { AuditStore } from "../../src/db/audit.ts";
import { JobStore } from "../../src/db/jobs.ts";
import { BackgroundFsck } from "../../src/fsck/background.ts";
import { RegistryClient } from "../support/client.ts";
import { findings, newFsck } from "../support/fsck.ts";
import { blob, imageManifest } from "../support/images.ts";
import { done, refused } from "../support/management.ts";
import { exportChanges, importAll, type Imported, loseDatabase } from "../support/recovery.ts";
import { tick } from "../support/fsck.ts";

const DAY = 86_400_000;
const TICK = 300_000;
const START = Math.floor(Date.now() / DAY) * DAY;
const OLD = { orphan: -10 * DAY };

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

function sample(bytesPerDay = DAY, fsck = newFsck(OLD)): BackgroundFsck {
  const stores = { jobs: new JobStore(env.DB), audit: new AuditStore(env.DB) };
  return new BackgroundFsck(fsck, stores, bytesPerDay);
}

async function reported(): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT detail FROM audit WHERE action = 'fsck.finding' ORDER BY detail`,
  ).all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

async function pushImage(client: RegistryClient, tag: string): Promise<void> {
  const config = await client.pushBlob(blob());
  const layer = await client.pushBlob(blob(500));
  await client.pushManifest(imageManifest({ config, layers: [layer] }), tag);
}

/** Returns the bucket or the database with one of its methods replaced. */
function replaced<Binding extends object>(binding: Binding, name: keyof Binding, other: unknown) {
  return new Proxy(binding, {
    get(target, property) {
      if (property === name) return other;
      const value: unknown = Reflect.get(target, property);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A bucket that never gives one object. */
function without(bad: string): R2Bucket {
  return replaced(env.BLOBS, "get", async (key: string, options: R2GetOptions) => {
    if (key === bad) throw new Error("get: Unspecified error (0)");
    return env.BLOBS.get(key, options);
  });
}

/** A database that fails at statements like this one. */
function failing(pattern: RegExp): D1Database {
  return replaced(env.DB, "prepare", (sql: string) => {
    if (pattern.test(sql)) throw new Error("D1_ERROR: timed out");
    return env.DB.prepare(sql);
  });
}

describe("where the database is lost", () => {
  test("nothing is to be deleted, and the index is to be imported", async () => {
    await pushImage(new RegistryClient({ repository: "acme/app" }), "v1");
    await exportChanges();
    await loseDatabase();
    await tick(sample(), START);
    expect(await reported()).toEqual([
      expect.stringMatching(/^index\.empty: .*delete nothing.*slipway import/),
    ]);
    expect(await findings(OLD)).toMatchObject([{ kind: "index.empty", repository: null }]);
    await importAll();
    expect(await findings(OLD)).toEqual([]);
  });

  test("a registry whose objects are all young is not called clean", async () => {
    await pushImage(new RegistryClient({ repository: "acme/app" }), "v1");
    await exportChanges();
    expect(await findings()).toEqual([]);
    await loseDatabase();
    expect(await findings()).toMatchObject([{ kind: "index.empty", outcome: "found" }]);
    await tick(sample(DAY, newFsck()), START);
    expect(await reported()).toEqual([expect.stringMatching(/^index\.empty: /)]);
    await importAll();
    expect(await findings()).toEqual([]);
  });

  test("what an empty index has doomed is explained, and an upload in flight elsewhere is not told of", async () => {
    await env.BLOBS.put("blobs/doomed", "x");
    await env.DB.prepare(
      `INSERT INTO object_deletions (key, due_at) VALUES ('blobs/doomed', 0)`,
    ).run();
    expect(await findings()).toEqual([]);
    await new RegistryClient().pushBlob(blob());
    await env.BLOBS.put("blobs/flying", "x");
    expect(await findings()).toEqual([]);
  });

  test("an object that nothing explains is not to be deleted before that was thought of", async () => {
    await new RegistryClient().pushBlob(blob());
    await env.BLOBS.put("blobs/stray", "x");
    const [orphan] = await findings(OLD);
    expect(orphan).toMatchObject({ kind: "object.orphan", subject: "blobs/stray" });
    expect(orphan?.message).toContain("slipway import");
    expect(orphan?.message).not.toContain("delete");
  });

  test("neither walk nor request looks at half of an index", async () => {
    const client = new RegistryClient({ repository: "acme/app" });
    for (let i = 0; i < 4; i++) {
      await pushImage(client, `v${i}`);
      await exportChanges();
    }
    await loseDatabase();
    let steps = 0;
    while ((await done<Imported>("POST", "/import", {})).phase !== "done") {
      await tick(sample(), START + steps * TICK);
      expect(await refused("POST", "/fsck", {})).toEqual({ status: 409, code: "CONFLICT" });
      expect(await refused("POST", "/fsck", { repair: true })).toMatchObject({ status: 409 });
      steps++;
    }
    expect(steps).toBeGreaterThan(3);
    expect(await reported()).toEqual([]);
    expect((await sample().state()).metadata).toEqual({ round: null, last: null });
    expect((await done<{ findings: [] }>("POST", "/fsck", {})).findings).toEqual([]);
  });

  test("what was found in a step that an import began in is not told", async () => {
    await new RegistryClient().pushBlob(blob());
    await env.DB.prepare(`DELETE FROM unreferenced_blobs`).run();
    const db = replaced(env.DB, "prepare", (sql: string) => {
      const statement = env.DB.prepare(sql);
      if (!sql.includes("AS listed")) return statement;
      return {
        bind: (...values: unknown[]) => ({
          async all() {
            const rows = await statement.bind(...values).all();
            const began = `INSERT INTO jobs (name, lease_until, state) VALUES ('import', 0, '{"phase":"list"}')`;
            await env.DB.prepare(began).run();
            return rows;
          },
        }),
      };
    });
    await tick(sample(0, newFsck({ ...OLD, db })), START);
    expect(await reported()).toEqual([]);
    expect((await sample(0).state()).metadata.round?.findings).toBe(0);
  });
});

describe("what fails", () => {
  test("an object that the bucket never gives is told of and does not hold up the others", async () => {
    const client = new RegistryClient();
    for (let i = 0; i < 3; i++) await client.pushBlob(blob(1000));
    const row = await env.DB.prepare(`SELECT key FROM blobs ORDER BY digest_id`).first<{
      key: string;
    }>();
    const fsck = newFsck({ ...OLD, bucket: without(row?.key ?? "") });
    const background = sample(24 * DAY, fsck);
    await tick(background, START);
    await tick(background, START + TICK);
    expect((await background.state()).hash.last).toMatchObject({ bytes: 2000, findings: 1 });
    expect(await reported()).toEqual([expect.stringMatching(/^blob\.unread: .*Unspecified error/)]);
  });

  test("a manifest that the bucket never gives does not hold up the others either", async () => {
    const client = new RegistryClient();
    const config = await client.pushBlob(blob());
    const annotations = { large: "x".repeat(300_000) };
    await client.pushManifest(imageManifest({ config, fields: { annotations } }), "large");
    const row = await env.DB.prepare(`SELECT object FROM manifests`).first<{ object: string }>();
    const bucket = without(row?.object ?? "");
    expect(await findings({ ...OLD, bucket })).toMatchObject([
      { kind: "manifest.unread", outcome: "found" },
    ]);
  });

  test("what passes is not told of", async () => {
    await new RegistryClient().pushBlob(blob());
    let calls = 0;
    const bucket = replaced(env.BLOBS, "get", async (key: string) => {
      if (calls++ === 0) throw new Error("get: Unspecified error (0)");
      return env.BLOBS.get(key);
    });
    expect(await findings({ ...OLD, bucket })).toEqual([]);
    expect(calls).toBe(2);
  });

  test("a page that fails time and again is passed over, and what came before is told once", async () => {
    const client = new RegistryClient({ repository: "acme/app" });
    await client.pushBlob(blob());
    await env.DB.prepare(`DELETE FROM unreferenced_blobs`).run();
    await env.BLOBS.put("blobs/stray", "x");
    const db = failing(/AS actualBytes/);
    const background = sample(DAY, newFsck({ ...OLD, db }));
    for (let i = 0; i < 3; i++) {
      await expect(tick(background, START + i * TICK)).rejects.toThrow("timed out");
      // The other pass continues.
      expect((await background.state()).hash.last === null).toBe(i === 0);
    }
    const unreferenced = expect.stringMatching(/^unreferenced\.missing: /);
    expect(await reported()).toEqual([unreferenced]);
    // A page is a namespace here, and of these there are two.
    await env.DB.prepare(`INSERT INTO namespaces (name, created_at) VALUES ('other', 0)`).run();
    for (let i = 3; i < 7; i++) await tick(background, START + i * TICK).catch(() => null);
    expect((await background.state()).metadata.last).toMatchObject({ findings: 4 });
    const passed = expect.stringMatching(/^page\.unread: .*tried 3 times/);
    const orphan = expect.stringMatching(/^object\.orphan: /);
    expect(await reported()).toEqual([orphan, passed, passed, unreferenced]);
  });

  test("a page whose worker dies each time does not hold up the walk", async () => {
    await new RegistryClient().pushBlob(blob());
    const dying = { cursor: { phase: "links", repository: 0, name: "" }, tries: 3 };
    const jobs = new JobStore(env.DB);
    const lease = await jobs.acquire("fsck", 60_000);
    if (lease !== null) await jobs.release(lease, { metadata: dying });
    const background = sample(0, newFsck({ ...OLD, db: failing(/AS listed/) }));
    await tick(background, START);
    expect((await background.state()).metadata.last?.findings).toBe(1);
    expect(await reported()).toEqual([expect.stringMatching(/^page\.unread: /)]);
  });
});

test("a budget smaller than what there is does not keep the walk from everything else", async () => {
  const client = new RegistryClient();
  for (let i = 0; i < 30; i++) await client.pushBlob(blob(1000));
  await env.BLOBS.put("blobs/stray", "x");
  const background = sample(5000);
  for (let hour = 0; hour < 24; hour++) await tick(background, START + hour * 12 * TICK);
  const { metadata, hash } = await background.state();
  expect(metadata.last).toMatchObject({ bytes: 0, findings: 1 });
  expect(hash.last).toBeNull();
  expect(hash.round?.bytes).toBeGreaterThanOrEqual(4000);
  expect(hash.round?.bytes).toBeLessThanOrEqual(6000);
  expect(await reported()).toEqual([expect.stringMatching(/^object\.orphan: /)]);
  // The check still comes to its end, and begins again.
  for (let day = 1; day < 8; day++) {
    for (let hour = 0; hour < 24; hour++)
      await tick(background, START + day * DAY + hour * 12 * TICK);
  }
  const after = await background.state();
  expect(after.hash.last).toMatchObject({ bytes: 30_000, findings: 0 });
  expect(after.hash.round).not.toBeNull();
});
