/** An import comes to its end whatever happens to it, and refuses everything that it does not understand. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { readSettings } from "../../src/settings.ts";
import type { Initiator } from "../../src/db/audit.ts";
import { createRegistry } from "../../src/compose.ts";
import { Faults } from "../properties/faults/faults.ts";
import { RegistryClient } from "../support/client.ts";
import { blob, digestOf, imageManifest } from "../support/images.ts";
import { api, done, problem, refused } from "../support/management.ts";
import { expectWhole, populate } from "../support/populated.ts";
import { sample } from "../support/sample.ts";
import {
  emptyBucket,
  expectLike,
  expectSame,
  exportAll,
  exportChanges,
  importAll,
  type Imported,
  keysOf,
  loseDatabase,
  registry,
  snapshot,
} from "../support/recovery.ts";

const INITIATOR: Initiator = {
  actor: "admin",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "test",
};

beforeEach(async () => {
  await loseDatabase();
  await emptyBucket();
});

async function stateOf(job: string): Promise<string> {
  const row = await env.DB.prepare("SELECT state FROM jobs WHERE name = ?1").bind(job).first();
  return typeof row?.["state"] === "string" ? row["state"] : "{}";
}

/** Runs a step whose Worker dies before the step is saved, and the step of the one that takes over. */
async function twice(job: string, step: () => Promise<unknown>): Promise<void> {
  const before = await stateOf(job);
  await step();
  await env.DB.prepare("UPDATE jobs SET state = ?2, lease_until = 0 WHERE name = ?1")
    .bind(job, before)
    .run();
  await step();
}

/** Ends all leases, as if the runs that held them had died long ago. */
async function endLeases(): Promise<void> {
  await env.DB.prepare("UPDATE jobs SET lease_until = 0").run();
}

/** Exports one image, and then loses the database. */
async function lostAfter(work: () => Promise<unknown>): Promise<string[]> {
  const { client, arm } = await populate();
  await work();
  await client.pushManifest(arm, "more");
  await exportChanges();
  await client.pushManifest(arm, "even-more");
  await exportChanges();
  await loseDatabase();
  return keysOf("exports/");
}

/** Reads the newest object of changes. */
async function newestChanges(keys: readonly string[]): Promise<{ key: string; text: string }> {
  const key = keys.findLast((one) => one.includes("/changes/")) ?? "";
  return { key, text: (await (await env.BLOBS.get(key))?.text()) ?? "" };
}

/** Sets the database back as D1 does: the state of this index is then the old one, too. */
async function setBack(work: () => Promise<unknown>): Promise<void> {
  const tables = ["change_log", "jobs", "tags", "tag_history", "namespace_usage"];
  const read = tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`));
  const saved = await env.DB.batch<Record<string, unknown>>(read);
  await work();
  const { results: triggers } = await env.DB.prepare(
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('tags', 'tag_history', 'namespace_usage')",
  ).all<{ name: string; sql: string }>();
  await env.DB.batch([
    ...triggers.map(({ name }) => env.DB.prepare(`DROP TRIGGER ${name}`)),
    ...tables.toReversed().map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
    ...tables.flatMap((table, i) =>
      (saved[i]?.results ?? []).map((row) => {
        // A generated column is not written.
        const stored = Object.entries(row).filter(([column]) => column !== "attachment");
        const columns = stored.map(([column]) => column);
        const places = columns.map((_, n) => `?${n + 1}`);
        const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places.join(", ")})`;
        return env.DB.prepare(sql).bind(...stored.map(([, value]) => value));
      }),
    ),
    ...triggers.map(({ sql }) => env.DB.prepare(sql)),
  ]);
}

async function chains(): Promise<string[]> {
  return [...new Set((await keysOf("exports/")).map((key) => key.split("/")[1] ?? ""))];
}

function textsOf(keys: readonly string[]): Promise<(string | undefined)[]> {
  return Promise.all(keys.map(async (key) => (await env.BLOBS.get(key))?.text()));
}

function overview() {
  return registry().exporter.overview();
}

