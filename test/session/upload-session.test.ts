/** The session object under the platform's events: evictions, clients that disconnect, alarms. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { handle } from "../production/request.ts";
import { memoryUse } from "../../src/memory/isolate.ts";
import { COUNT_AFTER } from "../../src/session/upload-session.ts";
import { intercept } from "../support/wrapped-env.ts";
import {
  brokenStream,
  ignore,
  locationOf,
  RegistryClient,
  refusal,
  streamOf,
  uploadOf,
} from "../support/client.ts";
import { blob, digestOf, unknownDigest } from "../support/images.ts";
import {
  alarmOf,
  awaitAlarm,
  isOpen,
  keys,
  runExpiry,
  session,
  stored,
} from "../support/storage.ts";

const MIB = 1024 * 1024;
const DAY = 86_400_000;

afterEach(() => {
  vi.useRealTimers();
});

function stubOf(location: string) {
  return env.SESSIONS.getByName(uploadOf(location));
}

test("a chunked upload goes on over evictions between all of its requests", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(20 * MIB);
  let location = await client.startUpload();
  for (const [first, last] of [
    [0, 99],
    [100, 9 * MIB],
    [9 * MIB + 1, 18 * MIB],
    [18 * MIB + 1, 20 * MIB - 1],
  ] as const) {
    location = await client.append(location, bytes.slice(first, last + 1), { first, last });
    await evictDurableObject(stubOf(location));
  }
  expect(await client.progress(location)).toBe(`0-${20 * MIB - 1}`);
  await evictDurableObject(stubOf(location));
  expect((await client.finish(location, digest)).status).toBe(201);
  await evictDurableObject(stubOf(location));
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("an eviction while a PATCH is arriving does no harm", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(10 * MIB);
  const location = await client.startUpload();
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const patched = client.patch(location, readable);
  await writer.write(bytes.slice(0, 9 * MIB));
  await evictDurableObject(stubOf(location));
  await writer.write(bytes.slice(9 * MIB));
  await writer.close();
  expect((await patched).status).toBe(202);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test.each([
  ["before the first part is whole", 1_000],
  ["after two parts", 17 * MIB],
])("a client that hangs up %s leaves the upload where it was, and resumes", async (_, sent) => {
  const client = new RegistryClient({ send: (request) => handle(request, env, ignore) });
  const { bytes, digest } = blob(20 * MIB);
  const location = await client.append(await client.startUpload(), bytes.slice(0, MIB), {
    first: 0,
    last: MIB - 1,
  });
  const before = await session(location);
  const used = memoryUse().bodies;
  const body = brokenStream(bytes.slice(MIB, MIB + sent));
  const broken = await client.patch(location, body);
  expect(broken.status).toBeGreaterThanOrEqual(400);
  expect(memoryUse().bodies).toBe(used);
  expect(await client.progress(location)).toBe(`0-${MIB - 1}`);
  expect(await session(location)).toMatchObject({ offset: before?.offset, multipart: null });
  const rest = { first: MIB, last: bytes.length - 1 };
  await client.append(location, bytes.slice(MIB), rest);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("a client that hangs up is no error of the registry: a 4xx, not a 500", async () => {
  const client = new RegistryClient({ send: (request) => handle(request, env, ignore) });
  const location = await client.startUpload();
  const patched = await client.patch(location, brokenStream(blob(100).bytes));
  expect((await refusal(patched)).status).toBeOneOf([400, 408, 499]);
  const finished = await client.finish(location, unknownDigest(), brokenStream(blob(100).bytes));
  expect((await refusal(finished)).status).toBeOneOf([400, 408, 499]);
});

test("a client that hangs up in the middle of its PUT can put again", async () => {
  const client = new RegistryClient({ send: (request) => handle(request, env, ignore) });
  const { bytes, digest } = blob(9 * MIB);
  const location = await client.startUpload();
  const broken = await client.finish(location, digest, brokenStream(bytes.slice(0, 8 * MIB)));
  expect(broken.status).toBeGreaterThanOrEqual(400);
  expect((await client.head(`blobs/${digest}`)).status).toBe(404);
  expect((await client.finish(location, digest, bytes)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("expiry: an upload that stands still is forgotten, its multipart upload aborted", async () => {
  const client = new RegistryClient();
  const before = await stored();
  const location = await client.append(await client.startUpload(), blob(9 * MIB).bytes);
  const multipart = (await session(location))?.multipart;
  if (!multipart) throw new Error("nine MiB make a part");
  expect(await awaitAlarm(location)).toBe(true);
  expect(await isOpen(multipart)).toBe(false);
  expect(await stored()).toEqual(before);
  expect(await session(location)).toBeUndefined();
  expect(await refusal(await client.get(location))).toEqual({
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
  });
  expect((await client.finish(location, unknownDigest())).status).toBe(404);
});

test("expiry: the alarm is set for the time that the settings say, anew with each request", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const alarms: number[] = [];
  for (let i = 0; i < 2; i++) {
    const began = Date.now();
    await client.append(location, blob(10).bytes);
    const alarm = (await alarmOf(location)) ?? 0;
    expect(alarm).toBeGreaterThanOrEqual(began + DAY);
    expect(alarm).toBeLessThanOrEqual(Date.now() + DAY);
    alarms.push(alarm);
  }
  expect(alarms[1]).toBeGreaterThanOrEqual(alarms[0] ?? 0);
});

test("the index hears of an upload so long after its first bytes, however often more come", async () => {
  const client = new RegistryClient();
  const now = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now });
  let location = await client.append(await client.startUpload(), blob(10).bytes);
  const stub = stubOf(location);
  const alarm = () => runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
  expect(await alarm()).toBe(now + COUNT_AFTER);
  for (const later of [3_000, 6_000, 9_000]) {
    vi.setSystemTime(now + later);
    location = await client.append(location, blob(10).bytes);
    expect(await alarm()).toBe(now + COUNT_AFTER);
  }
  // A request that arrives later has its own time.
  await runDurableObjectAlarm(stub);
  await client.append(location, blob(10).bytes);
  expect(await alarm()).toBe(now + 9_000 + COUNT_AFTER);
});

/** A database that fails to count uploads: before it has done so, or when it has. */
function failingToCount(moment: "before" | "after"): D1Database {
  return intercept(env.DB, (name, call) => (...parameters) => {
    const statement = call(...parameters);
    const counts = name === "prepare" && String(parameters[0]).includes("INTO unfinished_uploads");
    if (!counts) return statement;
    return intercept(statement as D1PreparedStatement, (_, bind) => (...values) => ({
      all: async () => {
        if (moment === "after") await (bind(...values) as D1PreparedStatement).all();
        throw new Error("D1_ERROR: Network connection lost.");
      },
    }));
  });
}

