/** Chunks out of order, replayed, repeated or at once: nothing is ever appended twice. */
import { expect, test } from "vitest";
import { locationOf, RegistryClient, refusal, streamOf, uploadIdOf } from "../support/client.ts";
import { blob, type Bytes, digestOf } from "../support/images.ts";
import { leavesNothing } from "../support/storage.ts";

const OUT_OF_ORDER = { status: 416, code: "BLOB_UPLOAD_INVALID" };

test.each([
  ["a gap", { first: 1100, last: 1199 }],
  ["a rewind", { first: 0, last: 99 }],
  ["an overlap", { first: 950, last: 1049 }],
])("PATCH: %s is refused with the place to go on from, and changes nothing", async (_, range) => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(2000);
  const location = await client.append(await client.startUpload(), bytes.slice(0, 1000));
  const response = await leavesNothing(() => client.patch(location, blob(100).bytes, range));
  expect(response.headers.get("range")).toBe("0-999");
  expect(uploadIdOf(locationOf(response))).toBe(uploadIdOf(location));
  const resumed = locationOf(response);
  expect(await refusal(response)).toEqual(OUT_OF_ORDER);
  await client.append(resumed, bytes.slice(1000), { first: 1000, last: 1999 });
  expect((await client.finish(resumed, digest)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("PATCH: a first chunk that does not begin at 0 is refused; the upload stays empty", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const response = await client.patch(location, blob(10).bytes, { first: 5, last: 14 });
  expect(response.headers.get("range")).toBe("0--1");
  expect(await refusal(response)).toEqual(OUT_OF_ORDER);
  expect(await client.progress(location)).toBe("0--1");
});

test("PUT: a last chunk out of order is refused, and the upload can be finished after", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(2000);
  const location = await client.append(await client.startUpload(), bytes.slice(0, 1000));
  const rest = bytes.slice(1000);
  const wrong = { first: 500, last: 1499 };
  const response = await leavesNothing(() => client.finish(location, digest, rest, wrong));
  expect(response.headers.get("range")).toBe("0-999");
  expect(await refusal(response)).toEqual(OUT_OF_ORDER);
  const right = { first: 1000, last: 1999 };
  expect((await client.finish(location, digest, rest, right)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("GET: every earlier Location still says where the upload stands", async () => {
  const client = new RegistryClient();
  const first = await client.startUpload();
  const second = await client.append(first, blob(10).bytes);
  await client.append(second, blob(10).bytes);
  expect(await client.progress(first)).toBe("0-19");
  expect(await client.progress(second)).toBe("0-19");
});

test("PATCH: a ranged chunk that was applied is refused when it is replayed", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const { bytes } = blob(100);
  await client.append(location, bytes, { first: 0, last: 99 });
  const replayed = await client.patch(location, bytes, { first: 0, last: 99 });
  expect(replayed.headers.get("range")).toBe("0-99");
  expect(await refusal(replayed)).toEqual(OUT_OF_ORDER);
  expect(await client.progress(location)).toBe("0-99");
});

test.each([
  ["small", 100],
  ["of several parts", 17 * 1024 * 1024],
])("PATCH: everything again at the first Location starts over: %s", async (_, size) => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(size);
  const location = await client.startUpload();
  await client.append(location, streamOf(bytes));
  const replayed = await client.patch(location, streamOf(bytes));
  expect(replayed.status).toBe(202);
  expect(replayed.headers.get("range")).toBe(`0-${size - 1}`);
  expect((await client.finish(locationOf(replayed), digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("PATCH: an un-ranged chunk again at a Location in between is refused, not appended", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(30);
  const second = await client.append(await client.startUpload(), bytes.slice(0, 10));
  const third = await client.append(second, bytes.slice(10, 20));
  const replayed = await client.patch(second, bytes.slice(10, 20));
  expect(replayed.headers.get("range")).toBe("0-19");
  expect(await refusal(replayed)).toEqual(OUT_OF_ORDER);
  await client.append(third, bytes.slice(20));
  expect((await client.finish(third, digest)).status).toBe(201);
});

test("PUT: everything again at the first Location, after a PATCH of it, is not appended", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(5000);
  const location = await client.startUpload();
  await client.append(location, bytes);
  expect((await client.finish(location, digest, bytes)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("two PATCHes at once: one wins, the other is told where the upload stands", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const slow = openBody();
  const first = client.patch(location, slow.body);
  await slow.send(blob(10).bytes);
  const second = await client.patch(location, blob(7).bytes);
  await slow.end(blob(10).bytes);
  const answers = [await first, second];
  expect(answers.map(({ status }) => status)).toEqual([416, 202]);
  const [loser] = answers;
  expect(loser?.headers.get("range")).toBe("0-6");
  expect(uploadIdOf(loser?.headers.get("location") ?? "")).toBe(uploadIdOf(location));
  expect(await client.progress(location)).toBe("0-6");
});

test("two PATCHes at once: the one that began later wins, also when it ends later", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const [one, two] = [openBody(), openBody()];
  const first = client.patch(location, one.body);
  await one.send(blob(10).bytes);
  await client.progress(location);
  const second = client.patch(location, two.body);
  await two.send(blob(5).bytes);
  await client.progress(location);
  await one.end(blob(10).bytes);
  expect(await refusal(await first)).toEqual(OUT_OF_ORDER);
  await two.end(blob(5).bytes);
  expect((await second).headers.get("range")).toBe("0-9");
  expect(await client.progress(location)).toBe("0-9");
});

test("two PATCHes of several parts at once: the winner's bytes are the blob's", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(20 * 1024 * 1024);
  const other = blob(20 * 1024 * 1024);
  const location = await client.startUpload();
  const slow = openBody();
  const first = client.patch(location, slow.body);
  await slow.send(other.bytes.slice(0, 9 * 1024 * 1024));
  const second = await client.patch(location, streamOf(bytes));
  await slow.end(other.bytes.slice(9 * 1024 * 1024));
  expect([(await first).status, second.status]).toEqual([416, 202]);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("two ranged chunks of several parts at once, past a first one: exactly one wins", async () => {
  const client = new RegistryClient();
  const { bytes } = blob(30 * 1024 * 1024);
  const cut = 10 * 1024 * 1024;
  const range = { first: cut, last: bytes.length - 1 };
  const location = await client.append(await client.startUpload(), bytes.slice(0, cut), {
    first: 0,
    last: cut - 1,
  });
  const chunk = bytes.slice(cut);
  const answers = await Promise.all([
    client.patch(location, chunk, range),
    client.patch(location, chunk, range),
  ]);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 416]));
  const digest = digestOf(bytes);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("a finish while a PATCH is still arriving: the PATCH is refused, the blob is whole", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(1000);
  const location = await client.append(await client.startUpload(), bytes);
  const slow = openBody();
  const late = client.patch(location, slow.body);
  await slow.send(blob(10).bytes);
  expect((await client.finish(location, digest)).status).toBe(201);
  await slow.end(blob(10).bytes);
  expect((await refusal(await late)).status).toBeOneOf([404, 416]);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test.each([
  ["small", 1000],
  ["of several parts", 20 * 1024 * 1024],
])("two finishes at once both succeed: %s", async (_, size) => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(size);
  const location = await client.append(await client.startUpload(), bytes);
  const answers = await Promise.all([
    client.finish(location, digest),
    client.finish(location, digest),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("two finishes at once, one with a wrong digest: the right one succeeds", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(20 * 1024 * 1024);
  const location = await client.append(await client.startUpload(), bytes);
  const wrong = digestOf(new Uint8Array(1), "sha512");
  const answers = await Promise.all([
    client.finish(location, wrong),
    client.finish(location, digest),
  ]);
  expect(answers[0]?.status).toBeOneOf([400, 404]);
  expect(answers[1]?.status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

// A sha512 that was not announced is computed only when the object is whole and read back. The object can take no more
// bytes then, so the upload may have ended. It must not fail with a 500.
test.each(["PATCH", "PUT"])(
  "after a wrong sha512 over several parts a %s with more bytes is taken or finds no upload",
  async (method) => {
    const client = new RegistryClient();
    const { bytes, digest } = blob(20 * 1024 * 1024);
    const cut = 9 * 1024 * 1024;
    const location = await client.append(await client.startUpload(), bytes.slice(0, cut));
    const wrong = await client.finish(location, digestOf(new Uint8Array(1), "sha512"));
    expect(await refusal(wrong)).toEqual({ status: 400, code: "DIGEST_INVALID" });
    const rest = bytes.slice(cut);
    const more =
      method === "PATCH"
        ? await client.patch(location, rest)
        : await client.finish(location, digest, rest);
    expect(more.status).toBeOneOf([201, 202, 404]);
    const known = more.status === 404 ? 404 : 201;
    expect((await client.finish(location, digest)).status).toBe(known);
    expect((await client.head(`blobs/${digest}`)).status).toBe(known === 404 ? 404 : 200);
  },
);

test("a cancel while a PATCH is still arriving: the PATCH finds no upload", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const slow = openBody();
  const late = client.patch(location, slow.body);
  await slow.send(blob(9 * 1024 * 1024).bytes);
  expect((await client.request("DELETE", location)).status).toBe(204);
  await slow.end(blob(10).bytes);
  expect(await refusal(await late)).toEqual({ status: 404, code: "BLOB_UPLOAD_UNKNOWN" });
});

test.each(["1-", "-5", "a-b", "5-4", "0-9,20-29", "items 0-9", "0-99999999999999999999", "1"])(
  "Content-Range: %j is malformed and refused",
  async (header) => {
    const client = new RegistryClient();
    const location = await client.startUpload();
    const headers = { "content-range": header };
    const body = blob(10).bytes;
    const response = await client.request("PATCH", location, { body, headers });
    expect(await refusal(response)).toEqual({ status: 400, code: "BLOB_UPLOAD_INVALID" });
    expect(await client.progress(location)).toBe("0--1");
  },
);

test("Content-Range: RFC 9110's own form is read too", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const headers = { "content-range": "bytes 0-9/*" };
  const response = await client.request("PATCH", location, { body: blob(10).bytes, headers });
  expect(response.status).toBe(202);
  expect(response.headers.get("range")).toBe("0-9");
});

test("Content-Range: another length than the Content-Length is refused", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const response = await client.patch(location, blob(10).bytes, { first: 0, last: 19 });
  expect(await refusal(response)).toEqual({ status: 400, code: "SIZE_INVALID" });
  expect(await client.progress(location)).toBe("0--1");
});

test.each([
  ["too few", 10],
  ["too many", 30],
])("Content-Range: %s bytes in a body of unknown length are refused", async (_, length) => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const body = streamOf(blob(length).bytes);
  const response = await client.patch(location, body, { first: 0, last: 19 });
  expect(await refusal(response)).toEqual({ status: 400, code: "SIZE_INVALID" });
  expect(await client.progress(location)).toBe("0--1");
});

/** A body that the test sends piece by piece. `send` returns when the bytes are on their way. */
function openBody() {
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  return {
    body: readable,
    send: (bytes: Bytes) => writer.write(bytes),
    async end(bytes: Bytes) {
      await writer.write(bytes);
      await writer.close();
    },
  };
}
