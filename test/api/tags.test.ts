import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { RegistryClient } from "../support/client.ts";
import {
  blob,
  type Content,
  describe,
  imageManifest,
  index,
  type Manifest,
  manifest,
  text,
} from "../support/images.ts";
import { all } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";

interface TagItem {
  name: string;
  digest: string;
  size: number | null;
  platforms: string[];
}

async function newClient(): Promise<RegistryClient> {
  return new RegistryClient({ repository: `${await newNamespace()}/app` });
}

function tags({ repository }: RegistryClient): Promise<TagItem[]> {
  return all<TagItem>(`/repositories/${repository}/-/tags`);
}

/** An image's config. */
function configOf(fields: object): Content {
  return text(JSON.stringify({ ...fields, nonce: crypto.randomUUID() }));
}

test("the list of tags: the tags by name, with what each one stands for", async () => {
  const client = await newClient();
  const config = await client.pushBlob(configOf({ os: "linux", architecture: "amd64" }));
  const layer = await client.pushBlob(blob(500));
  const image = await client.pushManifest(imageManifest({ config, layers: [layer, layer] }), "b");
  await client.pushManifest(image, "a");
  const found = await tags(client);
  expect(found.map(({ name }) => name)).toEqual(["a", "b"]);
  expect(found[0]).toEqual({
    name: "a",
    digest: image.digest,
    mediaType: image.mediaType,
    artifactType: "application/vnd.oci.image.config.v1+json",
    size: config.bytes.length + 500,
    platforms: ["linux/amd64"],
    kind: "image",
    updatedAt: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/),
    lastPulledAt: null,
    pulls: 0,
    aliases: ["b"],
    signed: false,
    sbom: false,
    provenance: false,
    immutable: false,
    vulnerabilities: null,
  });
});

test("the list of tags: pages of at most a hundred", async () => {
  const client = await newClient();
  const config = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config }));
  const names = Array.from({ length: 130 }, (_, i) => `v${String(i).padStart(3, "0")}`);
  for (const some of [names.slice(0, 50), names.slice(50, 100), names.slice(100)]) {
    const query = some.map((name) => `tag=${name}`).join("&");
    await client.pushManifest(image, `${image.digest}?${query}`);
  }
  const path = `/repositories/${client.repository}/-/tags`;
  const first = await done<{ items: unknown[]; next: string }>("GET", `${path}?limit=1000`);
  expect(first.items).toHaveLength(100);
  expect(first.next).toBe("v099");
  expect((await all<TagItem>(`${path}?limit=7`)).map(({ name }) => name)).toEqual(names);
  expect((await tags(client)).map(({ name }) => name)).toEqual(names);
});

test("the list of tags: an index has the platforms that it names, and the bytes of its children, each once", async () => {
  const client = await newClient();
  const shared = await client.pushBlob(blob(1000));
  const children: Manifest[] = [];
  for (const size of [10, 20]) {
    const config = await client.pushBlob(blob(size));
    children.push(await client.pushManifest(imageManifest({ config, layers: [shared] })));
  }
  const platforms = [
    { os: "linux", architecture: "amd64" },
    { os: "linux", architecture: "arm", variant: "v7" },
    { os: "unknown", architecture: "unknown" },
    undefined,
  ];
  const manifests = platforms.map((platform, i) => {
    const child = children[i % 2] ?? imageManifest({ config: shared });
    return describe(child, child.mediaType, platform === undefined ? {} : { platform });
  });
  await client.pushManifest(index([], { manifests }), "all");
  const nested = index([index([], { manifests })]);
  await client.pushManifest(nested, "nested");
  await client.pushManifest(children[1] ?? nested, "arm");
  expect(await tags(client)).toMatchObject([
    { name: "all", size: 1030, platforms: ["linux/amd64", "linux/arm/v7"] },
    { name: "arm", size: 1020, platforms: ["linux/arm/v7"] },
    { name: "nested", size: 1030, platforms: [] },
  ]);
});

test.each([
  ["no JSON", "{"],
  ["null", "null"],
  ["a list", "[]"],
  ["no platform", "{}"],
  ["another type", '{"os":1,"architecture":{}}'],
  ["nowhere", '{"os":"unknown","architecture":"unknown"}'],
  ["too big", JSON.stringify({ os: "linux", architecture: "amd64", x: "x".repeat(70_000) })],
])("the list of tags: a config that is %s says no platform", async (_, config) => {
  const client = await newClient();
  await client.pushManifest(imageManifest({ config: await client.pushBlob(text(config)) }), "tag");
  expect(await tags(client)).toMatchObject([{ platforms: [] }]);
});

test("the list of tags: an artifact's config is no image's, and its type is shown", async () => {
  const client = await newClient();
  const config = await client.pushBlob(configOf({ os: "linux", architecture: "amd64" }));
  const artifact = imageManifest({ config, fields: { artifactType: "application/x.sbom" } });
  await client.pushManifest(artifact, "tag");
  expect(await tags(client)).toMatchObject([{ artifactType: "application/x.sbom", platforms: [] }]);
});

test("the list of tags: what a strange index names is not added up for ever", async () => {
  const client = await newClient();
  const config = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config }), "small");
  const list = await client.pushManifest(index([image]));
  await env.DB.prepare(
    `INSERT INTO digests (hash)
     WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
     SELECT unhex(printf('%064x', i)) FROM n`,
  ).run();
  await env.DB.prepare(
    `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
     SELECT m.repository_id, m.id, d.id, 0 FROM manifests m, digests d
     WHERE m.digest = ?1 AND hex(d.hash) GLOB '0000000000*'`,
  )
    .bind(list.digest)
    .run();
  await client.pushManifest(list, "big");
  expect(await tags(client)).toMatchObject([
    { name: "big", size: null },
    { name: "small", size: 100 },
  ]);
});

test("the list of tags: a manifest too big for its row is measured by what it names", async () => {
  const client = await newClient();
  const config = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config }));
  const fields = { annotations: { big: "x".repeat(300_000) } };
  const platform = { os: "linux", architecture: "riscv64" };
  const manifests = [describe(image, image.mediaType, { platform })];
  await client.pushManifest(index([], { ...fields, manifests }), "tag");
  expect(await tags(client)).toMatchObject([{ size: 100, platforms: ["linux/riscv64"] }]);
});

test("the list of tags: an empty repository has none, a missing one is unknown, a private one is nobody else's", async () => {
  const namespace = await newNamespace();
  await done("POST", "/repositories", { name: `${namespace}/empty` });
  const path = `/repositories/${namespace}/empty/-/tags`;
  expect(await done("GET", path)).toEqual({ items: [], next: null });
  const missing = await api("GET", `/repositories/${namespace}/missing/-/tags`);
  expect(await problem(missing)).toMatchObject({ status: 404, code: "NAME_UNKNOWN" });
  expect((await api("GET", path, undefined, { as: null })).status).toBe(401);
  const stranger = (await newUser()).authorization;
  expect((await api("GET", path, undefined, { as: stranger })).status).toBe(403);
  await done("PATCH", `/repositories/${namespace}/empty`, { visibility: "public" });
  expect((await api("GET", path, undefined, { as: null })).status).toBe(200);
});

test("the list of tags: a manifest of another kind is shown too", async () => {
  const client = await newClient();
  const layer = await client.pushBlob(blob(30));
  const type = "application/vnd.oci.artifact.manifest.v1+json";
  const artifact = manifest(type, { mediaType: type, blobs: [describe(layer, "a/b")] });
  await client.pushManifest(artifact, "tag");
  expect(await tags(client)).toMatchObject([{ size: 30, platforms: [], artifactType: null }]);
});
