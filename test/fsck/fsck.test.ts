/** fsck finds nothing in a sound registry, whatever its content and whatever happens in the meantime. */
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { kindNumber } from "../../src/db/manifest-references.ts";
import { insertDigests } from "../../src/db/digest-rows.ts";
import { idOf } from "../../src/db/digests.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { OCI_INDEX } from "../../src/oci/media-type.ts";
import { readSettings } from "../../src/settings.ts";
import { createRegistry } from "../../src/compose.ts";
import { GcStore } from "../../src/gc/store.ts";
import { deflateText } from "../../src/db/manifest-text.ts";
import { Bucket } from "../../src/db/bucket.ts";
import { type Cursor, START, type Step } from "../../src/fsck/fsck.ts";
import { PHASES } from "../../src/fsck/phases.ts";
import { GarbageCollector } from "../../src/gc/job.ts";
import { RegistryClient, withSettings } from "../support/client.ts";
import { expectSound, findings, newFsck, REPAIRER, stepsOf } from "../support/fsck.ts";
import {
  blob,
  describe as descriptor,
  digestOf,
  imageManifest,
  index,
  manifest,
  text,
} from "../support/images.ts";
import { done } from "../support/management.ts";
import { sized } from "../support/sample.ts";

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

/** Pushes one of everything that can be pushed. */
async function fill(client: RegistryClient) {
  const config = await client.pushBlob(blob());
  const layers = await Promise.all([blob(), blob(3000)].map((one) => client.pushBlob(one)));
  const image = await client.pushManifest(imageManifest({ config, layers }), "v1");
  const second = await client.pushManifest(imageManifest({ config, layers: [config] }));
  const list = await client.pushManifest(index([image, second]), "latest");
  const subject = descriptor(image, image.mediaType);
  const signature = imageManifest({ config, fields: { subject, artifactType: "a/b" } });
  await client.pushManifest(signature);
  const annotations = { large: "x".repeat(300_000) };
  const large = await client.pushManifest(
    imageManifest({ config, fields: { annotations } }),
    "large",
  );
  const strong = digestOf(config.bytes, "sha512");
  await client.finish(await client.startUpload(), strong, config.bytes);
  await client.pushManifest(image, digestOf(image.bytes, "sha512"));
  await client.pushBlob(blob());
  await client.append(await client.startUpload(), blob(9_000_000).bytes);
  return { config, image, list, large, signature };
}

/** Pushes, mounts and deletes without end, a request at a time; a request may fail if garbage collection was faster. */
async function* comings(client: RegistryClient, other: RegistryClient): AsyncGenerator {
  for (;;) {
    const [layer, shared] = [blob(), text(`shared ${client.repository}`)];
    for (const one of [layer, shared]) {
      yield await client.finish(await client.startUpload(), one.digest, one.bytes);
    }
    const annotations = { large: "x".repeat(300_000) };
    const image = imageManifest({ config: shared, layers: [layer], fields: { annotations } });
    yield await client.putManifest("latest", image);
    const list = index([image]);
    yield await client.putManifest("list", list);
    const mount = `mount=${text(`shared ${other.repository}`).digest}&from=${other.repository}`;
    yield await client.request("POST", `blobs/uploads/?${mount}`);
    yield await client.request("DELETE", `manifests/${list.digest}`);
    yield await client.request("DELETE", `manifests/${image.digest}`);
    yield await client.request("DELETE", `blobs/${layer.digest}`);
  }
}

/** The bucket, where something else happens before each call. */
function delayed(bucket: R2Bucket, next: () => Promise<void>): R2Bucket {
  return new Proxy(bucket, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...parameters: unknown[]) => {
        await next();
        return Reflect.apply(method, target, parameters) as unknown;
      };
    },
  });
}

/** The database, as far as repair reads it, where something else happens before each statement. */
function patient(db: D1Database, next: () => Promise<void>): D1Database {
  const prepare = (sql: string) => {
    const bind = (...values: unknown[]) => ({
      async all() {
        await next();
        return db
          .prepare(sql)
          .bind(...values)
          .all();
      },
    });
    return { bind, ...bind() };
  };
  return { prepare } as unknown as D1Database;
}

/** Collects all that is due, whatever its age. */
async function collect(): Promise<void> {
  const ages = { grace: -1_000, trash: -1_000 };
  await new GarbageCollector(new GcStore(env.DB), new Bucket(env.BLOBS), ages).run();
}

