/** Pushes of content that was deleted, and pushes that are too much for one request. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { RegistryClient, refusal } from "../support/client.ts";
import { blob, content, imageManifest, index } from "../support/images.ts";

async function status(response: Promise<Response>): Promise<number> {
  const { status: code, body } = await response;
  await body?.cancel();
  return code;
}

test("an index is pushed again though its child is a blob by now", async () => {
  const registry = new RegistryClient();
  const child = imageManifest({ config: await registry.pushBlob(blob()) });
  await registry.pushBlob(content(child.bytes));
  await registry.pushManifest(child);
  const list = await registry.pushManifest(index([child]), "v1");
  for (const { digest } of [list, child]) {
    expect(await status(registry.request("DELETE", `manifests/${digest}`))).toBe(202);
  }
  await registry.pushManifest(list, "v1");
  expect(await registry.pullBlob(child.digest)).toEqual(child.bytes);
});

test("a deleted repository's blobs are nobody's to mount, an administrator's neither", async () => {
  const gone = new RegistryClient();
  const layer = await gone.pushBlob(blob());
  expect(await status(gone.request("DELETE", `/api/v1/repositories/${gone.repository}`))).toBe(204);
  const other = new RegistryClient();
  expect(await status(other.request("POST", `blobs/uploads/?mount=${layer.digest}`))).toBe(202);
  const config = await other.pushBlob(blob());
  const manifest = imageManifest({ config, layers: [layer] });
  expect(await refusal(await other.putManifest("v1", manifest))).toEqual({
    status: 400,
    code: "MANIFEST_BLOB_UNKNOWN",
  });
});

test("a manifest goes with 10,000 tags, and with one more not at once", async () => {
  const registry = new RegistryClient();
  const manifest = imageManifest({ config: await registry.pushBlob(blob()) });
  await registry.pushManifest(manifest, "last");
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
     INSERT INTO tags (repository_id, name, digest, updated_at)
     SELECT r.id, 'tag-' || i, ?2, 0 FROM n, repositories r WHERE r.name = ?1`,
  )
    .bind(registry.repository, manifest.digest)
    .run();
  const path = `manifests/${manifest.digest}`;
  expect(await refusal(await registry.request("DELETE", path))).toEqual({
    status: 405,
    code: "UNSUPPORTED",
  });
  expect(await status(registry.head("manifests/last"))).toBe(200);
  expect(await status(registry.request("DELETE", "manifests/last"))).toBe(202);
  expect(await status(registry.request("DELETE", path))).toBe(202);
  expect(await registry.listTags()).toEqual([]);
});
