/** Only a socket shows the Content-Length of a GET: test/server/socket.test.ts. */
import { beforeAll, expect, test } from "vitest";
import { RegistryClient, refusal } from "../support/client.ts";
import { blob, digestOf, imageManifest, unknownDigest } from "../support/images.ts";
import { leavesNothing, stored } from "../support/storage.ts";

const client = new RegistryClient();
const { bytes, digest } = blob(2048);

beforeAll(() => client.pushBlob({ bytes, digest }));

test("GET: answers the bytes with their type and digest, not to be transformed", async () => {
  const response = await client.get(`blobs/${digest}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  expect(response.headers.get("accept-ranges")).toBe("bytes");
  expect(response.headers.get("cache-control")).toContain("no-transform");
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
});

test("HEAD: answers the same headers without a body", async () => {
  const response = await client.head(`blobs/${digest}`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-length")).toBe("2048");
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  expect(response.headers.get("accept-ranges")).toBe("bytes");
  expect(await response.text()).toBe("");
});

test("GET: an unknown query parameter is no trouble (containerd sends ns=)", async () => {
  const response = await client.get(`blobs/${digest}?ns=docker.io`);
  expect(response.status).toBe(200);
  expect(response.headers.get("docker-content-digest")).toBe(digest);
});

test("GET: takes a percent-encoded digest", async () => {
  expect((await client.get(`blobs/${encodeURIComponent(digest)}`)).status).toBe(200);
});

test.each(["sha256", "sha512"] as const)("GET: an unknown %s digest is 404", async (algorithm) => {
  const unknown = digestOf(blob(8).bytes, algorithm);
  expect(await refusal(await client.get(`blobs/${unknown}`))).toEqual({
    status: 404,
    code: "BLOB_UNKNOWN",
  });
  expect((await client.head(`blobs/${unknown}`)).status).toBe(404);
});

test("GET: a blob of another repository is 404, whether or not this one exists", async () => {
  const other = new RegistryClient();
  const unknown = { status: 404, code: "BLOB_UNKNOWN" };
  expect(await refusal(await other.get(`blobs/${digest}`))).toEqual(unknown);
  await other.pushBlob(blob());
  expect(await refusal(await other.get(`blobs/${digest}`))).toEqual(unknown);
  expect((await other.head(`blobs/${digest}`)).status).toBe(404);
});

test.each([
  "sha256:baddigeststring",
  "sha256:abc",
  `sha256:${"A".repeat(64)}`,
  `sha512:${"a".repeat(64)}`,
  `md5:${"a".repeat(32)}`,
  "latest",
])("GET and DELETE: the malformed digest %j is 400", async (malformed) => {
  const invalid = { status: 400, code: "DIGEST_INVALID" };
  expect(await refusal(await client.get(`blobs/${malformed}`))).toEqual(invalid);
  expect(await refusal(await client.request("DELETE", `blobs/${malformed}`))).toEqual(invalid);
});

test.each([
  ["bytes=500-1499", 500, 1499],
  ["bytes=500-", 500, 2047],
  ["bytes=-500", 1548, 2047],
  ["bytes=2000-5000", 2000, 2047],
  ["bytes=0-0", 0, 0],
  ["bytes=-5000", 0, 2047],
  ["bytes=0-2048", 0, 2047],
])("Range: %s answers 206 with just these bytes", async (range, first, last) => {
  const response = await client.get(`blobs/${digest}`, { range });
  expect(response.status).toBe(206);
  expect(response.headers.get("content-range")).toBe(`bytes ${first}-${last}/2048`);
  expect(response.headers.get("content-type")).toBe("application/octet-stream");
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes.slice(first, last + 1));
});

test.each(["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=-0"])(
  "Range: %s lies outside and is 416 with the size",
  async (range) => {
    const response = await client.get(`blobs/${digest}`, { range });
    expect(response.headers.get("content-range")).toBe("bytes */2048");
    expect((await refusal(response)).status).toBe(416);
  },
);

test.each(["items=0-5", "bytes=", "bytes=a-b", "bytes=-", "0-5", "bytes=1-2-3"])(
  "Range: %j says nothing and the whole blob is sent",
  async (range) => {
    const response = await client.get(`blobs/${digest}`, { range });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-range")).toBeNull();
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
  },
);

test("Range: several ranges answer multipart/byteranges, byte for byte", async () => {
  const response = await client.get(`blobs/${digest}`, { range: "bytes=0-1, 5-6,-3" });
  expect(response.status).toBe(206);
  const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(
    response.headers.get("content-type") ?? "",
  )?.[1];
  const body = new Uint8Array(await response.arrayBuffer());
  const expected = [
    [0, 1],
    [5, 6],
    [2045, 2047],
  ].flatMap(([first = 0, last = 0]) => [
    ...new TextEncoder().encode(
      `\r\n--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes ${first}-${last}/2048\r\n\r\n`,
    ),
    ...bytes.slice(first, last + 1),
  ]);
  expected.push(...new TextEncoder().encode(`\r\n--${boundary}--\r\n`));
  expect(body).toEqual(new Uint8Array(expected));
});

test("Range: of several ranges, those outside are left out", async () => {
  const response = await client.get(`blobs/${digest}`, { range: "bytes=0-9,9000-9001" });
  expect(response.status).toBe(206);
  expect(response.headers.get("content-range")).toBe("bytes 0-9/2048");
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes.slice(0, 10));
});

test("Range: several ranges are never 416, even if all lie outside", async () => {
  const response = await client.get(`blobs/${digest}`, { range: "bytes=9000-9001,9005-9006" });
  expect(response.status).toBe(200);
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
});

test("Range: too many ranges are 400, so that a client asks in smaller steps", async () => {
  const range = `bytes=${Array.from({ length: 2000 }, (_, i) => `${i}-${i}`).join(",")}`;
  expect((await refusal(await client.get(`blobs/${digest}`, { range }))).status).toBe(400);
});

test("Range: HEAD ignores it, as RFC 9110 § 14.2 has it", async () => {
  const response = await client.head(`blobs/${digest}`, { range: "bytes=0-9" });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-length")).toBe("2048");
});

test("Range: any range of the empty blob is the whole of it", async () => {
  const empty = await client.pushBlob({
    bytes: new Uint8Array(0),
    digest: digestOf(new Uint8Array(0)),
  });
  expect((await client.pullBlob(empty.digest)).length).toBe(0);
  const response = await client.get(`blobs/${empty.digest}`, { range: "bytes=0-" });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-range")).toBeNull();
  expect((await response.arrayBuffer()).byteLength).toBe(0);
});

test("DELETE: answers 202; the blob is gone at once, and stays gone", async () => {
  const own = new RegistryClient();
  const content = await own.pushBlob(blob());
  expect((await own.request("DELETE", `blobs/${content.digest}`)).status).toBe(202);
  expect((await own.head(`blobs/${content.digest}`)).status).toBe(404);
  const unknown = { status: 404, code: "BLOB_UNKNOWN" };
  expect(await refusal(await own.get(`blobs/${content.digest}`))).toEqual(unknown);
  const again = await own.request("DELETE", `blobs/${content.digest}`);
  expect(await refusal(again)).toEqual(unknown);
});

test("DELETE: takes the blob from one repository only", async () => {
  const one = new RegistryClient();
  const other = new RegistryClient();
  const content = await one.pushBlob(blob());
  await other.pushBlob(content);
  await one.request("DELETE", `blobs/${content.digest}`);
  expect(await other.pullBlob(content.digest)).toEqual(content.bytes);
});

test("DELETE: a deleted blob can be pushed again", async () => {
  const own = new RegistryClient();
  const content = await own.pushBlob(blob());
  await own.request("DELETE", `blobs/${content.digest}`);
  await own.pushBlob(content);
  expect(await own.pullBlob(content.digest)).toEqual(content.bytes);
});

test("DELETE: an unknown blob is 404 and changes nothing", async () => {
  const response = await leavesNothing(() => client.request("DELETE", `blobs/${unknownDigest()}`));
  expect(await refusal(response)).toEqual({ status: 404, code: "BLOB_UNKNOWN" });
});

test("DELETE: a blob that a manifest names is refused with 405 until the manifest is gone", async () => {
  const own = new RegistryClient();
  const config = await own.pushBlob(blob());
  const image = await own.pushManifest(imageManifest({ config }));
  const response = await leavesNothing(() => own.request("DELETE", `blobs/${config.digest}`));
  expect(await refusal(response)).toEqual({ status: 405, code: "UNSUPPORTED" });
  expect(await own.pullBlob(config.digest)).toEqual(config.bytes);
  expect((await own.request("DELETE", `manifests/${image.digest}`)).status).toBe(202);
  expect((await own.request("DELETE", `blobs/${config.digest}`)).status).toBe(202);
});

test("a blob's object is stored once, under a key that its digest does not tell", async () => {
  const own = new RegistryClient();
  const before = await stored();
  const content = await own.pushBlob(blob());
  const after = await stored();
  const added = after.keys.filter((key) => !before.keys.includes(key));
  expect(added).toHaveLength(1);
  expect(added[0]).not.toContain(content.digest.slice("sha256:".length));
});