test("each step of export and import may be done twice", async () => {
  const all = await populate();
  const { client, arm, amd } = all;
  await twice("export", exportChanges);
  await client.pushManifest(arm, "latest");
  await twice("export", () => api("POST", "/exports", {}));
  for (let i = 0; (await overview()).running !== null; i++) {
    await client.pushManifest(i % 2 === 0 ? amd : arm, "moving");
    await twice("export", () => registry().exporter.step());
    expect(i).toBeLessThan(20);
  }
  await client.pushManifest(amd, "latest");
  await client.request("DELETE", "manifests/moving");
  await twice("export", exportChanges);
  const before = await snapshot();
  await loseDatabase();
  for (let i = 0; (await registry().importer.state())?.phase !== "done"; i++) {
    await twice("import", () => registry().importer.step(null, INITIATOR));
    expect(i).toBeLessThan(50);
  }
  await expectLike(before);
  await expectWhole(all);
});

describe.each(["lost", "unanswered"] as const)("every call that is %s is made good", (mode) => {
  /** Runs each step with a fault at each of its calls in turn, until none is left. @returns the number of faults */
  async function withFaults(
    work: (failing: ReturnType<typeof createRegistry>) => Promise<unknown>,
    isOver: () => Promise<boolean>,
  ): Promise<number> {
    let happened = 0;
    for (let call = 0; !(await isOver());) {
      const faults = new Faults({ call, mode });
      await work(createRegistry(faults.env, readSettings(env))).catch(() => undefined);
      await endLeases();
      call = faults.happened ? call + 1 : 0;
      if (faults.happened) happened++;
      if (happened > 1_000) throw new Error("it comes to no end");
    }
    return happened;
  }

  test("those of export and import are", async () => {
    const all = await populate();
    const changes = await withFaults(
      ({ exporter, runner }) => runner.turn(exporter),
      async () => (await overview()).pending === 0,
    );
    expect(changes).toBeGreaterThan(5);
    await all.client.pushManifest(all.arm, "latest");
    await registry().exporter.begin(INITIATOR);
    const full = await withFaults(
      ({ exporter }) => exporter.step(),
      async () => (await overview()).running === null,
    );
    expect(full).toBeGreaterThan(15);
    await all.client.pushManifest(all.amd, "latest");
    await exportChanges();
    const before = await snapshot();
    await loseDatabase();
    const imported = await withFaults(
      ({ importer }) => importer.step(null, INITIATOR),
      async () => (await registry().importer.state())?.phase === "done",
    );
    expect(imported).toBeGreaterThan(40);
    await expectLike(before);
    await expectWhole(all);
  });
});

describe("an import is refused", () => {
  test("where there is a repository, even a deleted one, and nothing is closed by it", async () => {
    await populate();
    await exportAll();
    await loseDatabase();
    const client = new RegistryClient({ repository: "new/app" });
    await client.pushBlob(blob());
    expect(await refused("POST", "/import", {})).toEqual({ status: 409, code: "CONFLICT" });
    await done("DELETE", "/repositories/new/app");
    expect(await refused("POST", "/import", {})).toEqual({ status: 409, code: "CONFLICT" });
    await client.pushBlob(blob());
  });

  test("where there is nothing to import", async () => {
    expect(await refused("POST", "/import", {})).toEqual({ status: 404, code: "NOT_FOUND" });
    const client = new RegistryClient({ repository: "new/app" });
    await client.pushBlob(blob());
  });

  test("where several indexes have written into the bucket, until one is chosen", async () => {
    const first = await populate();
    const id = await exportAll();
    const { backupId } = await overview();
    const before = await snapshot();
    await loseDatabase();
    await new RegistryClient({ repository: "another/app" }).pushBlob(blob());
    await exportChanges();
    await loseDatabase();
    const response = await api("POST", "/import", {});
    expect(await response.clone().text()).toContain(backupId);
    expect((await problem(response)).status).toBe(409);
    expect((await refused("POST", "/import", { from: "nothing" })).status).toBe(404);
    expect(await importAll(id)).toMatchObject({ backupId, full: id, lost: 0 });
    await expectLike(before);
    await loseDatabase();
    expect(await importAll(backupId)).toMatchObject({ backupId, full: id });
    await expectLike(before);
    await expectWhole(first);
  });

  test("a second time: it only says how the first one ended", async () => {
    await populate();
    await exportAll();
    await loseDatabase();
    const first = await importAll();
    expect(await done<Imported>("POST", "/import", {})).toEqual(first);
  });
});

