/** An upload before its first byte is nothing but its id. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CLOCK_SKEW } from "../../src/session/progress.ts";
import { UploadIds } from "../../src/session/upload-id.ts";
import { signAsRegistry } from "../support/accounts.ts";
import { RegistryClient, refusal, uploadIdOf, uploadOf, withSettings } from "../support/client.ts";
import { Counter, NOTHING } from "../support/counting.ts";
import { blob, unknownDigest } from "../support/images.ts";
import { alarmOf, awaitAlarm, evict, leavesNothing, session } from "../support/storage.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const UNKNOWN = { status: 404, code: "BLOB_UPLOAD_UNKNOWN" };
const counter = new Counter();
let client: RegistryClient;

/** With a token, so that no call but those of the upload is counted. */
beforeEach(async () => {
  const { repository } = new RegistryClient();
  const authorization = await signAsRegistry({ repository, name: "alice" });
  client = new RegistryClient({ repository, authorization, send: counter.send });
  await client.startUpload();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Every method finds no upload there. */
async function expectUnknown(location: string, caller = client): Promise<void> {
  const { bytes, digest } = blob(10);
  await leavesNothing(async () => {
    expect(await refusal(await caller.get(location))).toEqual(UNKNOWN);
    expect(await refusal(await caller.patch(location, bytes))).toEqual(UNKNOWN);
    expect(await refusal(await caller.finish(location, digest, bytes))).toEqual(UNKNOWN);
    expect(await refusal(await caller.request("DELETE", location))).toEqual(UNKNOWN);
  });
}

test("POST calls nothing, and nothing is kept of it", async () => {
  let location = "";
  // The namespace's quota is read once in five minutes, after the answer.
  await counter.duringAll(() => client.startUpload());
  const calls = await counter.during(async () => (location = await client.startUpload()));
  expect(calls).toEqual(NOTHING);
  expect(await session(location)).toBeUndefined();
  expect(await alarmOf(location)).toBeNull();
});

test("an upload that has not begun stands at 0: one call, which keeps nothing either", async () => {
  const location = await client.startUpload();
  const calls = await counter.during(async () =>
    expect(await client.progress(location)).toBe("0--1"),
  );
  expect(calls.durableObject).toBe(1);
  expect(await session(location)).toBeUndefined();
  expect(await alarmOf(location)).toBeNull();
});

test("a refused first chunk begins nothing", async () => {
  const location = await client.startUpload();
  const response = await client.patch(location, blob(10).bytes, { first: 5, last: 14 });
  expect(response.headers.get("range")).toBe("0--1");
  expect((await refusal(response)).status).toBe(416);
  expect(await session(location)).toBeUndefined();
});

test("a blob in one piece takes two calls of its session, by POST and PUT or by POST alone", async () => {
  const [one, other] = [blob(), blob()];
  const put = await counter.during(() => client.pushBlob(one));
  expect(put).toEqual({ d1Queries: 0, d1Batches: 1, r2: 1, durableObject: 2 });
  const path = `blobs/uploads/?digest=${other.digest}`;
  const post = await counter.during(async () =>
    expect((await client.request("POST", path, { body: other.bytes })).status).toBe(201),
  );
  expect(post).toEqual({ d1Queries: 0, d1Batches: 1, r2: 1, durableObject: 2 });
});

test("an id is the name of its session, and of characters that nobody escapes", async () => {
  const id = uploadIdOf(await client.startUpload());
  expect(id).toMatch(/^[\w.-]{1,100}$/);
  expect(encodeURIComponent(id)).toBe(id);
  const { bytes, digest } = blob(10);
  const location = `/v2/${client.repository}/blobs/uploads/${id}`;
  expect((await client.finish(location, digest, bytes)).status).toBe(201);
  expect(await session(location)).toMatchObject({ upload: id.slice(0, 36) });
});

/** Each part of an id, and how it is changed. */
const CHANGES: readonly (readonly [string, (id: string) => string])[] = [
  ["another session", (id) => crypto.randomUUID() + id.slice(36)],
  ["another algorithm", (id) => id.replace("sha256", "sha512")],
  ["an algorithm that there is not", (id) => id.replace("sha256", "sha1")],
  ["a later time", (id) => replacePart(id, 2, (part) => plus(part, 1))],
  ["an earlier time", (id) => replacePart(id, 2, (part) => plus(part, -DAY))],
  ["a later deadline", (id) => replacePart(id, 3, (part) => plus(part, 1))],
  ["a deadline with a zero before it", (id) => replacePart(id, 3, (part) => `0${part}`)],
  ["another signature", (id) => replacePart(id, 4, (part) => turned(part, 0))],
  ["a signature whose last character is another", (id) => replacePart(id, 4, (p) => turned(p, 21))],
  ["a shorter signature", (id) => id.slice(0, -1)],
  ["a longer signature", (id) => `${id}A`],
  ["no signature", (id) => replacePart(id, 4, () => "")],
  ["the name alone", (id) => id.slice(0, 36)],
  ["capital letters in the name", (id) => id.slice(0, 36).toUpperCase() + id.slice(36)],
  ["a part more", (id) => `${id}.x`],
];

test.each(CHANGES)("an id with %s is unknown, and no session is asked", async (_, change) => {
  const id = uploadIdOf(await client.startUpload());
  // Not the same by chance.
  expect(change(id)).not.toBe(id);
  const calls = await counter.during(() => expectUnknown(`blobs/uploads/${change(id)}`));
  expect(calls.durableObject).toBe(0);
  expect((await client.get(`blobs/uploads/${id}`)).status).toBe(204);
});

test("an id serves nobody else and nowhere else, and no session is asked", async () => {
  const id = uploadIdOf(await client.startUpload());
  const { repository } = client;
  const bob = client.as(await signAsRegistry({ repository, name: "bob" }));
  const other = `${repository}/other`;
  const elsewhere = new RegistryClient({
    repository: other,
    authorization: await signAsRegistry({ repository: other, name: "alice" }),
    send: counter.send,
  });
  for (const caller of [bob, elsewhere]) {
    const calls = await counter.during(() => expectUnknown(`blobs/uploads/${id}`, caller));
    expect(calls.durableObject).toBe(0);
  }
});

test("what one field says cannot be moved into another", () => {
  const ids = new UploadIds({ tokenKey: "x".repeat(32), nextTokenKey: null, uploadTtl: DAY });
  const holder = { repository: "a/b", actor: "c", until: null };
  const id = ids.issue(holder, "sha256");
  expect(ids.open(id, holder).name).toBe(id.slice(0, 36));
  for (const wrong of [
    { ...holder, actor: null },
    { ...holder, actor: "" },
    { ...holder, repository: 'a/b","c' },
    { ...holder, repository: "a/bc", actor: "" },
  ]) {
    expect(() => ids.open(id, wrong)).toThrow(expect.objectContaining(UNKNOWN));
  }
  const nobodys = ids.issue({ ...holder, actor: null }, "sha256");
  expect(() => ids.open(nobodys, { ...holder, actor: "null" })).toThrow();
});

test("while the key is changed, ids of both keys hold; afterwards those of the new one", async () => {
  const next = "the key that is to come, of more than thirty-two bytes";
  const { repository } = client;
  const as = (settings: Parameters<typeof withSettings>[0]) =>
    new RegistryClient({ repository, send: withSettings(settings) });
  const before = as({});
  const during = as({ TOKEN_KEY_NEXT: next });
  const after = as({ TOKEN_KEY: next });
  const old = await before.startUpload();
  const young = await during.startUpload();
  expect((await during.get(old)).status).toBe(204);
  expect((await during.get(young)).status).toBe(204);
  expect((await after.get(young)).status).toBe(204);
  await expectUnknown(old, after);
  await expectUnknown(young, before);
});

test.each(["at once", "out of memory"])(
  "an upload that is given up before its first byte stays so: %s",
  async (when) => {
    const location = await client.startUpload();
    expect((await client.request("DELETE", location)).status).toBe(204);
    if (when === "out of memory") await evict(location);
    await expectUnknown(location);
    await awaitAlarm(location);
    expect(await session(location)).toBeUndefined();
    await expectUnknown(location);
  },
);

test("an upload that nobody has begun in time is unknown", async () => {
  const admin = new RegistryClient();
  const location = await admin.startUpload();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY - CLOCK_SKEW - 5_000 });
  expect(await admin.progress(location)).toBe("0--1");
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 5_000 });
  await expectUnknown(location, admin);
});

