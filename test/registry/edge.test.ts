/** The edge cache and R2 in trouble: a failure, a hang or wrong bytes never become an answer, and cost only time. */
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Bucket } from "../../src/db/bucket.ts";
import { EdgeCache } from "../../src/db/edge-cache.ts";
import { ObjectCache, type StoredObject } from "../../src/db/object-cache.ts";
import { intercept } from "../support/wrapped-env.ts";
import { ignore, RegistryClient } from "../support/client.ts";
import { NOTHING } from "../support/counting.ts";
import { blob, type Bytes, digestOf, imageManifest } from "../support/images.ts";
import { interceptEdge, keyOf, KIB, MIB, newIsolate, pullBlob, statusOf } from "./isolates.ts";
import { turns } from "../support/waits.ts";

const pusher = new RegistryClient();
const { repository } = pusher;
/**
 * Sizes of objects: one in memory; one that is awaited until it is in the edge cache; one that is read in the meantime.
 */
const SIZES = [KIB, 2 * MIB, 20 * MIB];
const edge = new EdgeCache(env.TOKEN_KEY ?? "");

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function fail(): Promise<never> {
  return Promise.reject(new Error("the edge is away"));
}

/** Makes an R2 bucket with other answers to the first reads. */
function bucket(replace: (object: R2ObjectBody) => Partial<R2ObjectBody>, times = 1): R2Bucket {
  let left = times;
  return intercept(env.BLOBS, (name, call) => async (...parameters) => {
    const answer = (await call(...parameters)) as R2ObjectBody;
    if (name !== "get" || left === 0) return answer;
    left--;
    return replace(answer);
  });
}

/** Breaks off after its first bytes. */
function broken({ body }: R2ObjectBody): { body: ReadableStream } {
  const reader = body.getReader();
  let sent = false;
  const pull = async (controller: ReadableByteStreamController) => {
    if (sent) return controller.error(new Error("Network connection lost."));
    sent = true;
    const { value } = await reader.read();
    controller.enqueue((value as Bytes).slice(0, 100));
    await reader.cancel();
  };
  return { body: new ReadableStream({ type: "bytes", pull }) };
}

describe.each([["open"], ["match"], ["put"], ["delete"], ["everything"]])(
  "the edge fails at %s",
  (failing) => {
    test("every request is answered as if there were none", async () => {
      const errors = vi.spyOn(console, "error").mockImplementation(() => {});
      if (failing === "open") vi.stubGlobal("caches", { open: fail });
      else {
        const all = failing === "everything";
        interceptEdge((name, call) => (all || name === failing ? fail : call));
      }
      const { client, counter } = await newIsolate({ repository });
      for (const size of SIZES) {
        const { bytes, digest } = await client.pushBlob(blob(size));
        for (const _ of ["cold", "again"]) {
          await pullBlob(client, digest);
          const range = await client.get(`blobs/${digest}`, { range: "bytes=5-9" });
          expect(new Uint8Array(await range.arrayBuffer())).toEqual(bytes.slice(5, 10));
        }
        expect(await statusOf(client.request("DELETE", `blobs/${digest}`))).toBe(202);
        expect(await statusOf(client.get(`blobs/${digest}`))).toBe(404);
      }
      const config = await client.pushBlob(blob());
      const image = await client.pushManifest(imageManifest({ config }), "latest");
      for (const reference of ["latest", image.digest, "latest", image.digest]) {
        expect(await client.pullManifest(reference)).toEqual(image.bytes);
      }
      await counter.settled();
      expect(errors).toHaveBeenCalled();
    });
  },
);

test("what the edge breaks off is read from R2, where it is small", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const { digest } = await pusher.pushBlob(blob(KIB));
  const first = await newIsolate({ repository });
  await pullBlob(first.client, digest);
  await first.counter.settled();
  interceptEdge((name, call) => async (...parameters) => {
    const found = (await call(...parameters)) as Response | undefined;
    if (name !== "match" || !found?.body || found.headers.get("content-length") !== "1024") {
      return found;
    }
    const { body } = broken(found as unknown as R2ObjectBody);
    return new Response(body, { headers: found.headers });
  });
  const other = await newIsolate({ repository });
  const calls = await other.counter.duringAll(() => pullBlob(other.client, digest));
  expect(calls).toMatchObject({ r2: 1 });
});