describe("fsck finds nothing", () => {
  test("in an empty registry", async () => {
    await expectSound({ orphan: -60_000 });
  });

  test("where images, indexes, referrers, big manifests and uploads at work are", async () => {
    await fill(new RegistryClient());
    await fill(new RegistryClient({ repository: "acme" }));
    await expectSound({ orphan: -60_000 });
  });

  test("where things were deleted, brought back, and collected", async () => {
    const client = new RegistryClient();
    const { image, list, large } = await fill(client);
    const other = client.in("acme/copy");
    await fill(other);
    await client.pushManifest(list, "v1");
    await client.request("DELETE", "manifests/latest");
    await client.request("DELETE", `manifests/${list.digest}`);
    await client.request("DELETE", `manifests/${image.digest}`);
    await client.request("DELETE", `manifests/${large.digest}`);
    await done("DELETE", `/repositories/${other.repository}`);
    await expectSound({ orphan: -60_000 });
    const restore = `/repositories/${client.repository}/-/restore`;
    await done("POST", restore, { digest: list.digest });
    await expectSound({ orphan: -60_000 });
    await collect();
    await expectSound({ orphan: -60_000 });
    await fill(other);
    await expectSound({ orphan: -60_000 });
  });

  test("in what is left of a repository that is being emptied", async () => {
    const client = new RegistryClient({ repository: "acme/app" });
    await fill(client);
    await done("DELETE", "/repositories/acme/app");
    await env.DB.prepare(`UPDATE repositories SET deleted_at = 0`).run();
    await env.DB.prepare(
      `DELETE FROM manifest_references WHERE (manifest_id, digest_id) IN (
         SELECT manifest_id, digest_id FROM manifest_references LIMIT 2)`,
    ).run();
    await expectSound({ orphan: -60_000 });
  });

  test("where the same bytes were pushed as two kinds of manifest", async () => {
    const client = new RegistryClient();
    const { config, image } = await fill(client);
    const both = text(
      JSON.stringify({
        schemaVersion: 2,
        config: descriptor(config, "a/b"),
        layers: [],
        manifests: [descriptor(image, image.mediaType)],
      }),
    );
    // Writes the references as if the bytes had been pushed as one type, and then as another.
    await env.DB.batch([
      env.DB.prepare(
        `INSERT INTO manifests (repository_id, digest, media_type, size, content, object, artifact_type, created_at, pushed_at)
         SELECT id, ?2, ?3, ?4, unhex(?5), NULL, '', 0, 0 FROM repositories WHERE name = ?1`,
      ).bind(
        client.repository,
        both.digest,
        OCI_INDEX,
        both.bytes.length,
        deflateText(new TextDecoder().decode(both.bytes)),
      ),
      insertDigests(env.DB, [config.digest as Digest, image.digest as Digest]),
      ...([config, image] as const).map(({ digest }, i) =>
        env.DB.prepare(
          `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
           SELECT repository_id, id, ${idOf("?2")}, ?3 FROM manifests WHERE digest = ?1`,
        ).bind(both.digest, digest, kindNumber(i === 0 ? "config" : "manifest")),
      ),
    ]);
    await expectSound();
  });

  test("where indexes and layers may be sparse, or layers live elsewhere", async () => {
    const send = withSettings({ ALLOW_SPARSE_INDEXES: "true" });
    const client = new RegistryClient({ send });
    const config = await client.pushBlob(blob());
    const missing = imageManifest({ config });
    await client.pushManifest(imageManifest({ config, layers: [blob()] }));
    await client.pushManifest(index([missing]), "sparse");
    const old = descriptor(config, "application/vnd.oci.image.layer.v1.tar");
    await client.pushManifest(manifest(OCI_INDEX, { schemaVersion: 2, manifests: [old] }));
    await client.pushManifest(missing);
    await expectSound();
  });

  test("while others push, delete, mount, and collect between any two calls", async () => {
    const clients = ["acme/a", "acme/b"].map((repository) => new RegistryClient({ repository }));
    const actions = clients.map((client, n) => comings(client, clients[1 - n] ?? client));
    let turn = 0;
    const next = async () => {
      turn++;
      await (turn % 7 === 0 ? collect() : actions[turn % 2]?.next());
    };
    const bucket = delayed(env.BLOBS, next);
    const setup = { bucket, db: patient(env.DB, next), orphan: -60_000 };
    let checked = 0;
    const passes = sized("walks of fsck while others work", 4, 20);
    for (let pass = 0; pass < passes; pass++) {
      const steps = await stepsOf(newFsck(setup));
      expect(steps.flatMap((step) => step.findings)).toEqual([]);
      checked += steps.reduce((sum, step) => sum + step.checked, 0);
    }
    expect(checked).toBeGreaterThan(5 * passes);
    await expectSound({ orphan: -60_000 });
  });

  test("a repair of a sound registry changes nothing", async () => {
    await fill(new RegistryClient());
    const events = `SELECT count(*) AS n FROM audit`;
    const before = await env.DB.prepare(events).first();
    expect(await findings({ orphan: -60_000 }, { repair: REPAIRER })).toEqual([]);
    expect(await env.DB.prepare(events).first()).toEqual(before);
  });
});

