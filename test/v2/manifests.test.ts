import { expect, test } from "vitest";
import {
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_ARTIFACT,
  OCI_INDEX,
  OCI_MANIFEST,
} from "../../src/oci/media-type.ts";
import { locationOf, RegistryClient, refusal, streamOf } from "../support/client.ts";
import {
  blob,
  describe,
  digestOf,
  imageManifest,
  index,
  manifest,
  type Manifest,
  unknownDigest,
} from "../support/images.ts";
import { addsNothing, leavesNothing } from "../support/storage.ts";

const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

/** A client of a new repository that holds an image's config and layer, and the image. */
async function withImage(fields: object = {}) {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const layer = await client.pushBlob(blob());
  return { client, config, layer, image: imageManifest({ config, layers: [layer], fields }) };
}

test("PUT by tag: answers 201 with the digest and a Location that is pullable at once", async () => {
  const { client, image } = await withImage();
  const response = await client.putManifest("v1", image);
  expect(response.status).toBe(201);
  expect(response.headers.get("docker-content-digest")).toBe(image.digest);
  const location = locationOf(response);
  expect(location).toBe(`/v2/${client.repository}/manifests/${image.digest}`);
  const pulled = await client.get(location);
  expect(new Uint8Array(await pulled.arrayBuffer())).toEqual(image.bytes);
});

test("PUT: takes a body without a Content-Length, as the conformance suite sends it", async () => {
  const { client, image } = await withImage();
  const response = await client.request("PUT", "manifests/v1", {
    body: streamOf(image.bytes.slice(0, 10), image.bytes.slice(10)),
    headers: { "content-type": OCI_MANIFEST },
  });
  expect(response.status).toBe(201);
  expect(await client.pullManifest("v1")).toEqual(image.bytes);
});

test.each(["by tag", "by digest"])(
  "GET and HEAD %s: bytes, type, length and digest",
  async (by) => {
    const { client, image } = await withImage();
    await client.pushManifest(image, "v1");
    const path = `manifests/${by === "by tag" ? "v1" : image.digest}`;
    for (const response of [await client.get(path), await client.head(path)]) {
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toBe(OCI_MANIFEST);
      expect(response.headers.get("content-length")).toBe(String(image.bytes.length));
      expect(response.headers.get("docker-content-digest")).toBe(image.digest);
    }
    expect(await client.pullManifest(path.slice("manifests/".length))).toEqual(image.bytes);
    expect(await (await client.head(path)).text()).toBe("");
  },
);

test("GET: Accept is ignored, whatever it asks for", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "v1");
  const response = await client.get("manifests/v1", { accept: "application/json" });
  expect(response.headers.get("content-type")).toBe(OCI_MANIFEST);
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(image.bytes);
});

test("GET: an unknown tag, digest or repository is 404", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "v1");
  const unknown = { status: 404, code: "MANIFEST_UNKNOWN" };
  expect(await refusal(await client.get("manifests/v2"))).toEqual(unknown);
  expect(await refusal(await client.get(`manifests/${unknownDigest()}`))).toEqual(unknown);
  const nowhere = new RegistryClient();
  expect((await refusal(await nowhere.get("manifests/v1"))).status).toBe(404);
  expect((await nowhere.head(`manifests/${image.digest}`)).status).toBe(404);
});

test("GET: a manifest of another repository is 404", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "v1");
  const other = await withImage();
  expect((await other.client.get(`manifests/${image.digest}`)).status).toBe(404);
  expect((await other.client.get("manifests/v1")).status).toBe(404);
});

test("the very bytes are kept: unknown fields, order and white space", async () => {
  const { client, config } = await withImage();
  const body = JSON.parse(new TextDecoder().decode(imageManifest({ config }).bytes)) as object;
  const odd = manifest(OCI_MANIFEST, { zebra: 1, ...body, "org.example.ünïcode": ["✓", null] });
  const bytes = new Uint8Array([...odd.bytes, 10, 32, 10]);
  await client.pushManifest({ ...odd, bytes, digest: digestOf(bytes) }, "odd");
  expect(await client.pullManifest("odd")).toEqual(bytes);
});