test.each(SIZES)("an entry of another length is not served: %i bytes", async (size) => {
  for (const wrong of [size - 1, size + 1, 1]) {
    const { bytes, digest } = await pusher.pushBlob(blob(size));
    const key = await keyOf(digest);
    await edge.put(key, new Uint8Array(wrong), wrong, 60);
    const { client, counter } = await newIsolate({ repository });
    const ranges: [string, Bytes][] = [
      [`bytes=0-${size - 1}`, bytes],
      ["bytes=-3", bytes.slice(-3)],
    ];
    for (const [range, part] of ranges) {
      const response = await client.get(`blobs/${digest}`, { range });
      const body = new Uint8Array(await response.arrayBuffer());
      expect(digestOf(body)).toBe(digestOf(part));
    }
    await pullBlob(client, digest);
    await counter.settled();
    // And it is replaced.
    const other = await newIsolate({ repository });
    const calls = await other.counter.duringAll(() => pullBlob(other.client, digest));
    expect(calls).toMatchObject({ r2: 0 });
  }
});

describe("R2 fails while an object is on its way to the edge", () => {
  test.each([2 * MIB, 20 * MIB])("mid-body, %i bytes: it is read again", async (size) => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { digest } = await pusher.pushBlob(blob(size));
    // The first read of a large object is the client's own.
    let reads = 0;
    const BLOBS = bucket(
      (object) => (size > 16 * MIB && reads++ === 0 ? object : broken(object)),
      2,
    );
    const first = await newIsolate(
      { repository },
      { BLOBS: size > 16 * MIB ? BLOBS : bucket(broken) },
    );
    await pullBlob(first.client, digest);
    await first.counter.settled();
    // Nothing half is kept.
    for (const { client } of [first, await newIsolate({ repository })])
      await pullBlob(client, digest);
  });

  test("a small one: the request fails, and the next does not", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const { digest } = await pusher.pushBlob(blob(KIB));
    const { client } = await newIsolate({ repository }, { BLOBS: bucket(broken) });
    expect(await statusOf(client.get(`blobs/${digest}`))).toBe(503);
    await pullBlob(client, digest);
  });

  test.each(SIZES)(
    "before the first byte, %i bytes, always: 503, and then it works",
    async (size) => {
      vi.spyOn(console, "error").mockImplementation(() => {});
      const { digest } = await pusher.pushBlob(blob(size));
      let away = true;
      const BLOBS = bucket((object) => {
        if (!away) return object;
        void object.body.cancel();
        throw new Error("Network connection lost.");
      }, Infinity);
      const { client, counter } = await newIsolate({ repository }, { BLOBS });
      const answers = Array.from({ length: 5 }, () => statusOf(client.get(`blobs/${digest}`)));
      expect(await Promise.all(answers)).toEqual([503, 503, 503, 503, 503]);
      away = false;
      await counter.settled();
      await pullBlob(client, digest);
    },
  );
});

test("a body that the edge does not take is let go", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {});
  const { digest } = await pusher.pushBlob(blob(2 * MIB));
  let cancelled = 0;
  const BLOBS = bucket(({ body }) => {
    const cancel = () => {
      cancelled++;
      return body.cancel();
    };
    return { body: new ReadableStream({ type: "bytes", cancel }) };
  });
  interceptEdge((name, call) =>
    name === "put" ? () => Promise.reject(new Error("the edge is full")) : call,
  );
  const { client } = await newIsolate({ repository }, { BLOBS });
  await pullBlob(client, digest);
  expect(cancelled).toBe(1);
});

/** Counts the calls of a bucket with this object, and of the edge cache. */
async function watched(size: number) {
  const { bytes } = blob(Math.min(size, MIB));
  const key = `blobs/${crypto.randomUUID()}`;
  await env.BLOBS.put(key, bytes);
  const asked: string[] = [];
  interceptEdge((name, call) => (...parameters) => {
    asked.push(name);
    return call(...parameters);
  });
  return { bytes, asked, object: { key, size } };
}

/** Objects of which the first reader has got no answer of R2, and will get none. From now on time stands still. */
async function abandoned(object: StoredObject): Promise<ObjectCache> {
  let hangs = true;
  const BLOBS = intercept(env.BLOBS, (_, call) => (...parameters) => {
    if (!hangs) return call(...parameters);
    hangs = false;
    return new Promise(() => {});
  });
  const objects = new ObjectCache(new Bucket(BLOBS), edge);
  vi.useFakeTimers({ toFake: ["Date"] });
  void objects.open(object, undefined, ignore);
  await expect.poll(() => hangs).toBe(false);
  return objects;
}

