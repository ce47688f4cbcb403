import { beforeAll, expect, test } from "vitest";
import { RegistryClient, refusal } from "../support/client.ts";
import { blob, imageManifest } from "../support/images.ts";

const TAGS = ["1", "1.10", "1.9", "B", "Z_", "_x", "a", "a-1", "a.1", "aa", "latest"];
const client = new RegistryClient();

beforeAll(async () => {
  const image = imageManifest({ config: await client.pushBlob(blob()) });
  const query = TAGS.toReversed().map((tag) => `tag=${tag}`);
  await client.pushManifest(image, `${image.digest}?${query.join("&")}`);
});

test("GET: lists all tags, sorted by their bytes", async () => {
  const response = await client.get("tags/list");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(await response.json()).toEqual({ name: client.repository, tags: TAGS });
  expect(response.headers.get("link")).toBeNull();
});

test("n: just so many, and a relative Link to the rest", async () => {
  const response = await client.get("tags/list?n=4");
  expect(await response.json()).toEqual({ name: client.repository, tags: TAGS.slice(0, 4) });
  expect(response.headers.get("link")).toBe(
    `</v2/${client.repository}/tags/list?n=4&last=B>; rel="next"`,
  );
});

test("n=0: no tags and no Link", async () => {
  const response = await client.get("tags/list?n=0");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ name: client.repository, tags: [] });
  expect(response.headers.get("link")).toBeNull();
});

test.each([TAGS.length, TAGS.length + 1, 100_000, 999_999_999_999])(
  "n=%i: all are listed, without a Link",
  async (n) => {
    const response = await client.get(`tags/list?n=${n}`);
    expect(await response.json()).toEqual({ name: client.repository, tags: TAGS });
    expect(response.headers.get("link")).toBeNull();
  },
);

test("following the Links shows each tag once", async () => {
  const seen: string[] = [];
  let path: string | undefined = "tags/list?n=3";
  for (let pages = 0; path !== undefined && pages < 10; pages++) {
    const response = await client.get(path);
    const { tags } = await response.json<{ tags: string[] }>();
    seen.push(...tags);
    path = /^<([^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  expect(seen).toEqual(TAGS);
});

test.each([
  ["a", ["a-1", "a.1", "aa", "latest"]],
  ["a0", ["aa", "latest"]],
  ["", TAGS],
  ["zzz", []],
])("last=%s: only what comes after, whether or not it exists", async (last, rest) => {
  expect(await client.listTags(`?last=${last}`)).toEqual(rest);
});

test("n and last together", async () => {
  expect(await client.listTags("?n=2&last=a")).toEqual(["a-1", "a.1"]);
});

test.each(["-1", "x", "1.5", "1e3"])("n=%s is no number and refused", async (n) => {
  const response = await client.get(`tags/list?n=${n}`);
  expect((await refusal(response)).status).toBe(400);
});

test("more than a thousand: n is clamped and a Link leads to the rest", async () => {
  const own = new RegistryClient();
  const image = imageManifest({ config: await own.pushBlob(blob()) });
  const names = Array.from({ length: 1_005 }, (_, i) => `t${String(i).padStart(4, "0")}`);
  for (let i = 0; i < names.length; i += 50) {
    const query = names.slice(i, i + 50).map((name) => `tag=${name}`);
    await own.pushManifest(image, `${image.digest}?${query.join("&")}`);
  }
  for (const query of ["?n=5000", ""]) {
    const response = await own.get(`tags/list${query}`);
    const { tags } = await response.json<{ tags: string[] }>();
    expect(tags).toEqual(names.slice(0, 1_000));
    const link = `</v2/${own.repository}/tags/list?n=1000&last=t0999>; rel="next"`;
    expect(response.headers.get("link")).toBe(link);
  }
  expect(await own.listTags("?n=1000&last=t0999")).toEqual(names.slice(1_000));
});

test("a repository without tags lists none; an unknown one is 404", async () => {
  const own = new RegistryClient();
  expect(await refusal(await own.get("tags/list"))).toEqual({ status: 404, code: "NAME_UNKNOWN" });
  await own.pushBlob(blob());
  const response = await own.get("tags/list");
  expect(await response.json()).toEqual({ name: own.repository, tags: [] });
});

test("the catalog lists repositories, page by page, with a relative Link", async () => {
  const base = `catalog/${crypto.randomUUID()}`;
  const names = ["a", "b", "c"].map((name) => `${base}/${name}`);
  for (const name of names) await client.in(name).pushBlob(blob());
  const response = await client.get(`/v2/_catalog?n=2&last=${encodeURIComponent(base)}`);
  expect(await response.json()).toEqual({ repositories: names.slice(0, 2) });
  const next = new URLSearchParams({ n: "2", last: `${base}/b` }).toString();
  expect(response.headers.get("link")).toBe(`</v2/_catalog?${next}>; rel="next"`);
  const rest = await client.get(`/v2/_catalog?${next}`);
  const { repositories } = await rest.json<{ repositories: string[] }>();
  expect(repositories[0]).toBe(names[2]);
});

test("the catalog with n=0 is empty, without a Link", async () => {
  const response = await client.get("/v2/_catalog?n=0");
  expect(await response.json()).toEqual({ repositories: [] });
  expect(response.headers.get("link")).toBeNull();
});