describe("while an import is under way", () => {
  test("nobody writes, and everybody is told to try again", async () => {
    const { client, amd, namespace, gone } = await populate();
    await exportAll();
    await loseDatabase();
    const blobBefore = blob();
    let state = await done<Imported>("POST", "/import", {});
    for (let i = 0; state.phase !== "done"; i++) {
      const location = await client.startUpload();
      const statuses = [
        (await client.finish(location, blobBefore.digest, blobBefore.bytes)).status,
        (await client.putManifest("other", amd)).status,
        (await client.in("new/repo").putManifest("v1", amd)).status,
        (await api("POST", "/repositories", { name: `${namespace}/new` })).status,
      ];
      // A row that is not imported yet is unknown; a row that is imported cannot be written.
      for (const status of statuses) expect([400, 404, 503]).toContain(status);
      await exportChanges();
      state = await done<Imported>("POST", "/import", {});
      expect(i).toBeLessThan(50);
    }
    expect(gone.digest).not.toBe("");
    await client.pushBlob(blobBefore);
    await client.pushManifest(amd, "other");
    const triggers = await env.DB.prepare(
      "SELECT count(*) AS n FROM sqlite_master WHERE name LIKE 'closed_%'",
    ).first();
    expect(triggers).toEqual({ n: 0 });
  });

  test("all the rules are in force again afterwards", async () => {
    await populate();
    await exportAll();
    const sql = `SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name`;
    const before = await env.DB.prepare(sql).all();
    await loseDatabase();
    await importAll();
    expect((await env.DB.prepare(sql).all()).results).toEqual(before.results);
  });
});