describe("the objects behind the edge", () => {
  test("what the edge has no room for passes straight through", async () => {
    const { bytes, asked, object } = await watched(512 * MIB + 1);
    const objects = new ObjectCache(new Bucket(env.BLOBS), edge);
    const deferred: unknown[] = [];
    const defer = (work: Promise<unknown>) => void deferred.push(work);
    const whole = await objects.open(object, undefined, defer);
    expect(whole).toBeInstanceOf(ReadableStream);
    expect(digestOf(new Uint8Array(await new Response(whole).arrayBuffer()))).toBe(digestOf(bytes));
    const part = await objects.open(object, { offset: 10, length: 5 }, defer);
    expect(new Uint8Array(await new Response(part).arrayBuffer())).toEqual(bytes.slice(10, 15));
    expect([asked, deferred]).toEqual([[], []]);
  });

  test("up to 64 KiB they are in memory, a byte more is a stream", async () => {
    for (const [size, isStream] of [
      [64 * KIB, false],
      [64 * KIB + 1, true],
    ] as const) {
      const { object } = await watched(size);
      const objects = new ObjectCache(new Bucket(env.BLOBS), edge);
      const body = await objects.open(object, undefined, ignore);
      expect(body instanceof ReadableStream).toBe(isStream);
      await new Response(body).arrayBuffer();
    }
  });

  test("no such object: null, however large it should be, and it is asked for again", async () => {
    const objects = new ObjectCache(new Bucket(env.BLOBS), edge);
    for (const size of [1, MIB, 20 * MIB, 600 * MIB]) {
      const object = { key: `blobs/${crypto.randomUUID()}`, size };
      for (const _ of [1, 2]) expect(await objects.open(object, undefined, ignore)).toBeNull();
      if (size > MIB) continue;
      await env.BLOBS.put(object.key, new Uint8Array(size));
      const body = await objects.open(object, undefined, ignore);
      expect((await new Response(body).arrayBuffer()).byteLength).toBe(size);
    }
  });

  test.each([KIB, MIB])(
    "%i bytes for others are read to the end, though the client that began hangs up",
    async (size) => {
      const { object } = await watched(size);
      const held = Promise.withResolvers<null>();
      let isAsked = false;
      const BLOBS = intercept(env.BLOBS, (_, call) => async (...parameters) => {
        isAsked = true;
        await held.promise;
        return call(...parameters);
      });
      const objects = new ObjectCache(new Bucket(BLOBS), edge);
      const deferred: Promise<unknown>[] = [];
      const opened = objects.open(object, undefined, (work) => void deferred.push(work));
      await expect.poll(() => isAsked).toBe(true);
      // What is deferred outlives the request.
      expect(deferred).toHaveLength(1);
      held.resolve(null);
      await Promise.all(deferred);
      await new Response(await opened).arrayBuffer();
    },
  );

  test.each([KIB, MIB])(
    "%i bytes whose first reader is no more: others wait ten seconds, and then nobody does",
    async (size) => {
      const { bytes, object } = await watched(size);
      const objects = await abandoned(object);
      let answered = false;
      const waiting = objects.open(object, undefined, ignore).then((body) => {
        answered = true;
        return new Response(body).arrayBuffer();
      });
      await turns();
      expect(answered).toBe(false);
      vi.setSystemTime(Date.now() + 10_000);
      expect(digestOf(new Uint8Array(await waiting))).toBe(digestOf(bytes));
      const later = new Response(await objects.open(object, undefined, ignore));
      expect((await later.arrayBuffer()).byteLength).toBe(size);
    },
  );

  test("a filling that nobody ends is taken over after a minute", async () => {
    const { object, asked } = await watched(MIB);
    const objects = await abandoned(object);
    vi.setSystemTime(Date.now() + 61_000);
    const body = await objects.open(object, undefined, ignore);
    await new Response(body).arrayBuffer();
    expect(asked).toContain("put");
  });
});

test("what was cut from memory leaves the memory as it was", async () => {
  const { bytes, digest } = await pusher.pushBlob(blob(KIB));
  const { client, counter } = await newIsolate({ repository });
  await pullBlob(client, digest);
  const calls = await counter.during(async () => {
    const response = await client.get(`blobs/${digest}`, { range: "bytes=1-3" });
    new Uint8Array(await response.arrayBuffer()).fill(0);
    const whole = await client.pullBlob(digest);
    expect(whole).toEqual(bytes);
    whole.fill(0);
    await pullBlob(client, digest);
  });
  expect(calls).toEqual(NOTHING);
});