test.each(["before", "after"] as const)(
  "an upload whose count fails %s it is written: it is tried again later, and expires in time all the same",
  async (moment) => {
    const client = new RegistryClient();
    const location = await client.append(await client.startUpload(), blob(10).bytes);
    const stub = stubOf(location);
    const DB = failingToCount(moment);
    await runInDurableObject(stub, (instance) => {
      Object.defineProperty(instance, "env", { value: { ...env, DB }, configurable: true });
    });
    const now = Date.now();
    await runDurableObjectAlarm(stub);
    const next = await runInDurableObject(stub, (_, { storage }) => storage.getAlarm());
    expect(next).toBeGreaterThanOrEqual(now + 60_000);
    const counted = () =>
      env.DB.prepare(`SELECT name FROM unfinished_uploads WHERE name = ?1`)
        .bind(uploadOf(location))
        .first();
    expect((await counted()) !== null).toBe(moment === "after");
    vi.useFakeTimers({ toFake: ["Date"], now: (await alarmOf(location)) ?? 0 });
    await runDurableObjectAlarm(stub);
    expect(await session(location)).toBeUndefined();
    expect(await counted()).toBeNull();
  },
);

test("expiry: a finished upload is forgotten too; its blob stays", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(9 * MIB);
  const location = await client.append(await client.startUpload(), bytes);
  await client.finish(location, digest);
  const before = await stored();
  expect(await awaitAlarm(location)).toBe(true);
  expect(await stored()).toEqual(before);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
  expect((await client.finish(location, digest)).status).toBe(404);
});