/** The bucket, where something happens at a moment: before or after the first of these calls. */
function interrupted(
  call: "get" | "head" | "list",
  when: "before" | "after",
  happening: () => Promise<unknown>,
): R2Bucket {
  let isDone = false;
  return new Proxy(env.BLOBS, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return async (...parameters: unknown[]) => {
        const isNow = name === call && !isDone;
        if (isNow) isDone = true;
        if (isNow && when === "before") await happening();
        const result: unknown = await Reflect.apply(method, target, parameters);
        if (isNow && when === "after") await happening();
        return result;
      };
    },
  });
}

async function keyOf(digest: string): Promise<string> {
  const row = await env.DB.prepare(
    `SELECT key FROM blobs WHERE digest_id = ${idOf("?1")} UNION SELECT object FROM manifests WHERE digest = ?1`,
  )
    .bind(digest)
    .first<{ key: string }>();
  return row?.key ?? "";
}

describe("what changes between two looks is not told of", () => {
  test.each([
    ["get", "before"],
    ["get", "after"],
    ["list", "after"],
  ] as const)("a blob is collected: at the first %s, %s", async (call, when) => {
    const client = new RegistryClient();
    const { digest } = await client.pushBlob(blob());
    const key = await keyOf(digest);
    const bucket = interrupted(call, when, collect);
    expect(await findings({ bucket, orphan: -60_000 })).toEqual([]);
    expect(await env.BLOBS.head(key)).toBeNull();
  });

  test.each([
    ["a blob", 0],
    ["a blob that is only looked for", 1],
  ])("%s is deleted and pushed again", async (_, mode) => {
    const client = new RegistryClient();
    const content = await client.pushBlob(blob());
    const key = await keyOf(content.digest);
    const bucket = interrupted(mode === 0 ? "get" : "head", "before", async () => {
      await collect();
      await client.pushBlob(content);
    });
    expect(await findings({ bucket }, mode === 0 ? {} : { hash: 0 })).toEqual([]);
    expect(await keyOf(content.digest)).not.toBe(key);
  });

  test.each(["head", "get"] as const)("a big manifest goes at the first %s", async (call) => {
    const client = new RegistryClient();
    const { large } = await fill(client);
    const key = await keyOf(large.digest);
    const bucket = interrupted(call, "before", async () => {
      await client.request("DELETE", `manifests/${large.digest}`);
      await collect();
    });
    expect(await findings({ bucket })).toEqual([]);
    expect(await env.BLOBS.head(key)).toBeNull();
  });

  test("a big manifest that was lost is pushed again", async () => {
    const client = new RegistryClient();
    const { large } = await fill(client);
    await env.BLOBS.delete(await keyOf(large.digest));
    await env.DB.prepare(`UPDATE manifests SET missing_since = 1 WHERE digest = ?1`)
      .bind(large.digest)
      .run();
    const bucket = interrupted("head", "after", () => client.pushManifest(large, "large"));
    expect(await findings({ bucket }, { repair: REPAIRER })).toEqual([]);
    await expectSound();
  });
});