test("PUT by digest: the bytes must have it", async () => {
  const { client, image } = await withImage();
  expect((await client.putManifest(image.digest, image)).status).toBe(201);
  const response = await leavesNothing(() => client.putManifest(unknownDigest(), image));
  expect(await refusal(response)).toEqual({ status: 400, code: "DIGEST_INVALID" });
});

test("PUT by sha512: is found by that digest and named by it", async () => {
  const { client, image } = await withImage();
  const digest = digestOf(image.bytes, "sha512");
  const response = await client.putManifest(`${digest}?tag=v1`, image);
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  for (const reference of [digest, "v1"]) {
    const head = await client.head(`manifests/${reference}`);
    expect(head.headers.get("docker-content-digest")).toBe(digest);
  }
});

test("a manifest pushed by digest needs no tag to be pulled", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image);
  expect(await client.pullManifest(image.digest)).toEqual(image.bytes);
  expect(await client.listTags()).toEqual([]);
});

test("?tag=: several tags at once, each confirmed in OCI-Tag", async () => {
  const { client, image } = await withImage();
  const names = Array.from({ length: 12 }, (_, i) => `t${10 + i}`);
  const query = names.map((name) => `tag=${name}`).join("&");
  const response = await client.putManifest(`${image.digest}?${query}`, image);
  expect(response.status).toBe(201);
  expect(response.headers.get("oci-tag")?.split(/, ?/)).toEqual(names);
  expect(await client.listTags()).toEqual(names);
});

test("?tag=: beside a tag in the path, both point to the manifest", async () => {
  const { client, image } = await withImage();
  expect((await client.putManifest("one?tag=two", image)).status).toBe(201);
  expect(await client.listTags()).toEqual(["one", "two"]);
});

test("?tag=: one bad tag refuses all", async () => {
  const { client, image } = await withImage();
  const response = await leavesNothing(() =>
    client.putManifest(`${image.digest}?tag=good&tag=.bad`, image),
  );
  expect(await refusal(response)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
});

test("?tag=: far too many tags are refused", async () => {
  const { client, image } = await withImage();
  const query = Array.from({ length: 200 }, (_, i) => `tag=t${i}`).join("&");
  const response = await leavesNothing(() => client.putManifest(`${image.digest}?${query}`, image));
  expect((await refusal(response)).status).toBeOneOf([400, 414]);
});

test("the same manifest pushed again is 201 and changes nothing", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "v1");
  const again = await addsNothing(() => client.putManifest("v1", image));
  expect(again.status).toBe(201);
  expect(again.headers.get("docker-content-digest")).toBe(image.digest);
});

test("a tag that is pushed again moves; what it pointed to stays pullable by digest", async () => {
  const { client, config, image } = await withImage();
  await client.pushManifest(image, "v1");
  const next = await client.pushManifest(imageManifest({ config }), "v1");
  expect(await client.pullManifest("v1")).toEqual(next.bytes);
  expect(await client.pullManifest(image.digest)).toEqual(image.bytes);
  expect(await client.listTags()).toEqual(["v1"]);
});

