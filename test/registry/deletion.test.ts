/** Deleted content is gone at once where it was deleted, and everywhere within five minutes. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import { EdgeCache } from "../../src/db/edge-cache.ts";
import { ADMIN, RegistryClient } from "../support/client.ts";
import { NOTHING } from "../support/counting.ts";
import { blob, imageManifest } from "../support/images.ts";
import {
  database,
  Gate,
  interceptEdge,
  type Isolate,
  KIB,
  keyOf,
  newIsolate,
  Replica,
  statusOf,
} from "./isolates.ts";

/** Longer than any cache entry lives, in milliseconds. */
const AFTER_FACT_AGE = 4 * 60_000 + 1_000;

let pusher: RegistryClient;
let repository: string;

beforeEach(() => {
  pusher = new RegistryClient();
  ({ repository } = pusher);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

interface Thing {
  readonly path: string;
  push(): Promise<unknown>;
}

/** A thing of each kind that can be deleted, pushed. */
const KINDS: [string, () => Promise<Thing>][] = [
  ["a blob of 1 KiB", () => pushedBlob(KIB)],
  ["a blob of 100 KiB", () => pushedBlob(100 * KIB)],
  ["a manifest", () => pushedManifest("")],
  ["a manifest too large for its row", () => pushedManifest("x".repeat(300 * KIB))],
];

async function pushedBlob(size: number): Promise<Thing> {
  const one = blob(size);
  const push = () => pusher.pushBlob(one);
  await push();
  return { path: `blobs/${one.digest}`, push };
}

async function pushedManifest(note: string): Promise<Thing> {
  const config = await pusher.pushBlob(blob());
  const one = imageManifest({ config, fields: { annotations: { note } } });
  const push = () => pusher.pushManifest(one);
  await push();
  return { path: `manifests/${one.digest}`, push };
}

function get({ client }: Isolate, { path }: Thing): Promise<number> {
  return statusOf(client.get(path));
}

async function remove({ client }: Isolate, { path }: Thing): Promise<void> {
  expect(await statusOf(client.request("DELETE", path))).toBe(202);
}

/** An isolate that has read it, and put it at the edge. */
async function reader(thing: Thing, bindings = {}): Promise<Isolate> {
  const isolate = await newIsolate({ repository }, bindings);
  expect(await get(isolate, thing)).toBe(200);
  await isolate.counter.settled();
  return isolate;
}

/** An isolate that knows where the blob is, and has not read it. */
async function knower(digest: string): Promise<Isolate> {
  const isolate = await newIsolate({ repository });
  const headers = { "if-none-match": `"${digest}"` };
  expect(await statusOf(isolate.client.get(`blobs/${digest}`, headers))).toBe(304);
  return isolate;
}

/** Checks that every kind of request finds nothing. */
async function isGone(isolate: Isolate, thing: Thing): Promise<void> {
  expect(await get(isolate, thing)).toBe(404);
  expect(await statusOf(isolate.client.head(thing.path))).toBe(404);
  expect(await statusOf(isolate.client.get(thing.path, { range: "bytes=0-9" }))).toBe(404);
}

describe.each(KINDS)("%s", (_, pushed) => {
  test("is gone at once where it was deleted, from memory and from the edge", async () => {
    const thing = await pushed();
    const here = await reader(thing);
    await remove(here, thing);
    await isGone(here, thing);
    await isGone(await newIsolate({ repository }), thing);
  });

  test("is gone at once though the answer to its deletion is lost, or a second one finds nothing", async () => {
    const thing = await pushed();
    let loses = false;
    const DB = database(async ({ text }, run) => {
      const answer = await run();
      const isDeletion = /DELETE FROM repository_blobs|UPDATE manifests SET deleted_at/.test(text);
      if (loses && isDeletion) throw new Error("D1_ERROR: Network connection lost.");
      return answer;
    });
    const here = await reader(thing, { DB });
    loses = true;
    expect(await statusOf(here.client.request("DELETE", thing.path))).toBe(503);
    await isGone(here, thing);
    loses = false;
    expect(await statusOf(here.client.request("DELETE", thing.path))).toBe(404);
    await isGone(here, thing);
  });

  test("is gone after a read that was under way meanwhile, here and for who comes later", async () => {
    const thing = await pushed();
    const gate = new Gate();
    const here = await newIsolate({ repository }, { DB: gate.DB });
    const read = await gate.during(
      () => get(here, thing),
      () => remove(here, thing),
    );
    expect(read).toBeOneOf([200, 404]);
    await here.counter.settled();
    await isGone(here, thing);
    await isGone(await newIsolate({ repository }), thing);
  });

  test("is gone though the edge was being told of it meanwhile", async () => {
    const thing = await pushed();
    const gate = new Gate();
    const here = await newIsolate({ repository });
    interceptEdge((name, call) => (request, ...others) => {
      const isFact = name === "put" && String(request).includes("/pull-cache/");
      const run = () => call(request, ...others) as Promise<unknown>;
      // The write of a cache entry is held back until after the deletion.
      return isFact ? gate.pass(async () => {}).then(run) : run();
    });
    await gate.during(
      () => get(here, thing).then(() => here.counter.settled()),
      () => remove(here, thing),
    );
    vi.unstubAllGlobals();
    await isGone(here, thing);
    await isGone(await newIsolate({ repository }), thing);
  });

  test("is gone where it was deleted though another isolate tells the edge of it afterwards", async () => {
    const thing = await pushed();
    const here = await reader(thing);
    const edge = new EdgeCache(env.TOKEN_KEY ?? "");
    const path = `pull-cache/${repository}/${thing.path}`;
    const fact = await edge.json<{ readAt: number }>(path);
    if (fact === undefined) throw new Error("nothing is known at the edge");
    await remove(here, thing);
    const later = new TextEncoder().encode(JSON.stringify({ ...fact, readAt: Date.now() }));
    await edge.put(path, later, later.length, 240);
    await isGone(here, thing);
  });

  test("is gone where it was deleted though the replica has not heard of it", async () => {
    const thing = await pushed();
    const replica = new Replica();
    replica.lag = "old";
    const here = await reader(thing, { DB: replica.DB });
    await remove(here, thing);
    await isGone(here, thing);
  });

  test("is gone in every other isolate when what it knows has grown old", async () => {
    const thing = await pushed();
    const there = await reader(thing);
    await remove(await newIsolate({ repository }), thing);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + AFTER_FACT_AGE });
    await isGone(there, thing);
  });

  test("is there again at once when it is pushed again", async () => {
    const thing = await pushed();
    const here = await reader(thing);
    const there = await reader(thing);
    await remove(here, thing);
    await isGone(here, thing);
    await thing.push();
    for (const isolate of [here, there, await newIsolate({ repository })]) {
      expect(await get(isolate, thing)).toBe(200);
    }
  });

  test("is deleted though the edge fails", async () => {
    const thing = await pushed();
    const here = await reader(thing);
    interceptEdge(() => () => Promise.reject(new Error("the edge is away")));
    await remove(here, thing);
    await isGone(here, thing);
  });
});