/** Adds that many blobs without the time that pushes would take. */
async function manyBlobs(count: number): Promise<void> {
  const client = new RegistryClient({ repository: "acme/many" });
  await client.pushBlob(text("first"));
  const blobs = Array.from({ length: count }, (_, i) => ({ n: i, ...text(`blob ${i}`) }));
  await Promise.all(blobs.map(({ n, bytes }) => env.BLOBS.put(`blobs/${n}`, bytes)));
  const rows = blobs.map(({ n, digest, bytes }) => ({ n, digest, size: bytes.length }));
  await insertDigests(
    env.DB,
    rows.map(({ digest }) => digest as Digest),
  ).run();
  await env.DB.prepare(
    `INSERT INTO blobs (digest_id, key, size, created_at)
     SELECT ${idOf("value ->> 'digest'")}, 'blobs/' || (value ->> 'n'), value ->> 'size', 0 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(rows))
    .run();
  await env.DB.prepare(
    `INSERT INTO repository_blobs (repository_id, digest_id)
     SELECT r.id, b.digest_id FROM repositories r, blobs b WHERE b.digest_id <> ${idOf("?1")}`,
  )
    .bind(text("first").digest)
    .run();
}

function checkedIn(steps: readonly Step[], phase: Cursor["phase"]): number[] {
  return steps.filter((step) => step.phase === phase).map(({ checked }) => checked);
}

async function blobsStep(hash: number): Promise<Step | undefined> {
  return (await stepsOf(newFsck(), { hash })).find(({ phase }) => phase === "blobs");
}

describe("the steps of fsck", () => {
  test("are pages, each phase after the other", async () => {
    await manyBlobs(450);
    const steps = await stepsOf(newFsck());
    expect([...new Set(steps.map(({ phase }) => phase))]).toEqual(PHASES);
    expect(checkedIn(steps, "links")).toEqual([200, 200, 51]);
    expect(checkedIn(steps, "blobs")).toEqual([100, 100, 100, 100, 51]);
    expect(checkedIn(steps, "counts")).toEqual([...Array<number>(9).fill(50), 1]);
    const objects = checkedIn(steps, "objects");
    expect([objects.at(0), objects.at(-1)]).toEqual([expect.toSatisfy((n) => n <= 500), 0]);
    expect(objects.reduce((sum, count) => sum + count, 0)).toBe(451);
    expect(steps.flatMap((step) => step.findings)).toEqual([]);
  });

  test("go on from any place, and look at everything once", async () => {
    await manyBlobs(230);
    await env.DB.prepare(`DELETE FROM unreferenced_blobs`).run();
    const fsck = newFsck();
    const all = await stepsOf(fsck);
    const found = all.flatMap((step) => step.findings);
    expect(new Set(found.map(({ subject }) => subject)).size).toBe(231);
    expect(found).toHaveLength(231);
    for (const [i, { next }] of all.entries()) {
      if (next === null) continue;
      const options = { hash: Number.MAX_SAFE_INTEGER, beyond: "metadata", repair: null } as const;
      expect(await fsck.step(next, options)).toEqual(all[i + 1]);
    }
  });

  test("end after 64 MiB, with the object that they are at", async () => {
    const client = new RegistryClient();
    const all = [0, 1, 2].map(() => blob(33 * 1024 * 1024));
    for (const one of all) await client.pushBlob(one);
    const steps = (await stepsOf(newFsck())).filter(({ phase }) => phase === "blobs");
    expect(steps.map(({ checked }) => checked)).toEqual([2, 1]);
    expect(steps.map(({ bytes }) => bytes / 1024 / 1024)).toEqual([66, 33]);
  });

  test("hash no more than they may, and look whether the rest is there", async () => {
    const client = new RegistryClient();
    for (let i = 0; i < 3; i++) await client.pushBlob(blob(1000));
    const { results } = await env.DB.prepare(
      `SELECT digest, key FROM blobs JOIN digests ON id = digest_id ORDER BY id`,
    ).all<{
      digest: Digest;
      key: string;
    }>();
    const [first, second, third] = results.map(({ key }) => key);
    for (const key of [first, second]) await env.BLOBS.put(key ?? "", blob(1000).bytes);
    await env.BLOBS.delete(third ?? "");
    const kinds = async (hash: number) => (await blobsStep(hash))?.findings.map(({ kind }) => kind);
    expect(await kinds(0)).toEqual(["blob.missing"]);
    expect(await kinds(1)).toEqual(["blob.damaged", "blob.missing"]);
    expect(await kinds(5000)).toEqual(["blob.damaged", "blob.damaged", "blob.missing"]);
    // An object that looks wrong is read twice.
    expect((await blobsStep(1))?.bytes).toBe(2000);
  });

  test("leave to the next what they may not hash, where they are to", async () => {
    const client = new RegistryClient();
    for (let i = 0; i < 3; i++) await client.pushBlob(blob(1000));
    const from = { ...START, phase: "blobs" } as const;
    const options = { beyond: "stop", repair: null } as const;
    const none = await newFsck().step(from, { ...options, hash: 0 });
    expect(none).toMatchObject({ checked: 0, bytes: 0, next: from });
    const two = await newFsck().step(from, { ...options, hash: 1001 });
    expect(two).toMatchObject({ checked: 2, bytes: 2000 });
    const rest = await newFsck().step(two.next ?? START, { ...options, hash: 1001 });
    expect(rest).toMatchObject({ checked: 1, bytes: 1000, next: { phase: "counts" } });
  });

  test("of one registry are those of the deployment's own", async () => {
    await fill(new RegistryClient());
    const { fsck } = createRegistry(env, readSettings(env));
    expect(await stepsOf(fsck)).toEqual(await stepsOf(newFsck()));
  });
});