test("two pushes to one tag at once both succeed, and the tag has one of them", async () => {
  const { client, config, image } = await withImage();
  const other = imageManifest({ config });
  const answers = await Promise.all([
    client.putManifest("v1", image),
    client.putManifest("v1", other),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  const pulled = digestOf(await client.pullManifest("v1"));
  expect([image.digest, other.digest]).toContain(pulled);
});

test.each([
  ["a Docker schema 2 image", DOCKER_MANIFEST],
  ["an OCI image", OCI_MANIFEST],
])("%s is kept under its own type", async (_, mediaType) => {
  const { client, config, layer } = await withImage();
  const image = manifest(mediaType, {
    schemaVersion: 2,
    mediaType,
    config: describe(config, "application/vnd.docker.container.image.v1+json"),
    layers: [describe(layer, "application/vnd.docker.image.rootfs.diff.tar.gzip")],
  });
  await client.pushManifest(image, "v1");
  const response = await client.head("manifests/v1");
  expect(response.headers.get("content-type")).toBe(mediaType);
});

test.each([
  ["a Docker manifest list", DOCKER_LIST],
  ["an OCI index", OCI_INDEX],
])("%s of two images is kept under its own type", async (_, mediaType) => {
  const { client, config, image } = await withImage();
  const children = [image, imageManifest({ config })];
  for (const child of children) await client.pushManifest(child);
  const list = index(children, { mediaType });
  await client.pushManifest({ ...list, mediaType }, "v1");
  expect((await client.head("manifests/v1")).headers.get("content-type")).toBe(mediaType);
  expect(await client.pullManifest("v1")).toEqual(list.bytes);
});

test("an index of an index, and an empty index, are taken", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image);
  const inner = await client.pushManifest(index([image]));
  await client.pushManifest(index([inner]), "nested");
  await client.pushManifest(index([]), "empty");
  expect(await client.listTags()).toEqual(["empty", "nested"]);
});

test("artifacts are taken: with any config type, without layers, as ORAS's old type", async () => {
  const { client, config, layer } = await withImage();
  const helm = manifest(OCI_MANIFEST, {
    schemaVersion: 2,
    config: describe(config, "application/vnd.cncf.helm.config.v1+json"),
    layers: [describe(layer, "application/vnd.cncf.helm.chart.content.v1.tar+gzip")],
  });
  await client.pushManifest(helm, "helm");
  await client.pushManifest(imageManifest({ config, fields: { artifactType: "a/b" } }), "bare");
  const old = { mediaType: OCI_ARTIFACT, artifactType: "a/b", blobs: [describe(layer, "x/y")] };
  await client.pushManifest(manifest(OCI_ARTIFACT, old), "oras");
  expect(await client.listTags()).toEqual(["bare", "helm", "oras"]);
});

test.each([
  ["no Content-Type", null],
  ["application/json", "application/json"],
  ["parameters", `${OCI_MANIFEST}; charset=utf-8`],
  ["another case", OCI_MANIFEST.toUpperCase()],
])("Content-Type: with %s the manifest's own type counts", async (_, contentType) => {
  const { client, image } = await withImage();
  const response = await client.request("PUT", "manifests/v1", {
    body: streamOf(image.bytes),
    headers: contentType === null ? {} : { "content-type": contentType },
  });
  expect(response.status).toBe(201);
  const head = await client.head("manifests/v1");
  expect(head.headers.get("content-type")).toBe(OCI_MANIFEST);
});

test("Content-Type: a manifest without any type is known by its fields", async () => {
  const { client, config } = await withImage();
  const image = imageManifest({ config, fields: { mediaType: undefined } });
  await client.pushManifest({ ...image, mediaType: "application/json" }, "image");
  const list = index([], { mediaType: undefined });
  await client.pushManifest({ ...list, mediaType: "application/json" }, "index");
  expect((await client.head("manifests/image")).headers.get("content-type")).toBe(OCI_MANIFEST);
  expect((await client.head("manifests/index")).headers.get("content-type")).toBe(OCI_INDEX);
});

