/**
 * The bytes of blobs: from memory, the edge cache or R2, whole or in ranges, to many clients at once, to slow ones and
 * to those that disconnect.
 */
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { exports } from "cloudflare:workers";
import { ADMIN, RegistryClient } from "../support/client.ts";
import { NOTHING } from "../support/counting.ts";
import { blob, type Bytes, type Content, content, digestOf } from "../support/images.ts";
import { type Isolate, KIB, MIB, newIsolate, pullBlob, statusOf } from "./isolates.ts";

const pusher = new RegistryClient();
const { repository } = pusher;
const small = blob(KIB);
const medium = blob(100 * KIB);
const large = blob(20 * MIB);

/** Pulls while the clock stands still: who waits ten seconds for a reader that is no more waits for ever. */
async function pullAtOnce(client: RegistryClient, digest: string): Promise<void> {
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    await pullBlob(client, digest);
  } finally {
    vi.useRealTimers();
  }
}

beforeAll(async () => {
  for (const one of [small, medium, large]) await pusher.pushBlob(one);
});

afterEach(() => {
  vi.useRealTimers();
});

/** An isolate at whose edge the blob is. */
async function warm(one: Content): Promise<Isolate> {
  const isolate = await newIsolate({ repository });
  await pullBlob(isolate.client, one.digest);
  await isolate.counter.settled();
  return isolate;
}

describe.each([
  ["1 KiB", small],
  ["100 KiB", medium],
  ["20 MiB", large],
])("a blob of %s that is known", (_, { bytes, digest }) => {
  const size = bytes.length;
  let known: Isolate;
  let other: Isolate;

  beforeAll(async () => {
    known = await warm({ bytes, digest });
    other = await newIsolate({ repository });
    await pullBlob(other.client, digest);
  });

  async function read(
    { client, counter }: Isolate,
    headers: Record<string, string> = {},
  ): Promise<{ response: Response; body: Bytes }> {
    let response = new Response();
    let body: Bytes = new Uint8Array();
    const calls = await counter.duringAll(async () => {
      response = await client.get(`blobs/${digest}`, headers);
      body = new Uint8Array(await response.arrayBuffer());
    });
    expect(calls).toEqual(NOTHING);
    return { response, body };
  }

  test("whole", async () => {
    for (const isolate of [known, other]) {
      const { response, body } = await read(isolate);
      expect(response.status).toBe(200);
      expect(digestOf(body)).toBe(digest);
    }
  });

  test.each([
    ["bytes=0-0", 0, 1],
    ["bytes=10-19", 10, 20],
    ["bytes=500-", 500, size],
    ["bytes=-7", size - 7, size],
    ["bytes=1000-99999999999", 1000, size],
    [`bytes=0-${size - 1}`, 0, size],
  ])("one range, %s", async (range, begin, end) => {
    for (const isolate of [known, other]) {
      const { response, body } = await read(isolate, { range });
      expect(response.status).toBe(206);
      expect(response.headers.get("content-range")).toBe(`bytes ${begin}-${end - 1}/${size}`);
      expect(digestOf(body)).toBe(digestOf(bytes.slice(begin, end)));
    }
  });

  test("several ranges", async () => {
    const { response, body } = await read(known, { range: "bytes=0-9,100-199,-5" });
    expect(response.status).toBe(206);
    const text = new TextDecoder("latin1").decode(body);
    for (const [begin, end] of [
      [0, 10],
      [100, 200],
      [size - 5, size],
    ] as const) {
      const head = `Content-Range: bytes ${begin}-${end - 1}/${size}\r\n\r\n`;
      const at = text.indexOf(head);
      expect(at).toBeGreaterThan(0);
      const part = body.slice(at + head.length, at + head.length + end - begin);
      expect(part).toEqual(bytes.slice(begin, end));
    }
  });

  test("a range outside is 416, what the client has is 304, and neither is read", async () => {
    const outside = await read(known, { range: `bytes=${size}-` });
    expect(outside.response.status).toBe(416);
    expect(outside.response.headers.get("content-range")).toBe(`bytes */${size}`);
    const same = await read(known, { "if-none-match": `"${digest}"` });
    expect([same.response.status, same.body.length]).toEqual([304, 0]);
  });
});

test.each([KIB, 100 * KIB, 2 * MIB, 20 * MIB])(
  "a range of a blob of %i bytes that nobody has read yet is right",
  async (size) => {
    const { bytes, digest } = await pusher.pushBlob(blob(size));
    const { client } = await newIsolate({ repository });
    const response = await client.get(`blobs/${digest}`, { range: "bytes=-100" });
    expect(response.status).toBe(206);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes.slice(-100));
  },
);

test("an empty blob: whole, whatever range is asked for", async () => {
  const empty = await pusher.pushBlob(content(new Uint8Array()));
  const isolate = await warm(empty);
  const calls = await isolate.counter.duringAll(async () => {
    await pullBlob(isolate.client, empty.digest);
    const range = await isolate.client.get(`blobs/${empty.digest}`, { range: "bytes=0-" });
    expect(await statusOf(Promise.resolve(range))).toBe(200);
  });
  expect(calls).toEqual(NOTHING);
});