test("an upload that has begun goes on for longer than that", async () => {
  const admin = new RegistryClient();
  const { bytes, digest } = blob(30);
  let location = await admin.startUpload();
  for (const first of [0, 10, 20]) {
    const range = { first, last: first + 9 };
    location = await admin.append(location, bytes.slice(first, first + 10), range);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 20 * HOUR });
  }
  expect((await admin.finish(location, digest)).status).toBe(201);
});

type End = (admin: RegistryClient, location: string) => Promise<unknown>;

const ENDS: Readonly<Record<string, End>> = {
  "given up before it began": (admin, location) => admin.request("DELETE", location),
  "given up": async (admin, location) => {
    await admin.append(location, blob(10).bytes);
    await admin.request("DELETE", location);
  },
  finished: async (admin, location) => {
    const { bytes, digest } = blob(10);
    expect((await admin.finish(location, digest, bytes)).status).toBe(201);
  },
  "refused for its digest": async (admin, location) => {
    const refused = await admin.finish(location, unknownDigest(), blob(10).bytes);
    expect(refused.status).toBe(400);
  },
  "left alone": (admin, location) => admin.append(location, blob(10).bytes),
};

/** How far the clock that made the id is ahead of the session's, in milliseconds. */
const SKEWS = [0, CLOCK_SKEW / 2 - 1, 1 - CLOCK_SKEW / 2];