test("Content-Type: another than the manifest's own mediaType is refused", async () => {
  const { client, image } = await withImage();
  const response = await leavesNothing(() =>
    client.putManifest("v1", { ...image, mediaType: DOCKER_MANIFEST }),
  );
  expect(await refusal(response)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
});

test.each([
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
  "application/vnd.example+json",
])("the type %s is refused", async (mediaType) => {
  const { client } = await withImage();
  const schema1 = manifest(mediaType, { schemaVersion: 1, name: "a", tag: "b", fsLayers: [] });
  const response = await leavesNothing(() => client.putManifest("v1", schema1));
  expect(await refusal(response)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
});

test("a missing layer is refused and named; nothing of the manifest is kept", async () => {
  const { client, config } = await withImage();
  const missing = blob();
  const image = imageManifest({ config, layers: [missing] });
  const response = await leavesNothing(() => client.putManifest("v1", image));
  expect(response.status).toBe(400);
  const { errors } = await response.json<{ errors: { code: string; detail: unknown }[] }>();
  expect(errors[0]?.code).toBe("MANIFEST_BLOB_UNKNOWN");
  expect(JSON.stringify(errors[0]?.detail)).toContain(missing.digest);
});

test("a missing config or child is refused", async () => {
  const { client, image } = await withImage();
  const unknown = { status: 400, code: "MANIFEST_BLOB_UNKNOWN" };
  const configless = imageManifest({ config: blob() });
  const put = await leavesNothing(() => client.putManifest("v1", configless));
  expect(await refusal(put)).toEqual(unknown);
  const childless = await leavesNothing(() => client.putManifest("v1", index([image])));
  expect(await refusal(childless)).toEqual(unknown);
});

test("a refused push of a first manifest does not make its repository", async () => {
  const client = new RegistryClient();
  await leavesNothing(() => client.putManifest("v1", imageManifest({ config: blob() })));
  expect(await refusal(await client.get("tags/list"))).toEqual({
    status: 404,
    code: "NAME_UNKNOWN",
  });
});

test("foreign layers may be missing: by type or by their urls", async () => {
  const { client, config } = await withImage();
  const nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  const foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  const urls = ["https://example.com/layer"];
  const layers = [
    describe(blob(), nondistributable, { urls }),
    describe(blob(), foreign, { urls }),
    describe(blob(), LAYER, { urls }),
  ];
  const image = imageManifest({ config, fields: { layers } });
  expect((await client.putManifest("windows", image)).status).toBe(201);
});

test("BuildKit's cache: an index whose children are blobs", async () => {
  const { client, config, layer } = await withImage();
  const cache = manifest(OCI_INDEX, {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [
      describe(layer, LAYER),
      describe(config, "application/vnd.buildkit.cacheconfig.v0"),
    ],
  });
  await client.pushManifest(cache, "cache");
  expect(await client.pullManifest("cache")).toEqual(cache.bytes);
  const deleted = await client.request("DELETE", `blobs/${layer.digest}`);
  expect(await refusal(deleted)).toEqual({ status: 405, code: "UNSUPPORTED" });
});

test("a subject that is not there is accepted and confirmed in OCI-Subject", async () => {
  const { client, config, image } = await withImage();
  const subject = describe(image, OCI_MANIFEST);
  const first = await client.putManifest("v1", imageManifest({ config, fields: { subject } }));
  expect(first.status).toBe(201);
  expect(first.headers.get("oci-subject")).toBe(image.digest);
  const second = await client.putManifest("v2", index([], { subject }));
  expect(second.headers.get("oci-subject")).toBe(image.digest);
  const plain = await client.putManifest("v3", image);
  expect(plain.headers.get("oci-subject")).toBeNull();
});

test("a blob of another repository that the pusher may read is taken over", async () => {
  const { config, layer, image } = await withImage();
  const other = new RegistryClient();
  expect((await other.putManifest("v1", image)).status).toBe(201);
  expect(await other.pullBlob(config.digest)).toEqual(config.bytes);
  expect(await other.pullBlob(layer.digest)).toEqual(layer.bytes);
});

test("a descriptor's size that is not the content's is refused", async () => {
  const { client, config, layer, image } = await withImage();
  const invalid = { status: 400, code: "MANIFEST_INVALID" };
  for (const size of [layer.bytes.length + 1, 0]) {
    const layers = [describe(layer, LAYER, { size })];
    const wrong = imageManifest({ config, fields: { layers } });
    const put = await leavesNothing(() => client.putManifest("v1", wrong));
    expect(await refusal(put)).toEqual(invalid);
  }
  const wrongConfig = { config: describe(config, CONFIG, { size: 1 }) };
  const put = await client.putManifest("v1", imageManifest({ config, fields: wrongConfig }));
  expect(await refusal(put)).toEqual(invalid);
  await client.pushManifest(image);
  const manifests = [describe(image, OCI_MANIFEST, { size: 1 })];
  expect(await refusal(await client.putManifest("v1", index([], { manifests })))).toEqual(invalid);
});

test("4 MiB exactly are taken and come back byte for byte", async () => {
  const { client, config } = await withImage();
  const image = padded(config, 4 * 1024 * 1024);
  expect((await client.putManifest("big", image)).status).toBe(201);
  expect(digestOf(await client.pullManifest("big"))).toBe(image.digest);
  expect(digestOf(await client.pullManifest(image.digest))).toBe(image.digest);
  const head = await client.head("manifests/big");
  expect(head.headers.get("content-length")).toBe(String(4 * 1024 * 1024));
});

test.each(["announced", "not announced"])("one byte more, %s, is 413", async (length) => {
  const { client, config } = await withImage();
  const { bytes, mediaType } = padded(config, 4 * 1024 * 1024 + 1);
  const response = await leavesNothing(() =>
    client.request("PUT", "manifests/big", {
      body: length === "announced" ? bytes : streamOf(bytes),
      headers: { "content-type": mediaType },
    }),
  );
  expect(await refusal(response)).toEqual({ status: 413, code: "SIZE_INVALID" });
});

test.each([
  ["the last that fits a row", 256 * 1024],
  ["the first that goes to the bucket", 256 * 1024 + 1],
])("a manifest of a size that is stored differently: %s", async (_, size) => {
  const { client, config } = await withImage();
  const image = await client.pushManifest(padded(config, size), "v1");
  expect(await client.pullManifest("v1")).toEqual(image.bytes);
  expect(await client.pullManifest(image.digest)).toEqual(image.bytes);
});

test("a big manifest that is refused leaves nothing in the bucket", async () => {
  const { client } = await withImage();
  const image = padded(blob(), 1024 * 1024);
  const response = await leavesNothing(() => client.putManifest("v1", image));
  expect(await refusal(response)).toEqual({ status: 400, code: "MANIFEST_BLOB_UNKNOWN" });
});

test("a manifest that names the same layer many times is taken", async () => {
  const { client, config, layer } = await withImage();
  const image = imageManifest({ config, layers: Array.from({ length: 50 }, () => layer) });
  expect((await client.putManifest("v1", image)).status).toBe(201);
});

test("10,000 references are taken, one more is refused", async () => {
  const { client, config, layer } = await withImage();
  const layers = Array.from({ length: 9_999 }, () => layer);
  expect((await client.putManifest("v1", imageManifest({ config, layers }))).status).toBe(201);
  const more = imageManifest({ config, layers: [...layers, layer] });
  const response = await leavesNothing(() => client.putManifest("v2", more));
  expect(await refusal(response)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
});

test("10,000 different references that are missing are refused without an error of the database", async () => {
  const { client, config } = await withImage();
  const layers = Array.from({ length: 9_999 }, (_, i) => ({
    mediaType: LAYER,
    digest: `sha256:${i.toString(16).padStart(64, "0")}`,
    size: 1,
  }));
  const image = imageManifest({ config, fields: { layers } });
  const response = await leavesNothing(() => client.putManifest("v1", image));
  expect(await refusal(response)).toEqual({ status: 400, code: "MANIFEST_BLOB_UNKNOWN" });
});

test.each([
  [
    "nested a thousand deep in arrays",
    `{"schemaVersion":2,"x":${"[".repeat(1000)}${"]".repeat(1000)}}`,
  ],
  ["nested a million deep", "[".repeat(1_000_000)],
  ["not JSON", "{"],
  ["empty", ""],
  ["null", "null"],
  ["an array", "[]"],
  ["a string", '"x"'],
  ["without a schemaVersion", '{"config":{},"layers":[]}'],
  ["of schemaVersion 1", '{"schemaVersion":1}'],
  ["without a config", '{"schemaVersion":2,"layers":[]}'],
  ["with layers that are none", '{"schemaVersion":2,"config":{},"layers":{}}'],
])("a manifest that is %s is refused and leaves nothing", async (_, json) => {
  const { client } = await withImage();
  const bytes = new Uint8Array(new TextEncoder().encode(json));
  const put = () => client.putManifest("v1", { bytes, mediaType: OCI_MANIFEST });
  expect(await refusal(await leavesNothing(put))).toEqual({
    status: 400,
    code: "MANIFEST_INVALID",
  });
});

test.each([
  ["a malformed digest", { digest: "sha256:short" }],
  ["no digest", { digest: undefined }],
  ["a negative size", { size: -1 }],
  ["a size that is no whole number", { size: 1.5 }],
  ["a size in a string", { size: "100" }],
  ["an unsafe size", { size: 2 ** 60 }],
])("a descriptor with %s is refused and leaves nothing", async (_, fields) => {
  const { client, config, layer } = await withImage();
  const layers = [describe(layer, LAYER, fields)];
  const response = await leavesNothing(() =>
    client.putManifest("v1", imageManifest({ config, fields: { layers } })),
  );
  expect(await refusal(response)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
});

test("bytes that are not UTF-8 are refused", async () => {
  const { client } = await withImage();
  const bytes = new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
  const put = () => client.putManifest("v1", { bytes, mediaType: OCI_MANIFEST });
  expect(await refusal(await leavesNothing(put))).toEqual({
    status: 400,
    code: "MANIFEST_INVALID",
  });
});

test("DELETE by tag: answers 202; the tag is gone at once, the manifest stays", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "v1");
  expect((await client.request("DELETE", "manifests/v1")).status).toBe(202);
  expect((await client.head("manifests/v1")).status).toBe(404);
  expect(await client.pullManifest(image.digest)).toEqual(image.bytes);
  expect(await client.listTags()).toEqual([]);
});

test("DELETE by digest: answers 202; the manifest and every tag of it are gone at once", async () => {
  const { client, config, image } = await withImage();
  await client.pushManifest(image, "v1");
  await client.pushManifest(image, "v2");
  await client.pushManifest(imageManifest({ config }), "other");
  expect((await client.request("DELETE", `manifests/${image.digest}`)).status).toBe(202);
  for (const reference of [image.digest, "v1", "v2"]) {
    expect((await client.head(`manifests/${reference}`)).status).toBe(404);
  }
  expect(await client.listTags()).toEqual(["other"]);
});

test("DELETE: what is not there is 404, also the second time", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "v1");
  await client.request("DELETE", "manifests/v1");
  await client.request("DELETE", `manifests/${image.digest}`);
  for (const reference of ["v1", image.digest, unknownDigest()]) {
    const response = await leavesNothing(() => client.request("DELETE", `manifests/${reference}`));
    expect(await refusal(response)).toEqual({ status: 404, code: "MANIFEST_UNKNOWN" });
  }
});