test("expiry: what refused finishes left behind is cleared away", async () => {
  const client = new RegistryClient();
  const before = await keys();
  const location = await client.append(await client.startUpload(), blob(9 * MIB).bytes);
  const wrong = await client.finish(location, digestOf(new Uint8Array(1), "sha512"));
  expect(wrong.status).toBe(400);
  // The first alarm closes the upload; the second clears it, when no writer can be active any more.
  await runExpiry(stubOf(location));
  expect((await client.get(location)).status).toBe(404);
  await runExpiry(stubOf(location));
  expect(await keys()).toEqual(before);
});

test("expiry: a finish after refused ones keeps its object, and only that", async () => {
  const client = new RegistryClient();
  const before = await keys();
  const { bytes, digest } = blob(9 * MIB);
  const location = await client.append(await client.startUpload(), bytes.slice(0, MIB));
  const rest = bytes.slice(MIB);
  for (let i = 0; i < 3; i++) {
    expect((await client.finish(location, unknownDigest(), rest)).status).toBe(400);
  }
  expect((await client.finish(location, digest, rest)).status).toBe(201);
  await runExpiry(stubOf(location));
  expect((await keys()).length).toBe(before.length + 1);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("cancelling aborts the multipart upload at once and leaves nothing in the bucket", async () => {
  const client = new RegistryClient();
  const before = await stored();
  const location = await client.append(await client.startUpload(), blob(9 * MIB).bytes);
  const multipart = (await session(location))?.multipart;
  if (!multipart) throw new Error("nine MiB make a part");
  expect((await client.request("DELETE", location)).status).toBe(204);
  expect(await isOpen(multipart)).toBe(false);
  expect(await stored()).toEqual(before);
});

test("starting over aborts the multipart upload that it replaces", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  const { bytes, digest } = blob(9 * MIB);
  await client.append(location, streamOf(bytes));
  const superseded = (await session(location))?.multipart;
  if (!superseded) throw new Error("nine MiB make a part");
  await client.append(location, streamOf(bytes));
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(await isOpen(superseded)).toBe(false);
});

test("a loser of two PATCHes at once aborts the multipart upload that it began", async () => {
  const client = new RegistryClient();
  const before = await keys();
  const location = await client.startUpload();
  const chunk = blob(9 * MIB).bytes;
  const answers = await Promise.all([
    client.patch(location, streamOf(chunk)),
    client.patch(location, streamOf(chunk)),
  ]);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 416]));
  await runExpiry(stubOf(location));
  expect(await keys()).toEqual(before);
});

test("bytes that were there already leave no second object behind", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(9 * MIB);
  await client.pushBlob({ bytes, digest });
  const before = await keys();
  const location = await client.append(await client.startUpload(), bytes);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(await keys()).toEqual(before);
});

test("a small upload never touches the bucket before it is finished", async () => {
  const client = new RegistryClient();
  const before = await keys();
  const location = await client.append(await client.startUpload(), blob(3 * MIB).bytes);
  expect((await session(location))?.multipart).toBeNull();
  expect(await keys()).toEqual(before);
});

test("nine uploads of 9 MiB at once: the buffers stay within their budget and come back", async () => {
  const sizes = Array.from({ length: 9 }, () => 9 * MIB);
  await Promise.all(
    sizes.map(async (size) => {
      // Random ones by the million take long.
      const bytes = new Uint8Array(size);
      bytes.set(blob(1_000).bytes);
      const digest = digestOf(bytes);
      const client = new RegistryClient();
      const response = await client.patch(await client.startUpload(), streamOf(bytes));
      expect(response.status).toBe(202);
      expect((await client.finish(locationOf(response), digest)).status).toBe(201);
    }),
  );
  expect(memoryUse().peakBodies).toBeGreaterThan(16 * MIB);
  expect(memoryUse().peakBodies).toBeLessThanOrEqual(64 * MIB);
  expect(memoryUse().bodies).toBe(0);
});