test.each(Object.keys(ENDS))(
  "an upload that was %s and cleared away never begins again, though clocks differ",
  async (end) => {
    const start = Date.now();
    for (const skew of SKEWS) {
      vi.useFakeTimers({ toFake: ["Date"], now: start + skew });
      const admin = new RegistryClient();
      const location = await admin.startUpload();
      vi.useFakeTimers({ toFake: ["Date"], now: start });
      await ENDS[end]?.(admin, location);
      while (await awaitAlarm(location));
      expect(await session(location)).toBeUndefined();
      // The next request comes to a machine whose clock is behind.
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - CLOCK_SKEW / 2 });
      await expectUnknown(location, admin);
    }
  },
);

test("an upload that was cleared away never begins again where UPLOAD_TTL_HOURS has become less meanwhile", async () => {
  const admin = new RegistryClient();
  const location = await admin.startUpload();
  const stub = env.SESSIONS.getByName(uploadOf(location));
  await runInDurableObject(stub, (instance) => {
    const changed = { ...env, UPLOAD_TTL_HOURS: "1" };
    Object.defineProperty(instance, "env", { value: changed, configurable: true });
  });
  expect((await admin.request("DELETE", location)).status).toBe(204);
  while (await awaitAlarm(location));
  expect(await session(location)).toBeUndefined();
  await expectUnknown(location, admin);
});

function replacePart(id: string, index: number, change: (part: string) => string): string {
  return id
    .split(".")
    .map((part, i) => (i === index ? change(part) : part))
    .join(".");
}

function plus(time: string, milliseconds: number): string {
  return (Number.parseInt(time, 36) + milliseconds).toString(36);
}

/** With another character in one place. */
function turned(text: string, index: number): string {
  const other = text[index] === "A" ? "B" : "A";
  return text.slice(0, index) + other + text.slice(index + 1);
}