test("DELETE: a manifest that an index names is refused with 405 until the index is gone", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "child");
  const list = await client.pushManifest(index([image]), "list");
  const path = `manifests/${image.digest}`;
  const refused = await leavesNothing(() => client.request("DELETE", path));
  expect(await refusal(refused)).toEqual({ status: 405, code: "UNSUPPORTED" });
  expect(await client.listTags()).toEqual(["child", "list"]);
  expect((await client.request("DELETE", `manifests/${list.digest}`)).status).toBe(202);
  expect((await client.request("DELETE", path)).status).toBe(202);
});

test("a push and the delete of what it names, at once: one of the two is refused", async () => {
  for (let round = 0; round < 10; round++) {
    const { client, layer, image } = await withImage();
    const [pushed, deleted] = await Promise.all([
      client.putManifest("v1", image),
      client.request("DELETE", `blobs/${layer.digest}`),
    ]);
    const outcome = [pushed.status, deleted.status];
    expect([
      [201, 405],
      [400, 202],
    ]).toContainEqual(outcome);
    const held = (await client.head(`blobs/${layer.digest}`)).status;
    expect(held).toBe(pushed.status === 201 ? 200 : 404);
  }
});

test("an index and the delete of its child, at once: one of the two is refused", async () => {
  for (let round = 0; round < 10; round++) {
    const { client, image } = await withImage();
    await client.pushManifest(image);
    const [pushed, deleted] = await Promise.all([
      client.putManifest("list", index([image])),
      client.request("DELETE", `manifests/${image.digest}`),
    ]);
    expect([
      [201, 405],
      [400, 202],
    ]).toContainEqual([pushed.status, deleted.status]);
    const held = (await client.head(`manifests/${image.digest}`)).status;
    expect(held).toBe(pushed.status === 201 ? 200 : 404);
  }
});

