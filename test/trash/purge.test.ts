/** Purged content can be neither read nor restored any more. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import type { RegistryClient } from "../support/client.ts";
import {
  about,
  digestOf,
  isWhole,
  newClient,
  path,
  protect,
  purge,
  push,
  remove,
  restore,
} from "../support/deletion.ts";
import { blob, imageManifest, index, unknownDigest } from "../support/images.ts";
import { all, entries } from "../support/lists.ts";
import { api, problem, refused } from "../support/management.ts";
import { leavesNothing } from "../support/storage.ts";

/** Lists the keys of objects that the next garbage collection deletes. */
async function scheduled(): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT key FROM object_deletions WHERE due_at <= unixepoch('subsec') * 1000`,
  ).all<{ key: string }>();
  return results.map(({ key }) => key);
}

async function keyOf(digest: string): Promise<string | null> {
  return env.DB.prepare(`SELECT key FROM blobs WHERE digest_id = ${idOf("?1")}`)
    .bind(digest)
    .first<string>("key");
}

async function isGone(client: RegistryClient, digests: readonly string[]): Promise<void> {
  for (const digest of digests) {
    for (const kind of ["blobs", "manifests"]) {
      expect((await client.get(`${kind}/${digest}`)).status, digest).toBe(404);
    }
  }
}

describe("a manifest", () => {
  test.each(["in sight", "deleted"])(
    "%s goes with its tags, its past and its blobs",
    async (how) => {
      const client = await newClient();
      const { manifest, config, layer } = await push(client, "v1");
      const { digest } = await client.pushManifest(manifest, "v2");
      await remove(client, "v2");
      if (how === "deleted") await remove(client, digest);
      const keys = [await keyOf(config.digest), await keyOf(layer.digest)];
      expect(await purge(client.repository, { digest })).toEqual({
        repository: client.repository,
        tags: how === "deleted" ? [] : ["v1"],
        blobs: 2,
        sharedBlobs: 0,
      });
      await isGone(client, [digest, config.digest, layer.digest]);
      expect(await client.listTags()).toEqual([]);
      for (const list of ["history", "deleted"]) expect(await all(path(client, list))).toEqual([]);
      for (const body of [{ digest }, { tag: "v1" }, { tag: "v2" }]) {
        expect((await refused("POST", path(client), body)).status).toBe(404);
      }
      expect(await scheduled()).toEqual(expect.arrayContaining(keys));
      expect(await entries(client.repository)).toContainEqual({
        actor: "admin",
        action: "manifest.purge",
        detail: null,
      });
      expect((await refused("POST", path(client, "purge"), { digest })).status).toBe(404);
    },
  );

  test("leaves blobs to other manifests, deleted ones too, and to other repositories", async () => {
    const client = await newClient();
    const [own, shared, kept, elsewhere] = [blob(), blob(), blob(), blob()];
    const config = await client.pushBlob(blob());
    for (const one of [own, shared, kept, elsewhere]) await client.pushBlob(one);
    const other = await newClient();
    await other.pushBlob(elsewhere);
    const image = imageManifest({ config, layers: [own, shared, kept, elsewhere] });
    await client.pushManifest(image, "v1");
    await client.pushManifest(imageManifest({ config, layers: [shared] }), "v2");
    const deleted = await client.pushManifest(imageManifest({ config, layers: [kept] }));
    await remove(client, deleted.digest);
    const { digest } = image;
    const { blobs, sharedBlobs } = await purge(client.repository, { digest });
    expect({ blobs, sharedBlobs }).toEqual({ blobs: 2, sharedBlobs: 3 });
    await isGone(client, [own.digest, elsewhere.digest]);
    expect(await client.pullBlob(shared.digest)).toEqual(shared.bytes);
    expect(await other.pullBlob(elsewhere.digest)).toEqual(elsewhere.bytes);
    expect(await keyOf(own.digest)).toBeNull();
    await restore(client.repository, { digest: deleted.digest });
    expect(await client.pullBlob(kept.digest)).toEqual(kept.bytes);
  });

  test("takes a blob that was deleted before it, but kept for it", async () => {
    const client = await newClient();
    const { manifest, layer } = await push(client, "v1");
    const key = await keyOf(layer.digest);
    await remove(client, manifest.digest);
    await client.request("DELETE", `blobs/${layer.digest}`);
    await purge(client.repository, { digest: manifest.digest });
    expect(await keyOf(layer.digest)).toBeNull();
    expect(await scheduled()).toContain(key);
  });

  test("that lies in R2 goes from there", async () => {
    const client = await newClient();
    const config = await client.pushBlob(blob());
    const annotations = { text: "x".repeat(300_000) };
    const { digest } = await client.pushManifest(
      imageManifest({ config, fields: { annotations } }),
    );
    const object = await env.DB.prepare(`SELECT object FROM manifests WHERE digest = ?1`)
      .bind(digest)
      .first<string>("object");
    await purge(client.repository, { digest });
    expect(await scheduled()).toContain(object);
  });

  test.each(["in sight", "deleted"])("stays while an index %s names it", async (how) => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    const list = await client.pushManifest(index([manifest]), "v2");
    if (how === "deleted") {
      await remove(client, list.digest);
      await remove(client, manifest.digest);
    }
    const { digest } = manifest;
    const response = await leavesNothing(() => api("POST", path(client, "purge"), { digest }));
    expect(await response.clone().text()).toContain(`named by ${list.digest}; purge that first`);
    expect(await problem(response)).toEqual({ status: 405, code: "REFERENCED" });
    await purge(client.repository, { digest: list.digest });
    await purge(client.repository, { digest });
    await isGone(client, [list.digest, digest]);
  });

  test("stays while an immutable tag points to it", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    await protect(client, "v*");
    const { digest } = manifest;
    const response = await leavesNothing(() => api("POST", path(client, "purge"), { digest }));
    expect(await response.clone().text()).toContain("the tag v1 is immutable by the rule");
    expect(await problem(response)).toEqual({ status: 409, code: "IMMUTABLE" });
  });

  test("does not take the tag's way back to what was there before", async () => {
    const client = await newClient();
    const [good, leaked] = [await push(client, "v1"), await push(client, "v1")];
    await purge(client.repository, { digest: leaked.manifest.digest });
    expect(await digestOf(client, "v1")).toBeNull();
    await restore(client.repository, { tag: "v1" });
    expect(await digestOf(client, "v1")).toBe(good.manifest.digest);
    await isWhole(client, good);
  });

  test("leaves what was said about it", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    const signature = await push(client, undefined, about(manifest));
    await purge(client.repository, { digest: manifest.digest });
    await isWhole(client, signature);
  });

  test("that never was is not there", async () => {
    const client = await newClient();
    await push(client, "v1");
    const body = { digest: unknownDigest() };
    expect(await refused("POST", path(client, "purge"), body)).toEqual({
      status: 404,
      code: "NOT_FOUND",
    });
  });

  test("can be pushed again", async () => {
    const client = await newClient();
    const image = await push(client, "v1");
    await purge(client.repository, { digest: image.manifest.digest });
    expect((await client.putManifest("v1", image.manifest)).status).toBe(400);
    await client.pushBlob(image.config);
    await client.pushBlob(image.layer);
    await client.pushManifest(image.manifest, "v1");
    await isWhole(client, image);
  });
});

describe("a tag", () => {
  test.each(["there", "deleted", "moved"])("that is %s goes with its past", async (how) => {
    const client = await newClient();
    const image = await push(client, "v1");
    await client.pushManifest(image.manifest, "v10");
    await remove(client, "v10");
    if (how === "deleted") await remove(client, "v1");
    if (how === "moved") await push(client, "v1");
    expect(await purge(client.repository, { tag: "v1" })).toMatchObject({
      tags: how === "deleted" ? [] : ["v1"],
      blobs: 0,
    });
    expect(await digestOf(client, "v1")).toBeNull();
    expect((await refused("POST", path(client), { tag: "v1" })).status).toBe(404);
    await isWhole(client, image);
    await restore(client.repository, { tag: "v10" });
    expect(await entries(client.repository)).toContainEqual({
      actor: "admin",
      action: "tag.purge",
      detail: null,
    });
    expect((await refused("POST", path(client, "purge"), { tag: "v1" })).status).toBe(404);
  });

  test("that is immutable stays", async () => {
    const client = await newClient();
    await push(client, "v1");
    await protect(client, "v1");
    expect(await refused("POST", path(client, "purge"), { tag: "v1" })).toEqual({
      status: 409,
      code: "IMMUTABLE",
    });
  });

  test("is purged whole: not at one digest", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    const body = { tag: "v1", digest: manifest.digest };
    expect(await refused("POST", path(client, "purge"), body)).toEqual({
      status: 400,
      code: "FIELD_INVALID",
    });
  });
});