describe("the bucket of the exports", () => {
  test("keeps what was written, even if it was not noted and what changed is forgotten", async () => {
    const { client, arm } = await populate();
    await exportChanges();
    await client.pushManifest(arm, "a");
    const state = await stateOf("export");
    await exportChanges();
    await env.DB.prepare(
      "DELETE FROM change_log WHERE id < (SELECT max(id) FROM change_log)",
    ).run();
    await env.DB.prepare("UPDATE jobs SET state = ?1 WHERE name = 'export'").bind(state).run();
    await exportChanges();
    await expectSame();
  });

  test("has the objects of a step that died, which is not done again", async () => {
    const { client, arm } = await populate();
    await exportChanges();
    await client.pushManifest(arm, "a");
    const state = await stateOf("export");
    await exportChanges();
    const keys = await keysOf("exports/");
    await env.DB.prepare("UPDATE jobs SET state = ?1 WHERE name = 'export'").bind(state).run();
    await exportChanges();
    expect(await keysOf("exports/")).toEqual(keys);
    await client.pushManifest(arm, "b");
    await exportChanges();
    await expectSame();
  });

  describe("that of a database that was set back to what it was before", () => {
    test.each([
      ["as many changes as there were", ["now-1"]],
      ["fewer", []],
      ["more", ["now-1", "now-2", "now-3", "now-4", "now-5"]],
    ])("has another chain from then on: %s", async (_, tags) => {
      const { client, amd } = await populate();
      await exportChanges();
      await setBack(async () => {
        await client.pushManifest(amd, "future-1");
        await exportChanges();
      });
      const [first = ""] = await chains();
      for (const tag of tags) await client.pushManifest(amd, tag);
      await exportChanges();
      for (const tag of tags) {
        await client.pushManifest(amd, `${tag}-later`);
        await exportChanges();
      }
      const { backupId, pending, running, finished } = await overview();
      expect([pending, running, finished.length]).toEqual([0, null, 1]);
      expect(await chains()).toEqual([first, backupId]);
      // Only one of them can be imported.
      await expectSame();
      expect(await client.listTags()).not.toContain("future-1");
      // The registry continues the backup that it imported.
      await client.pushManifest(amd, "again");
      await exportAll();
      await expectSame();
      expect(await chains()).toEqual([first, backupId]);
      // The replaced backup can still be imported by name.
      await loseDatabase();
      expect(await importAll(first)).toMatchObject({ backupId: first, lost: 0 });
      expect(await client.listTags()).toContain("future-1");
    });

    test("whose full export was under way begins another one", async () => {
      const { client, amd } = await populate();
      await exportChanges();
      await done("POST", "/exports", {});
      const old = (await overview()).running?.id;
      let keys: string[] = [];
      await setBack(async () => {
        await client.pushManifest(amd, "future");
        await exportChanges();
        keys = await keysOf("exports/");
      });
      const texts = await textsOf(keys);
      await client.pushManifest(amd, "now");
      const state = await done<{ running: { id: string } }>("POST", "/exports/steps", {});
      expect(state.running.id).not.toBe(old);
      await exportAll();
      expect(await textsOf(keys)).toEqual(texts);
      await expectSame();
      expect(await client.listTags()).not.toContain("future");
    });

    test("is told of a full export that somebody asks for", async () => {
      const { client, amd } = await populate();
      await exportChanges();
      await setBack(async () => {
        await client.pushManifest(amd, "future");
        await exportChanges();
      });
      await client.pushManifest(amd, "now");
      const id = await exportAll();
      expect((await overview()).finished).toMatchObject([{ id }]);
      expect((await chains()).length).toBe(2);
      await expectSame();
    });
  });

  test.each([
    ["changes", 1, /the changes \d+ to \d+ are missing/],
    ["full", 0, /1 of 1 pages are missing/],
  ])("with a gap is not imported: %s", async (what, which, reason) => {
    const keys = await lostAfter(async () => (what === "full" ? exportAll() : exportChanges()));
    const some = keys.filter((key) => key.includes(`/${what}/`) && key.endsWith(".jsonl"));
    await env.BLOBS.delete(some[which] ?? "");
    await done("POST", "/import", {});
    const response = await api("POST", "/import", {});
    const after = response.ok ? await api("POST", "/import", {}) : response;
    const { detail } = await after.json<{ detail: string }>();
    expect([after.status, detail]).toEqual([409, expect.stringMatching(reason)]);
  });

  const DAMAGED: readonly [string, string, string][] = [
    ["an unknown table", '{"table":"secrets","row":{"id":1}}\n', 'no table "secrets"'],
    ["a table of the prototype", '{"table":"constructor","row":{}}\n', 'no table "constructor"'],
    ["an unknown column", '{"table":"users","row":{"name":"x","shoe":1}}\n', 'no column "shoe"'],
    [
      "an unknown column of a blob",
      '{"table":"manifests","row":{"repository_id":1,"digest":"d"},"references":[{"digest":"d","kind":"blob","state":"linked","blob":{"x":1}}]}\n',
      'no column "x"',
    ],
    ["an unknown field", '{"table":"users","row":{"name":"x"},"also":1}\n', 'no field "also"'],
    ["a row without its key", '{"table":"tags","row":{"name":"x"}}\n', "without its key"],
    ["a key of another length", '{"table":"tags","gone":["x"]}\n', "no key of tags"],
    ["SQL for a column", '{"table":"users","row":{"name":"x","1) --":1}}\n', "no column"],
    ["a list for a value", '{"table":"users","row":{"name":"x","password":[]}}\n', "neither"],
    [
      "a blob that is no blob's object",
      '{"table":"manifests","row":{"repository_id":1,"digest":"d"},"references":[{"digest":"d","kind":"blob","state":"linked","blob":{"digest":"d","key":"exports/x","size":1}}]}\n',
      "no object of blobs/",
    ],
    [
      "a held blob without its object",
      '{"table":"blob_links","row":{"repository_id":1,"digest":"d"},"state":"linked","blob":{"digest":"d"}}\n',
      "no object of blobs/",
    ],
    [
      "a reference by no digest",
      '{"table":"manifests","row":{"repository_id":1,"digest":"d"},"references":[{"digest":"d","kind":"blob"}]}\n',
      "by no digest",
    ],
    [
      "a blob under another digest",
      '{"table":"blob_links","row":{"repository_id":1,"digest":"d"},"state":"linked","blob":{"digest":"e","key":"blobs/x","size":1}}\n',
      "another digest than its own",
    ],
    [
      "a manifest that is no manifest's object",
      '{"table":"manifests","row":{"repository_id":1,"digest":"d","object":"blobs/x"},"references":[]}\n',
      "no object of manifests/",
    ],
    ["half a line", '{"table":"users","ro', "middle of a line"],
    ["no JSON", "nonsense\n", "no JSON object"],
    ["a list", "[]\n", "no JSON object"],
    [
      "no references",
      '{"table":"manifests","row":{"repository_id":1,"digest":"d"},"references":1}\n',
      "references",
    ],
  ];
  test.each(sample("damaged exports", DAMAGED, { few: 4 }))(
    "with %s is not imported, and it says where",
    async (_, line, reason) => {
      const keys = await lostAfter(exportAll);
      const { key, text } = await newestChanges(keys);
      await env.BLOBS.put(key, text + line);
      let response = await api("POST", "/import", {});
      for (let i = 0; response.ok && i < 10; i++) response = await api("POST", "/import", {});
      const { detail } = await response.json<{ detail: string }>();
      expect([response.status, detail]).toEqual([409, expect.stringContaining(reason)]);
      expect(detail).toContain(key);
      expect(await env.DB.prepare("SELECT 1 FROM manifests").first()).toBeNull();
      // What was wrong is put right, and the import goes on.
      await env.BLOBS.put(key, text);
      expect(await importAll()).toMatchObject({ lost: 0 });
    },
  );

  test("with a tag whose manifest is not there loses the tag, and says so", async () => {
    const keys = await lostAfter(exportAll);
    const { key, text } = await newestChanges(keys);
    const digest = digestOf(new Uint8Array(1));
    const row = { repository_id: 1, name: "lonely", digest, updated_at: 1 };
    await env.BLOBS.put(key, `${text}${JSON.stringify({ table: "tags", row })}\n`);
    expect(await importAll()).toMatchObject({
      lost: 1,
      examples: [{ table: "tags", key: '[1,"lonely"]' }],
    });
  });

  test("with two repositories of one name loses one, and says so", async () => {
    const keys = await lostAfter(exportAll);
    const { key, text } = await newestChanges(keys);
    const lines = [98, 99].map((id) => {
      const row = { id, name: "a/b", created_at: 1 };
      return `${JSON.stringify({ table: "repositories", row })}\n`;
    });
    await env.BLOBS.put(key, text + lines.join(""));
    expect(await importAll()).toMatchObject({
      lost: 1,
      examples: [{ table: "repositories", key: "[99]" }],
    });
  });
});