test("a deleted manifest can be pushed again", async () => {
  const { client, image } = await withImage();
  await client.pushManifest(image, "v1");
  await client.request("DELETE", `manifests/${image.digest}`);
  await client.pushManifest(image, "v1");
  expect(await client.pullManifest("v1")).toEqual(image.bytes);
});

/** Makes an image of exactly that many bytes. */
function padded(config: ReturnType<typeof blob>, size: number): Manifest {
  const empty = imageManifest({ config, fields: { annotations: { pad: "" } } });
  const pad = "x".repeat(size - empty.bytes.length);
  return imageManifest({ config, fields: { annotations: { pad } } });
}

test("the same bytes stay what they were pushed as, until that is deleted", async () => {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const { bytes, digest } = imageManifest({ config, fields: { mediaType: undefined } });
  const docker = "application/vnd.docker.distribution.manifest.v2+json";
  const put = (mediaType: string, reference = "t") =>
    client.putManifest(reference, { bytes, mediaType });
  expect((await put(OCI_MANIFEST)).status).toBe(201);
  for (const reference of ["t", "other", digest]) {
    const refused = await leavesNothing(() => put(docker, reference));
    expect(await refusal(refused)).toEqual({ status: 409, code: "MANIFEST_INVALID" });
  }
  expect((await client.head("manifests/t")).headers.get("content-type")).toBe(OCI_MANIFEST);
  expect((await put("application/json", "again")).status).toBe(201);
  expect((await client.request("DELETE", `manifests/${digest}`)).status).toBe(202);
  expect((await put(docker)).status).toBe(201);
  expect((await client.head("manifests/t")).headers.get("content-type")).toBe(docker);
});

test("two pushes of the same bytes under two types at once: one of them is refused", async () => {
  for (let round = 0; round < 5; round++) {
    const client = new RegistryClient();
    const config = await client.pushBlob(blob());
    const { bytes } = imageManifest({ config, fields: { mediaType: undefined } });
    const types = [OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"];
    const answers = await Promise.all(
      types.map((mediaType) => client.putManifest("t", { bytes, mediaType })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toSatisfy((each: number[]) => each.includes(201) && each.includes(409));
    const stored = (await client.head("manifests/t")).headers.get("content-type");
    expect(stored).toBe(types[statuses.indexOf(201)]);
  }
});

test.each([
  ["image and index at once", { manifests: [] }, OCI_MANIFEST],
  ["a key in other letters", { Layers: [] }, OCI_MANIFEST],
  ["half of a surrogate pair", { artifactType: "\ud800" }, OCI_MANIFEST],
])("%s is refused, and nothing of it is kept", async (_, fields, mediaType) => {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const { bytes } = imageManifest({ config, fields });
  const refused = await leavesNothing(() => client.putManifest("t", { bytes, mediaType }));
  expect(await refusal(refused)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
});
