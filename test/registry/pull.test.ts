/** The calls of whole pulls: one of the database, one of R2 for each blob, and after that only one for the tag. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { RegistryClient } from "../support/client.ts";
import { NOTHING } from "../support/counting.ts";
import { blob, type Content, imageManifest, index, type Manifest } from "../support/images.ts";
import { type Isolate, KIB, newIsolate } from "./isolates.ts";

const pusher = new RegistryClient();
const { repository } = pusher;
const config = blob(2 * KIB);
/** Some lie in the isolates' memory, the others at the edge. */
const layers = Array.from({ length: 12 }, (_, i) => blob((i % 2 === 0 ? 10 : 100) * KIB));
const blobs = [config, ...layers];
let image: Manifest;
let child: Manifest;
let platforms: Manifest;

beforeAll(async () => {
  await Promise.all(blobs.map((one) => pusher.pushBlob(one)));
  image = await pusher.pushManifest(imageManifest({ config, layers }), "latest");
  child = await pusher.pushManifest(imageManifest({ config, layers: layers.slice(1) }));
  platforms = await pusher.pushManifest(index([image, child]), "multi");
});

afterAll(() => {
  vi.useRealTimers();
});

async function pull({ client }: Isolate, contents: readonly Content[]): Promise<void> {
  await Promise.all(
    contents.map(async (one) => expect(await client.pullBlob(one.digest)).toEqual(one.bytes)),
  );
}

async function pullImage(isolate: Isolate): Promise<void> {
  expect(await isolate.client.pullManifest("latest")).toEqual(image.bytes);
  await pull(isolate, blobs);
}

async function pullPlatform(isolate: Isolate): Promise<void> {
  expect(await isolate.client.pullManifest("multi")).toEqual(platforms.bytes);
  expect(await isolate.client.pullManifest(child.digest)).toEqual(child.bytes);
  await pull(isolate, [config, ...layers.slice(1)]);
}

describe("an image of 12 layers by its tag", () => {
  let first: Isolate;

  test("cold: one batch, and R2 once for each blob", async () => {
    first = await newIsolate({ repository });
    const calls = await first.counter.duringAll(() => pullImage(first));
    expect(calls).toEqual({ ...NOTHING, d1Batches: 1, r2: blobs.length });
    expect(new Set(first.counter.opened).size).toBe(blobs.length);
  });

  test("warm: one query that does not send the manifest again", async () => {
    const calls = await first.counter.duringAll(() => pullImage(first));
    expect(calls).toEqual({ ...NOTHING, d1Queries: 1 });
  });

  test("by another isolate: no object is read", async () => {
    const other = await newIsolate({ repository });
    const calls = await other.counter.duringAll(() => pullImage(other));
    expect(calls).toEqual({ ...NOTHING, d1Batches: 1 });
  });

  test("when what was known has grown old, one batch renews all of it", async () => {
    const aging = await newIsolate({ repository });
    await pullImage(aging);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * 60_000 });
    await aging.client.startUpload();
    expect(await aging.counter.duringAll(() => pullImage(aging))).toMatchObject({ d1Queries: 1 });
    vi.setSystemTime(Date.now() + 3 * 60_000);
    await aging.client.startUpload();
    const calls = await aging.counter.during(() => aging.client.pullManifest("latest"));
    expect(calls).toEqual({ ...NOTHING, d1Batches: 1 });
    vi.useRealTimers();
    expect(await aging.counter.duringAll(() => pull(aging, blobs))).toEqual(NOTHING);
  });
});

describe("an image of several platforms: its index by tag, one image by digest, its blobs", () => {
  test("cold: one batch in all", async () => {
    const isolate = await newIsolate({ repository });
    const calls = await isolate.counter.duringAll(() => pullPlatform(isolate));
    expect(calls).toMatchObject({ d1Batches: 1, d1Queries: 0, durableObject: 0 });
  });

  test("warm: one query", async () => {
    const isolate = await newIsolate({ repository });
    await pullPlatform(isolate);
    const calls = await isolate.counter.duringAll(() => pullPlatform(isolate));
    expect(calls).toEqual({ ...NOTHING, d1Queries: 1 });
  });
});

describe("a pull in another isolate of the place", () => {
  test("a manifest by its digest: neither the database nor R2, nor for what it names", async () => {
    const first = await newIsolate({ repository });
    await first.client.pullManifest(platforms.digest);
    await first.counter.settled();
    const other = await newIsolate({ repository });
    const calls = await other.counter.duringAll(async () => {
      expect(await other.client.pullManifest(platforms.digest)).toEqual(platforms.bytes);
      expect(await other.client.pullManifest(child.digest)).toEqual(child.bytes);
      await pull(other, blobs);
    });
    expect(calls).toEqual(NOTHING);
  });

  test("a blob alone: neither, for it was asked for alone before", async () => {
    const alone = await pusher.pushBlob(blob(100 * KIB));
    const first = await newIsolate({ repository });
    await pull(first, [alone]);
    await first.counter.settled();
    const other = await newIsolate({ repository });
    expect(await other.counter.duringAll(() => pull(other, [alone]))).toEqual(NOTHING);
  });

  test("a manifest too large for its row: its object comes from the edge", async () => {
    const annotations = { note: "x".repeat(300 * KIB) };
    const large = await pusher.pushManifest(imageManifest({ config, fields: { annotations } }));
    const read = ({ client }: Isolate) => client.pullManifest(large.digest);
    const first = await newIsolate({ repository });
    const cold = await first.counter.duringAll(() => read(first));
    expect(cold).toEqual({ ...NOTHING, d1Batches: 1, r2: 1 });
    const other = await newIsolate({ repository });
    expect(await other.counter.duringAll(() => read(other))).toEqual(NOTHING);
    expect(await read(other)).toEqual(large.bytes);
  });
});

test("a tag that another isolate has moved: the next read gives the new manifest", async () => {
  const here = await newIsolate({ repository });
  const there = await newIsolate({ repository });
  await pusher.pushManifest(image, "moving");
  expect(await here.client.pullManifest("moving")).toEqual(image.bytes);
  expect(await here.client.pullManifest("moving")).toEqual(image.bytes);
  await there.client.pushManifest(child, "moving");
  expect(await here.client.pullManifest("moving")).toEqual(child.bytes);
  const head = await here.client.head("manifests/moving");
  expect(head.headers.get("docker-content-digest")).toBe(child.digest);
  // And back to one that is known already.
  await there.client.pushManifest(image, "moving");
  expect(await here.client.pullManifest("moving")).toEqual(image.bytes);
  await there.client.request("DELETE", "manifests/moving");
  expect((await here.client.get("manifests/moving")).status).toBe(404);
});
