/** What is garbage after all operations have ended, and what only waits for its time. */
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { idOf } from "../../../src/db/digests.ts";
import { RegistryClient } from "../../support/client.ts";
import { blob, type Content, imageManifest } from "../../support/images.ts";
import { leftovers } from "./leftovers.ts";
import { placeHere, startAnew } from "./world.ts";

const HOUR = 3_600_000;
const AGES = { grace: HOUR, trash: HOUR };
const HELD = "a repository holds a blob that no manifest names";

let client: RegistryClient;
let layer: Content;

beforeEach(async () => {
  await startAnew();
  client = new RegistryClient();
  const config = await client.pushBlob(blob());
  layer = await client.pushBlob(blob());
  const manifest = await client.pushManifest(imageManifest({ config, layers: [layer] }), "v1");
  expect((await client.request("DELETE", `manifests/${manifest.digest}`)).status).toBe(202);
});

/**
 * Its trash window ends during the last garbage collection, which deletes the manifest and makes its blobs unreferenced.
 */
async function collectAtTheEnd(): Promise<number> {
  const quietAt = Date.now();
  await env.DB.batch([
    env.DB.prepare(`UPDATE manifests SET deleted_at = ?1`).bind(quietAt + 1 - HOUR),
    env.DB.prepare(`DELETE FROM tag_history`),
  ]);
  await expect.poll(() => Date.now()).toBeGreaterThan(quietAt + 1);
  await placeHere(AGES).collect();
  const row = await env.DB.prepare(`SELECT count(*) AS count FROM manifests`).first();
  expect(row).toEqual({ count: 0 });
  return quietAt;
}

async function left(quietAt: number): Promise<string[]> {
  const found = await leftovers({ db: env.DB, bucket: env.BLOBS }, AGES, new Set(), quietAt);
  return found.map(({ message }) => message);
}

test("what a manifest let go whose trash window ended during the last collection still has its grace", async () => {
  const quietAt = await collectAtTheEnd();
  expect(await left(quietAt)).toEqual([]);
  // The blob is just unreferenced: after the grace period garbage collection deletes it.
  await env.DB.prepare(`UPDATE unreferenced_blobs SET since = since - ?1`).bind(HOUR).run();
  await placeHere(AGES).collect();
  expect(await left(Date.now())).toEqual([]);
  const { objects } = await env.BLOBS.list({ prefix: "blobs/" });
  expect(objects).toEqual([]);
});

test("what nobody reviews is a leak", async () => {
  await env.DB.prepare(`DROP TRIGGER unreferenced_blob_is_listed`).run();
  const [leak] = await left(await collectAtTheEnd());
  expect(leak).toContain(HELD);
  expect(leak).toContain(layer.digest);
});

test("what the collection should have taken is a leak", async () => {
  const quietAt = await collectAtTheEnd();
  await env.DB.prepare(`UPDATE unreferenced_blobs SET since = ?1 WHERE digest_id = ${idOf("?2")}`)
    .bind(quietAt - HOUR, layer.digest)
    .run();
  expect(await left(quietAt)).toEqual([expect.stringContaining(layer.digest)]);
});
