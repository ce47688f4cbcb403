/** Tags and manifests are deleted by the management API as by the spec's endpoint. */
import { expect, test } from "vitest";
import { digestOf, newClient, protect, push, restore } from "../support/deletion.ts";
import { unknownDigest } from "../support/images.ts";
import { entries } from "../support/lists.ts";
import { api, problem } from "../support/management.ts";

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