test("a blob that is known by sha512", async () => {
  const { bytes } = blob(KIB);
  const digest = digestOf(bytes, "sha512");
  await pusher.pushBlob({ bytes, digest });
  const isolate = await warm({ bytes, digest });
  const other = await newIsolate({ repository });
  for (const { client, counter } of [isolate, other]) {
    const calls = await counter.duringAll(() => pullBlob(client, digest));
    expect(calls).toEqual(NOTHING);
  }
});

test.each([
  ["2 KiB", 2 * KIB, 1],
  ["1 MiB", MIB, 1],
  ["15 MiB", 15 * MIB, 1],
  ["20 MiB", 20 * MIB, 2],
])("20 clients at once, and nobody has read the blob of %s yet", async (_, size, reads) => {
  const { digest } = await pusher.pushBlob(blob(size));
  const { client, counter } = await newIsolate({ repository });
  const calls = await counter.duringAll(() =>
    Promise.all(Array.from({ length: 20 }, () => pullBlob(client, digest))),
  );
  expect(calls.r2).toBeLessThanOrEqual(reads);
});

test("20 clients at once, each with a request of its own", async () => {
  for (const size of [2 * KIB, MIB, 15 * MIB]) {
    const { digest } = await pusher.pushBlob(blob(size));
    await Promise.all(Array.from({ length: 20 }, () => pullBlob(pusher, digest)));
  }
});

describe.each([
  ["2 MiB", 2 * MIB],
  ["20 MiB", 20 * MIB],
])("a client that takes one piece of a blob of %s", (_, size) => {
  test.each(["and waits", "and hangs up"])("%s", async (what) => {
    const { digest } = await pusher.pushBlob(blob(size));
    const isolate = await newIsolate({ repository });
    const response = await isolate.client.get(`blobs/${digest}`);
    const reader = response.body?.getReader();
    const piece = await reader?.read();
    expect(piece?.done).toBe(false);
    if (what === "and hangs up") await reader?.cancel("gone");
    await pullAtOnce(isolate.client, digest);
    await isolate.counter.settled();
    const other = await newIsolate({ repository });
    for (const { client, counter } of [isolate, other]) {
      expect((await counter.duringAll(() => pullBlob(client, digest))).r2).toBe(0);
    }
    await reader?.cancel("done");
  });
});

test("clients that hang up at once leave nothing that others wait for", async () => {
  for (const size of [2 * KIB, 2 * MIB, 20 * MIB]) {
    const { digest } = await pusher.pushBlob(blob(size));
    const url = `https://registry.test/v2/${repository}/blobs/${digest}`;
    const headers = { authorization: ADMIN };
    const impatient = Array.from({ length: 5 }, async () => {
      const controller = new AbortController();
      const { signal } = controller;
      const answer = exports.default.fetch(new Request(url, { headers, signal }));
      controller.abort();
      await answer.then((response) => response.body?.cancel()).catch(() => {});
    });
    await Promise.all(impatient);
    await pullAtOnce(pusher, digest);
  }
});

test("a part of a large blob does not wait until the whole is at the edge", async () => {
  const { bytes, digest } = await pusher.pushBlob(blob(20 * MIB));
  const { client, counter } = await newIsolate({ repository });
  // Time stands still, and with it the head start that the first reader has.
  vi.useFakeTimers({ toFake: ["Date"] });
  const first = await client.get(`blobs/${digest}`, { range: `bytes=0-${MIB - 1}` });
  expect(new Uint8Array(await first.arrayBuffer())).toEqual(bytes.slice(0, MIB));
  const response = await client.get(`blobs/${digest}`, { range: `bytes=${MIB}-${2 * MIB - 1}` });
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes.slice(MIB, 2 * MIB));
  // The first two reads are from R2; the cache fill has not begun yet.
  expect(counter.opened).toHaveLength(2);
  vi.setSystemTime(Date.now() + 1_000);
  await counter.settled();
  expect(counter.opened).toHaveLength(3);
});

test.each([
  ["2 MiB", 2 * MIB],
  ["20 MiB", 20 * MIB],
])("a few bytes of a blob of %s do not copy all of it to the edge", async (_, size) => {
  const { bytes, digest } = await pusher.pushBlob(blob(size));
  const { client, counter } = await newIsolate({ repository });
  for (const range of ["bytes=0-0", "bytes=-1", "bytes=0-0,5-6"]) {
    await counter.duringAll(async () => {
      const response = await client.get(`blobs/${digest}`, { range });
      expect(response.status).toBe(206);
      await response.arrayBuffer();
    });
    // Each range is read, and nothing else.
    expect(counter.opened).toHaveLength(range.split(",").length);
  }
  // A good part of it does.
  await client
    .get(`blobs/${digest}`, { range: `bytes=0-${size / 2}` })
    .then((one) => one.arrayBuffer());
  await counter.settled();
  const calls = await counter.duringAll(async () => {
    const response = await client.get(`blobs/${digest}`, { range: "bytes=1-2" });
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes.slice(1, 3));
  });
  expect(calls).toEqual(NOTHING);
});
