/** Tags and manifests are deleted by the management API as by the spec's endpoint. */
import { expect, test } from "vitest";
import { digestOf, newClient, protect, push, restore } from "../support/deletion.ts";
import { index, unknownDigest } from "../support/images.ts";
import { all, entries } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";

function remove(repository: string, reference: string): Promise<Response> {
  return api("DELETE", `/repositories/${repository}/-/manifests/${reference}`);
}

test("a tag goes and its manifest stays; the tag can be restored", async () => {
  const client = await newClient();
  const { digest } = (await push(client, "v1")).manifest;
  expect((await remove(client.repository, "v1")).status).toBe(204);
  expect(await digestOf(client, "v1")).toBeNull();
  expect(await digestOf(client, digest)).toBe(digest);
  expect((await entries(client.repository)).map(({ action }) => action)).toContain("tag.delete");
  await restore(client.repository, { tag: "v1", digest });
  expect(await digestOf(client, "v1")).toBe(digest);
});

test("a manifest goes with its tags, and they come back with it", async () => {
  const client = await newClient();
  const { digest } = (await push(client, "v1")).manifest;
  expect((await remove(client.repository, digest)).status).toBe(204);
  expect(await digestOf(client, "v1")).toBeNull();
  expect(await digestOf(client, digest)).toBeNull();
  await restore(client.repository, { digest });
  expect(await digestOf(client, "v1")).toBe(digest);
});

test("what is not there, or must stay, is told", async () => {
  const client = await newClient();
  await push(client, "v1");
  const unknown = { status: 404, code: "MANIFEST_UNKNOWN" };
  for (const reference of ["v2", unknownDigest()]) {
    expect(await problem(await remove(client.repository, reference))).toMatchObject(unknown);
  }
  expect(await problem(await remove(client.repository, "sha256:short"))).toMatchObject({
    status: 400,
    code: "DIGEST_INVALID",
  });
  await protect(client, "v1");
  expect((await problem(await remove(client.repository, "v1"))).code).toBe("IMMUTABLE");
});

interface Deleted {
  readonly tag: string | null;
  readonly digest: string | null;
  readonly refused: { readonly code: string; readonly detail: string } | null;
}

async function removeMany(repository: string, body: object): Promise<readonly Deleted[]> {
  const path = `/repositories/${repository}/-/delete`;
  return (await done<{ items: readonly Deleted[] }>("POST", path, body)).items;
}

test("many go in one request, each with its event, and all come back", async () => {
  const client = await newClient();
  const { repository } = client;
  const { digest } = (await push(client, "v1")).manifest;
  const { manifest: child } = await push(client);
  const parent = await client.pushManifest(index([child]), "v2");
  await client.pushManifest(parent, "v3");
  const items = await removeMany(repository, {
    digests: [parent.digest, child.digest],
    tags: ["v1", "v2", "v1"],
  });
  expect(items).toEqual([
    { tag: "v1", digest: null, refused: null },
    { tag: "v2", digest: null, refused: null },
    { tag: null, digest: parent.digest, refused: null },
    { tag: null, digest: child.digest, refused: null },
  ]);
  expect(await digestOf(client, digest)).toBe(digest);
  for (const gone of ["v1", "v2", "v3", parent.digest, child.digest]) {
    expect(await digestOf(client, gone)).toBeNull();
  }
  const [namespace] = repository.split("/");
  const events = await all(`/namespaces/${namespace}/audit?repository=${repository}`);
  const deletions = events.filter(({ action }) => String(action).endsWith(".delete"));
  const told = deletions.map(
    ({ action, reference, digest: of }) => `${String(action)} ${String(reference)} ${String(of)}`,
  );
  expect(new Set(told)).toEqual(
    new Set([
      `tag.delete v1 ${digest}`,
      `tag.delete v2 ${parent.digest}`,
      `manifest.delete v3 ${parent.digest}`,
      `manifest.delete null ${child.digest}`,
    ]),
  );
  expect(told).toHaveLength(4);
  await restore(repository, { digest: parent.digest });
  await restore(repository, { tag: "v1" });
  expect(await digestOf(client, "v3")).toBe(parent.digest);
  expect(await digestOf(client, "v1")).toBe(digest);
});

test("what must stay is told item by item, and keeps nothing else from going", async () => {
  const client = await newClient();
  const { repository } = client;
  const kept = (await push(client, "v1")).manifest;
  const { manifest: child } = await push(client, "child");
  const parent = await client.pushManifest(index([child]), "parent");
  await push(client, "v2");
  await protect(client, "v1");
  const unknown = unknownDigest();
  const items = await removeMany(repository, {
    tags: ["v1", "nothing", "v2"],
    digests: [kept.digest, child.digest, unknown, parent.digest],
  });
  expect(items.map(({ tag, digest, refused }) => [tag ?? digest, refused?.code ?? null])).toEqual([
    ["v1", "IMMUTABLE"],
    ["nothing", "MANIFEST_UNKNOWN"],
    ["v2", null],
    [kept.digest, "IMMUTABLE"],
    [child.digest, "REFERENCED"],
    [unknown, "MANIFEST_UNKNOWN"],
    [parent.digest, null],
  ]);
  expect(items[0]?.refused?.detail).toContain("the tag v1 is immutable");
  for (const there of ["v1", "child"]) expect(await digestOf(client, there)).not.toBeNull();
  for (const gone of ["v2", "parent"]) expect(await digestOf(client, gone)).toBeNull();
});

test("one request deletes a hundred, and refuses more, fewer, and what is no name, before it begins", async () => {
  const client = await newClient();
  const { digest } = (await push(client, "v1")).manifest;
  const names = Array.from({ length: 100 }, (_, n) => `t${n}`);
  for (const start of [0, 50]) {
    const query = names.slice(start, start + 50).map((name) => `tag=${name}`);
    const manifest = await client.request("GET", `manifests/${digest}`);
    await client.request("PUT", `manifests/${digest}?${query.join("&")}`, {
      headers: { "content-type": manifest.headers.get("content-type") ?? "" },
      body: await manifest.text(),
    });
  }
  const path = `/repositories/${client.repository}/-/delete`;
  for (const body of [
    {},
    { tags: [], digests: [] },
    { tags: names, digests: [digest] },
    { tags: [...names, "v1"] },
    { tags: ["v1", "sha256:short"] },
    { tags: ["v1"], digests: ["v1"] },
  ]) {
    expect(await problem(await api("POST", path, body))).toMatchObject({
      status: 400,
      code: "FIELD_INVALID",
    });
  }
  expect(await digestOf(client, "v1")).toBe(digest);
  const items = await removeMany(client.repository, { tags: names });
  expect(items.filter(({ refused }) => refused === null)).toHaveLength(100);
  expect(await digestOf(client, digest)).toBe(digest);
});
