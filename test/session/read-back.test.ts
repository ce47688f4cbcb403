/** An upload's bytes are read back once for each algorithm, whatever a client asks for. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { memoryUse } from "../../src/memory/isolate.ts";
import { intercept } from "../support/wrapped-env.ts";
import { brokenStream, ignore, RegistryClient, refusal, streamOf } from "../support/client.ts";
import { blob, content, digestOf, unknownDigest } from "../support/images.ts";
import { session } from "../support/storage.ts";

const MIB = 1024 * 1024;
const WRONG = digestOf(new Uint8Array(1), "sha512");
const MISMATCH = { status: 400, code: "DIGEST_INVALID" };

/** A client of a registry whose reads of objects are counted. */
function counting() {
  const reads = { count: 0 };
  const BLOBS = intercept(env.BLOBS, (name, call) => (...parameters) => {
    if (name === "get") reads.count++;
    return call(...parameters);
  });
  const send = (request: Request) => handle(request, { ...env, BLOBS }, ignore);
  return { client: new RegistryClient({ send }), reads, BLOBS };
}

test("a wrong sha512 reads the object back once, however often it is sent", async () => {
  const { client, reads } = counting();
  const { bytes, digest } = blob(9 * MIB);
  const location = await client.append(await client.startUpload(), streamOf(bytes));
  for (let i = 0; i < 4; i++) {
    expect(await refusal(await client.finish(location, WRONG))).toEqual(MISMATCH);
    expect(reads.count).toBe(1);
  }
  // The right one is known by then.
  const right = digestOf(bytes, "sha512");
  expect((await client.finish(location, right)).status).toBe(201);
  expect(reads.count).toBe(1);
  expect(digestOf(await client.pullBlob(right))).toBe(digest);
});

