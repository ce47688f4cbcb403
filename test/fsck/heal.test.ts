/** Missing bytes: clients are told so, and a push of them makes every image whole that needs them. */
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { BlobStore } from "../../src/db/blobs.ts";
import { BlobRepairStore } from "../../src/fsck/blob-store.ts";
import { refusal, RegistryClient } from "../support/client.ts";
import { expectSound, findings, REPAIRER } from "../support/fsck.ts";
import { blob, type Content, imageManifest, index, type Manifest } from "../support/images.ts";
import { anyAddress } from "../support/accounts.ts";
import { leavesNothing } from "../support/storage.ts";

let client: RegistryClient;
let config: Content;
let layer: Content;
let image: Manifest;
/** A repository with the same layer. */
let other: RegistryClient;

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  client = new RegistryClient();
  other = new RegistryClient();
  config = blob();
  layer = blob();
  image = imageManifest({ config, layers: [layer] });
  for (const one of [client, other]) {
    await one.pushBlob(config);
    await one.pushBlob(layer);
    await one.pushManifest(image, "v1");
  }
});

async function keyOf({ digest }: Content): Promise<string> {
  const row = await env.DB.prepare(`SELECT key FROM blobs WHERE digest_id = ${idOf("?1")}`)
    .bind(digest)
    .first<{ key: string }>();
  return row?.key ?? "";
}

/** The layer's object is spoiled, and repair has seen it. @returns its key */
async function loseLayer(): Promise<string> {
  const key = await keyOf(layer);
  await env.BLOBS.put(key, blob(layer.bytes.length).bytes);
  const [found, ...others] = await findings({}, { repair: REPAIRER });
  expect(others).toEqual([]);
  expect(found).toMatchObject({ kind: "blob.damaged", subject: layer.digest, outcome: "marked" });
  expect(found?.affected.toSorted()).toEqual(
    [`${client.repository}:v1`, `${other.repository}:v1`].toSorted(),
  );
  return key;
}

describe("a lost blob", () => {
  test("is not there: not for HEAD, GET, a mount, or a manifest", async () => {
    await loseLayer();
    const path = `blobs/${layer.digest}`;
    expect((await client.head(path)).status).toBe(404);
    expect(await refusal(await client.get(path))).toEqual({ status: 404, code: "BLOB_UNKNOWN" });
    const mount = `blobs/uploads/?mount=${layer.digest}&from=${other.repository}`;
    for (const one of [client, new RegistryClient()]) {
      const mounted = await leavesNothing(() => one.request("POST", mount));
      expect(mounted.status).toBe(202);
    }
    const another = imageManifest({ config, layers: [layer, layer] });
    expect(await refusal(await client.putManifest("v2", another))).toEqual({
      status: 400,
      code: "MANIFEST_BLOB_UNKNOWN",
    });
    // Images without it can still be pulled, and one with it as far as its blobs exist.
    expect(await client.pullManifest("v1")).toEqual(image.bytes);
    expect(await client.pullBlob(config.digest)).toEqual(config.bytes);
  });

  test("is there again in every repository when one has pushed it; the old object goes", async () => {
    const key = await loseLayer();
    await client.pushBlob(layer);
    expect(await client.pullBlob(layer.digest)).toEqual(layer.bytes);
    expect(await other.pullBlob(layer.digest)).toEqual(layer.bytes);
    expect(await keyOf(layer)).not.toBe(key);
    const scheduled = env.DB.prepare(`SELECT key FROM object_deletions WHERE key = ?1`).bind(key);
    expect(await scheduled.first()).toEqual({ key });
    await expectSound();
  });

  test("is there again when it was pushed in pieces, or to a new repository", async () => {
    await loseLayer();
    const stranger = new RegistryClient();
    const location = await stranger.startUpload();
    const next = await stranger.append(location, layer.bytes.slice(0, 10), { first: 0, last: 9 });
    const rest = layer.bytes.slice(10);
    const last = layer.bytes.length - 1;
    const end = await stranger.append(next, rest, { first: 10, last });
    expect((await stranger.finish(end, layer.digest)).status).toBe(201);
    expect(await client.pullBlob(layer.digest)).toEqual(layer.bytes);
    await expectSound();
  });

  test("is stored once when several push it at once", async () => {
    await loseLayer();
    await Promise.all(
      [client, other, client, new RegistryClient()].map((one) => one.pushBlob(layer)),
    );
    expect(await client.pullBlob(layer.digest)).toEqual(layer.bytes);
    await expectSound();
  });

  test("is not marked once more for the object that it had", async () => {
    const key = await loseLayer();
    await client.pushBlob(layer);
    const repairs = new BlobRepairStore(env.DB);
    expect(await repairs.markMissing(layer.digest as Digest, key, REPAIRER)).toBe(false);
    expect((await client.head(`blobs/${layer.digest}`)).status).toBe(200);
    const marks = `SELECT count(*) AS n FROM audit WHERE action = 'fsck.repair' AND digest = ?1`;
    expect(await env.DB.prepare(marks).bind(layer.digest).first()).toEqual({ n: 1 });
  });

  test("does not come back by an object that is another blob's, or that is to be deleted", async () => {
    const key = await loseLayer();
    const blobs = new BlobStore(env.DB, "make");
    const initiator = { ...REPAIRER, address: anyAddress() };
    const scheduled = `blobs/${crypto.randomUUID()}-1`;
    await blobs.discard("acme/app" as never, { key: scheduled, size: 1 });
    for (const wrong of [await keyOf(config), scheduled, key]) {
      const add = blobs.add(
        client.repository as never,
        layer.digest as Digest,
        { key: wrong, size: 1 },
        initiator,
      );
      await expect(add).rejects.toThrow("no such upload");
    }
    expect((await client.head(`blobs/${layer.digest}`)).status).toBe(404);
  });

  test("weighs as before, and counts in no quota twice", async () => {
    const usage = `SELECT bytes FROM namespace_usage WHERE namespace = 'test'`;
    const before = await env.DB.prepare(usage).first();
    await loseLayer();
    await other.pushBlob(layer);
    expect(await env.DB.prepare(usage).first()).toEqual(before);
  });
});