test("a column that has come since gets its default", async () => {
  const { client } = await populate();
  await exportChanges();
  const [key = ""] = await keysOf("exports/");
  const text = (await (await env.BLOBS.get(key))?.text()) ?? "";
  await env.BLOBS.put(
    key,
    text.replaceAll(/,"missing_since":null/g, "").replaceAll(',"retention":null', ""),
  );
  await expectSame();
  expect(await client.listTags()).toContain("latest");
});

test("a push after the last export is lost, and its repository whole", async () => {
  const all = await populate();
  await exportChanges();
  await all.client.pushBlob(blob());
  await all.client.pushManifest(
    imageManifest({ config: all.config, fields: { annotations: { x: "y" } } }),
    "late",
  );
  await loseDatabase();
  expect(await importAll()).toMatchObject({ lost: 0 });
  expect((await all.client.get("manifests/late")).status).toBe(404);
  await expectWhole(all);
});

test("a full export is what its place says, whatever it says itself", async () => {
  const { client } = await populate();
  const id = await exportAll();
  const { backupId } = await overview();
  const key = (await keysOf("exports/")).find((one) => one.endsWith("done.json")) ?? "";
  const says = JSON.parse((await (await env.BLOBS.get(key))?.text()) ?? "{}") as object;
  await env.BLOBS.put(key, JSON.stringify({ ...says, backupId: "another", id: "other" }));
  const before = await snapshot();
  await loseDatabase();
  expect(await importAll()).toMatchObject({ backupId, full: id, lost: 0 });
  await expectLike(before);
  expect(await client.listTags()).toContain("latest");
});