test("what else is known of the repository stays known, and of the others", async () => {
  const other = pusher.in(`${repository}/other`);
  const near = await pusher.pushBlob(blob());
  const one = await other.pushBlob(blob());
  const here = await newIsolate({ repository });
  const elsewhere = here.client.in(other.repository);
  const read = async () => {
    await here.client.pullBlob(near.digest);
    await elsewhere.pullBlob(one.digest);
  };
  await read();
  const thing = await pushedBlob(KIB);
  await remove(here, thing);
  expect(await here.counter.during(read)).toEqual(NOTHING);
});

describe("the object is not where it was known to be", () => {
  test.each([KIB, 100 * KIB])("a blob of %i bytes that is gone is 404", async (size) => {
    const thing = await pushedBlob(size);
    const digest = thing.path.slice("blobs/".length);
    const isolate = await knower(digest);
    await env.BLOBS.delete(await keyOf(digest));
    await remove(await newIsolate({ repository }), thing);
    expect(await get(isolate, thing)).toBe(404);
    expect(await get(isolate, thing)).toBe(404);
  });

  test.each([KIB, 100 * KIB])(
    "a blob of %i bytes that was pushed anew is found there",
    async (size) => {
      const one = await pusher.pushBlob(blob(size));
      const isolate = await knower(one.digest);
      const old = await keyOf(one.digest);
      await env.BLOBS.put(`${old}0`, one.bytes);
      await env.DB.prepare(`UPDATE blobs SET key = ?2 WHERE digest_id = ${idOf("?1")}`)
        .bind(one.digest, `${old}0`)
        .run();
      await env.BLOBS.delete(old);
      expect(await isolate.client.pullBlob(one.digest)).toEqual(one.bytes);
      const range = await isolate.client.get(`blobs/${one.digest}`, { range: "bytes=1-3" });
      expect(new Uint8Array(await range.arrayBuffer())).toEqual(one.bytes.slice(1, 4));
    },
  );

  test.each([KIB, 100 * KIB])(
    "a blob of %i bytes whose row is still there is a fault, told as one",
    async (size) => {
      const one = await pusher.pushBlob(blob(size));
      const isolate = await knower(one.digest);
      await env.BLOBS.delete(await keyOf(one.digest));
      expect(await statusOf(isolate.client.get(`blobs/${one.digest}`))).toBe(500);
    },
  );

  test("a manifest too large for its row: 404 with its row, else a fault", async () => {
    const annotations = { note: "x".repeat(300 * KIB) };
    const config = await pusher.pushBlob(blob());
    const large = await pusher.pushManifest(imageManifest({ config, fields: { annotations } }));
    const thing = { path: `manifests/${large.digest}`, push: async () => {} };
    const headers = { "if-none-match": `"${large.digest}"` };
    const isolates = [await newIsolate({ repository }), await newIsolate({ repository })];
    for (const { client } of isolates) {
      expect(await statusOf(client.get(thing.path, headers))).toBe(304);
    }
    const object = await env.DB.prepare(`SELECT object FROM manifests WHERE digest = ?1`)
      .bind(large.digest)
      .first<string>("object");
    await env.BLOBS.delete(object ?? "");
    const statuses = [];
    for (const isolate of isolates) {
      statuses.push(await get(isolate, thing));
      if (statuses.length === 1) await remove(await newIsolate({ repository }), thing);
    }
    expect(statuses).toEqual([500, 404]);
  });
});