describe("a lost manifest", () => {
  let large: Manifest;
  let list: Manifest;

  beforeEach(async () => {
    large = imageManifest({ config, fields: { annotations: { large: "x".repeat(300_000) } } });
    list = index([large]);
    await client.pushManifest(large, "large");
    await client.pushManifest(list, "list");
    const row = await env.DB.prepare(`SELECT object FROM manifests WHERE digest = ?1`)
      .bind(large.digest)
      .first<{ object: string }>();
    await env.BLOBS.delete(row?.object ?? "");
    const [found, ...others] = await findings({}, { repair: REPAIRER });
    expect(others).toEqual([]);
    const { repository } = client;
    expect(found).toMatchObject({ kind: "manifest.missing", repository, outcome: "marked" });
    expect(found?.affected).toEqual([`${repository}:large`, `${repository}:list`]);
  });

  test("is not there: not by its tag, its digest, as a child or among referrers", async () => {
    for (const reference of ["large", large.digest]) {
      expect((await client.head(`manifests/${reference}`)).status).toBe(404);
    }
    expect(await refusal(await client.putManifest("list", index([large], { a: 1 })))).toEqual({
      status: 400,
      code: "MANIFEST_BLOB_UNKNOWN",
    });
    expect(await client.listTags()).toContain("large");
  });

  test("is whole again when it was pushed again, by its digest or its tag", async () => {
    await client.pushManifest(large);
    expect(await client.pullManifest("large")).toEqual(large.bytes);
    expect(await client.pullManifest("list")).toEqual(list.bytes);
    await expectSound();
  });

  test("can be deleted", async () => {
    await client.request("DELETE", `manifests/${list.digest}`);
    expect((await client.request("DELETE", `manifests/${large.digest}`)).status).toBe(202);
    const [found] = await findings();
    expect(found).toMatchObject({ kind: "manifest.missing", outcome: "marked" });
    await client.pushManifest(large, "large");
    await expectSound();
  });

  test("does not spoil the list of referrers", async () => {
    const subject = { mediaType: image.mediaType, digest: image.digest, size: image.bytes.length };
    const annotations = { large: "x".repeat(300_000) };
    const signature = imageManifest({ config, fields: { subject, annotations } });
    await client.pushManifest(signature);
    await env.DB.prepare(`UPDATE manifests SET missing_since = 1 WHERE digest = ?1`)
      .bind(signature.digest)
      .run();
    expect(await client.referrers(image.digest)).toEqual([]);
    await client.pushManifest(signature);
    await client.pushManifest(large);
    expect(await client.referrers(image.digest)).toHaveLength(1);
    await expectSound();
  });
});
