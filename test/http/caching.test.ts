import { beforeAll, expect, test } from "vitest";
import { RegistryClient } from "../support/client.ts";
import { blob, imageManifest, type Manifest, unknownDigest } from "../support/images.ts";

const client = new RegistryClient();
let layer: string;
let image: Manifest;

beforeAll(async () => {
  const config = await client.pushBlob(blob());
  layer = config.digest;
  image = await client.pushManifest(imageManifest({ config }), "latest");
});

test.each(["blob", "manifest by digest", "manifest by tag"])(
  "%s: carries its digest as a strong ETag",
  async (what) => {
    const response = await client.get(pathOf(what));
    expect(response.headers.get("etag")).toBe(`"${digestFor(what)}"`);
    expect((await client.head(pathOf(what))).headers.get("etag")).toBe(`"${digestFor(what)}"`);
  },
);

test.each(["blob", "manifest by digest", "manifest by tag"])(
  "%s: If-None-Match with its ETag answers 304 without a body",
  async (what) => {
    const etag = `"${digestFor(what)}"`;
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
      for (const method of ["GET", "HEAD"]) {
        const headers = { "if-none-match": value };
        const response = await client.request(method, pathOf(what), { headers });
        expect([value, method, response.status]).toEqual([value, method, 304]);
        expect(response.headers.get("etag")).toBe(etag);
        expect(await response.text()).toBe("");
      }
    }
  },
);

test.each(["blob", "manifest by digest", "manifest by tag"])(
  "%s: If-None-Match with another ETag answers 200",
  async (what) => {
    const headers = { "if-none-match": `"${unknownDigest()}"` };
    expect((await client.get(pathOf(what), headers)).status).toBe(200);
  },
);

test("If-None-Match does not turn a 404 into a 304", async () => {
  const headers = { "if-none-match": "*" };
  expect((await client.get(`blobs/${unknownDigest()}`, headers)).status).toBe(404);
  expect((await client.get("manifests/none", headers)).status).toBe(404);
});

test("what a digest names may be kept for ever, what a tag names is asked for each time", async () => {
  const byDigest = await client.get(pathOf("manifest by digest"));
  const byTag = await client.get(pathOf("manifest by tag"));
  const blobs = await client.get(pathOf("blob"));
  expect(byDigest.headers.get("cache-control")).toContain("immutable");
  expect(blobs.headers.get("cache-control")).toContain("immutable");
  expect(byTag.headers.get("cache-control")).toContain("no-cache");
  expect(byTag.headers.get("cache-control")).not.toContain("immutable");
});

test("nothing may be kept for others: who may read is decided anew", async () => {
  for (const what of ["blob", "manifest by digest", "manifest by tag"]) {
    const response = await client.get(pathOf(what));
    expect(response.headers.get("cache-control")).toMatch(/private.*no-transform/);
  }
});

function pathOf(what: string): string {
  if (what === "blob") return `blobs/${layer}`;
  return what === "manifest by tag" ? "manifests/latest" : `manifests/${image.digest}`;
}

function digestFor(what: string): string {
  return what === "blob" ? layer : image.digest;
}

test.each(["blob", "manifest by digest", "manifest by tag"])(
  "%s: If-Match with another ETag, or a weak one, answers 412; with its own, 200",
  async (what) => {
    const etag = `"${digestFor(what)}"`;
    const table: [string, number][] = [
      [etag, 200],
      [`"other", ${etag}`, 200],
      ["*", 200],
      [`"${unknownDigest()}"`, 412],
      [`W/${etag}`, 412],
      [digestFor(what), 412],
    ];
    for (const [value, status] of table) {
      for (const method of ["GET", "HEAD"]) {
        const headers = { "if-match": value };
        const response = await client.request(method, pathOf(what), { headers });
        expect([value, method, response.status]).toEqual([value, method, status]);
        await response.arrayBuffer();
      }
    }
  },
);

test.each(["blob", "manifest by digest", "manifest by tag"])(
  "%s: If-Match goes before If-None-Match",
  async (what) => {
    const etag = `"${digestFor(what)}"`;
    const other = `"${unknownDigest()}"`;
    const both = (match: string, noneMatch: string) =>
      client.get(pathOf(what), { "if-match": match, "if-none-match": noneMatch });
    expect((await both(other, etag)).status).toBe(412);
    expect((await both(etag, etag)).status).toBe(304);
    expect((await both(etag, other)).status).toBe(200);
  },
);

test("dates are no conditions: content has none", async () => {
  const date = "Thu, 01 Jan 1970 00:00:00 GMT";
  for (const header of ["if-modified-since", "if-unmodified-since"]) {
    expect((await client.get(pathOf("blob"), { [header]: date })).status).toBe(200);
  }
});

test("If-Range: the part for exactly this content, else all of it", async () => {
  const etag = `"${layer}"`;
  const table: [string, number][] = [
    [etag, 206],
    [`"${unknownDigest()}"`, 200],
    [`W/${etag}`, 200],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 200],
    ["*", 200],
    [layer, 200],
  ];
  for (const [value, status] of table) {
    const response = await client.get(pathOf("blob"), { range: "bytes=0-0", "if-range": value });
    expect([value, response.status]).toEqual([value, status]);
    expect((await response.arrayBuffer()).byteLength).toBe(status === 206 ? 1 : 100);
  }
});

test("If-None-Match goes before Range, and a HEAD has no Range", async () => {
  const range = "bytes=0-0";
  const known = await client.get(pathOf("blob"), { range, "if-none-match": `"${layer}"` });
  expect(known.status).toBe(304);
  const head = await client.head(pathOf("blob"), { range });
  expect([head.status, head.headers.get("content-length")]).toEqual([200, "100"]);
  expect(head.headers.has("content-range")).toBe(false);
});