test("the database as it is put between passes everything on", async () => {
  const reads: string[] = [];
  const DB = database((read, run) => {
    reads.push(read.text);
    return run();
  });
  const thing = await pushedManifest("");
  const isolate = await reader(thing, { DB });
  await remove(isolate, thing);
  expect(reads.some((text) => text.includes("UPDATE manifests"))).toBe(true);
});

test("what is purged is gone at once where it happened, with the blobs that nothing else names", async () => {
  const config = await pusher.pushBlob(blob(KIB));
  const image = await pusher.pushManifest(imageManifest({ config }), "latest");
  const here = await newIsolate({ repository });
  const things = [`manifests/${image.digest}`, `blobs/${config.digest}`];
  for (const path of things) expect(await statusOf(here.client.get(path))).toBe(200);
  const purge = { method: "POST", headers: { "content-type": "application/json" } };
  const body = JSON.stringify({ digest: image.digest });
  const path = `/api/v1/repositories/${repository}/-/purge`;
  const admin = here.client.as(ADMIN);
  expect(await statusOf(admin.request(purge.method, path, { ...purge, body }))).toBe(200);
  for (const one of things) expect(await statusOf(here.client.get(one))).toBe(404);
});

test("deletions in one repository do not keep the others from being remembered", async () => {
  const other = new RegistryClient();
  await other.pushBlob(blob(KIB));
  const { path } = await pushedBlob(KIB);
  const gate = new Gate();
  const here = await newIsolate({ repository }, { DB: gate.DB });
  const owner = here.client.as(ADMIN).in(other.repository);
  await gate.during(
    () => statusOf(here.client.get(path)),
    () => statusOf(owner.request("DELETE", `blobs/sha256:${"0".repeat(64)}`)),
  );
  await here.counter.settled();
  expect(await here.counter.during(() => statusOf(here.client.get(path)))).toEqual(NOTHING);
});