test("after a wrong sha512 the right sha256 is read back once more, and no wrong one ever", async () => {
  const { client, reads } = counting();
  const { bytes, digest } = blob(9 * MIB);
  const range = { first: 0, last: bytes.length - 1 };
  const location = await client.append(await client.startUpload(), bytes, range);
  expect(await refusal(await client.finish(location, WRONG))).toEqual(MISMATCH);
  expect(await refusal(await client.finish(location, unknownDigest()))).toEqual(MISMATCH);
  expect(reads.count).toBe(1);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(reads.count).toBe(2);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("the last bytes' memory is free before the object is read back", async () => {
  const during: number[] = [];
  const BLOBS = intercept(env.BLOBS, (name, call) => (...parameters) => {
    if (name === "get") during.push(memoryUse().bodies);
    return call(...parameters);
  });
  const send = (request: Request) => handle(request, { ...env, BLOBS }, ignore);
  const client = new RegistryClient({ send });
  const { bytes } = blob(9 * MIB);
  const range = { first: 0, last: bytes.length - 1 };
  const location = await client.append(await client.startUpload(), bytes, range);
  const right = digestOf(bytes, "sha512");
  expect((await client.finish(location, right)).status).toBe(201);
  expect(during).toEqual([0]);
});

test("what was found of an object is not believed of another one: the upload goes on, and ends right", async () => {
  const { client } = counting();
  const all = blob(10 * MIB);
  const first = content(all.bytes.slice(0, 9 * MIB));
  let location = await client.append(await client.startUpload(), streamOf(first.bytes));
  expect(await refusal(await client.finish(location, WRONG))).toEqual(MISMATCH);
  location = await client.append(location, streamOf(all.bytes.slice(9 * MIB)));
  const short = digestOf(first.bytes, "sha512");
  expect(await refusal(await client.finish(location, short))).toEqual(MISMATCH);
  const right = digestOf(all.bytes, "sha512");
  expect((await client.finish(location, right)).status).toBe(201);
  expect(digestOf(await client.pullBlob(right))).toBe(all.digest);
});

test("a chunk after a natively hashed one reads it back once, though its own bytes never arrive", async () => {
  const { client, reads } = counting();
  const { bytes, digest } = blob(9 * MIB + 1);
  const location = await client.append(await client.startUpload(), streamOf(bytes.slice(0, -1)));
  for (let i = 0; i < 3; i++) {
    const broken = await client.patch(location, brokenStream(bytes.slice(-1)));
    expect(await refusal(broken)).toEqual({ status: 400, code: "BLOB_UPLOAD_INVALID" });
    expect(await session(location)).toMatchObject({ offset: 9 * MIB });
    expect(reads.count).toBe(1);
  }
  const next = await client.append(location, bytes.slice(-1));
  expect((await client.finish(next, digest)).status).toBe(201);
  expect(reads.count).toBe(1);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("a finish that brings the last bytes after a natively hashed chunk reads that back once", async () => {
  const { client, reads } = counting();
  const { bytes, digest } = blob(9 * MIB + 1);
  const location = await client.append(await client.startUpload(), streamOf(bytes.slice(0, -1)));
  for (let i = 0; i < 3; i++) {
    const refused = await client.finish(location, unknownDigest(), bytes.slice(-1));
    expect(await refusal(refused)).toEqual(MISMATCH);
    expect(reads.count).toBe(1);
  }
  expect((await client.finish(location, digest, bytes.slice(-1))).status).toBe(201);
  expect(reads.count).toBe(1);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("what was found of an object is not believed of bytes that begin anew", async () => {
  const { client } = counting();
  const begun = await client.startUpload();
  const location = await client.append(begun, streamOf(blob(9 * MIB).bytes));
  expect(await refusal(await client.finish(location, WRONG))).toEqual(MISMATCH);
  const other = blob(9 * MIB);
  const right = digestOf(other.bytes, "sha512");
  expect((await client.finish(begun, right, streamOf(other.bytes))).status).toBe(201);
  expect(digestOf(await client.pullBlob(right))).toBe(other.digest);
});

test("a finish that reads nothing back may be repeated as often as a client likes", async () => {
  const { client, reads } = counting();
  const { bytes, digest } = blob(9 * MIB);
  const location = await client.append(await client.startUpload(), streamOf(bytes));
  for (let i = 0; i < 40; i++) {
    expect(await refusal(await client.finish(location, unknownDigest()))).toEqual(MISMATCH);
  }
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(reads.count).toBe(0);
});

test.each(["sha256", "sha512"] as const)(
  "a finish is repeated while the index fails, and an object verified by %s is not read again",
  async (algorithm) => {
    const { client, reads, BLOBS } = counting();
    const { bytes } = blob(9 * MIB);
    const digest = digestOf(bytes, algorithm);
    const location = await client.append(await client.startUpload(), streamOf(bytes));
    const DB = intercept(env.DB, (name, call) => (...parameters) => {
      if (name === "batch") throw new Error("the index is down");
      return call(...parameters);
    });
    const failing = new RegistryClient({
      repository: client.repository,
      send: (request) => handle(request, { ...env, BLOBS, DB }, ignore),
    });
    for (let i = 0; i < 40; i++) {
      expect((await failing.finish(location, digest)).status).toBe(500);
    }
    expect((await client.finish(location, digest)).status).toBe(201);
    expect(reads.count).toBe(algorithm === "sha256" ? 0 : 1);
    expect(digestOf(await client.pullBlob(digest))).toBe(digestOf(bytes));
  },
);

test("requests that die while they read back have an end: the upload is given up", async () => {
  const { client } = counting();
  const { bytes, digest } = blob(9 * MIB);
  const location = await client.append(await client.startUpload(), streamOf(bytes));
  const BLOBS = intercept(env.BLOBS, (name, call) => (...parameters) => {
    if (name === "get") throw new Error("the Worker died");
    return call(...parameters);
  });
  const dying = new RegistryClient({
    repository: client.repository,
    send: (request) => handle(request, { ...env, BLOBS }, ignore),
  });
  const finish = async () => (await dying.finish(location, WRONG)).status;
  const statuses: number[] = [];
  for (let i = 0; i < 16; i++) statuses.push(await finish());
  // And as many at once.
  statuses.push(...(await Promise.all(Array.from({ length: 18 }, finish))));
  expect(statuses.toSorted((a, b) => a - b)).toEqual([
    404,
    404,
    ...Array.from({ length: 32 }, () => 500),
  ]);
  expect((await client.finish(location, digest)).status).toBe(404);
});
