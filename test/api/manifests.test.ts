import { expect, test } from "vitest";
import { RegistryClient } from "../support/client.ts";
import { blob, describe, imageManifest, index, text, unknownDigest } from "../support/images.ts";
import { all } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";

async function pushed() {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const config = await client.pushBlob(
    text(JSON.stringify({ os: "linux", architecture: "arm64", variant: "v8" })),
  );
  const image = await client.pushManifest(imageManifest({ config }), "b");
  await client.pushManifest(image, "a");
  const subject = describe(image, image.mediaType);
  const referrer = await client.pushManifest(index([], { subject, artifactType: "a/b" }));
  return {
    client,
    config,
    image,
    referrer,
    path: `/repositories/${client.repository}/-/manifests`,
  };
}

test("the list of manifests: the manifests by digest, with their tags and subjects", async () => {
  const { path, config, image, referrer } = await pushed();
  const expected = [
    {
      digest: image.digest,
      mediaType: image.mediaType,
      artifactType: "application/vnd.oci.image.config.v1+json",
      subject: null,
      tags: ["a", "b"],
      size: config.bytes.length,
      platforms: ["linux/arm64/v8"],
      kind: "image",
      createdAt: expect.stringMatching(/Z$/),
      pushedAt: expect.stringMatching(/Z$/),
      lastPulledAt: null,
    },
    {
      digest: referrer.digest,
      mediaType: referrer.mediaType,
      artifactType: "a/b",
      subject: image.digest,
      tags: [],
      size: 0,
      platforms: [],
      kind: "index",
      createdAt: expect.stringMatching(/Z$/),
      pushedAt: expect.stringMatching(/Z$/),
      lastPulledAt: null,
    },
  ].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
  expect(await all(path)).toEqual(expected);
  expect(await all(`${path}?limit=1`)).toEqual(expected);
});

test("read: one of them, as the list shows it", async () => {
  const { path } = await pushed();
  for (const item of await all<{ digest: string }>(path)) {
    expect(await done("GET", `${path}/${item.digest}`)).toEqual(item);
    expect(await done("GET", `${path}/${encodeURIComponent(item.digest)}`)).toEqual(item);
  }
});

test("read: answers 404 for a digest that is not there, 400 for what is none", async () => {
  const { path, config } = await pushed();
  for (const digest of [unknownDigest(), config.digest]) {
    const response = await api("GET", `${path}/${digest}`);
    expect(await problem(response)).toMatchObject({ status: 404, code: "MANIFEST_UNKNOWN" });
  }
  const response = await api("GET", `${path}/latest`);
  expect(await problem(response)).toMatchObject({ status: 400, code: "DIGEST_INVALID" });
});

test("the list of manifests, and one of them: not for outsiders; what is not there looks the same", async () => {
  const { path, image } = await pushed();
  const missing = `/repositories/${await newNamespace()}/nothing/-/manifests`;
  const stranger = (await newUser()).authorization;
  for (const each of [path, `${path}/${image.digest}`, missing]) {
    expect((await api("GET", each, undefined, { as: null })).status).toBe(401);
    expect((await api("GET", each, undefined, { as: stranger })).status).toBe(403);
  }
  expect((await problem(await api("GET", missing))).code).toBe("NAME_UNKNOWN");
});

test("the list of manifests: a hundred tags of a manifest are shown", async () => {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const image = await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }));
  const names = Array.from({ length: 102 }, (_, i) => `t${String(i).padStart(3, "0")}`);
  for (const start of [0, 50, 100]) {
    const query = names.slice(start, start + 50).map((name) => `tag=${name}`);
    await client.pushManifest(image, `${image.digest}?${query.join("&")}`);
  }
  const path = `/repositories/${client.repository}/-/manifests/${image.digest}`;
  expect((await done("GET", path))["tags"]).toEqual(names.slice(0, 100));
});
