/** Each production limit that the suite runs under: what it refuses, and that it allows what is within. */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ignore, INITIATOR } from "../support/client.ts";
import { handle, strictly } from "./request.ts";
import { connect, invoke, skip, takeViolations } from "./invocation.ts";
import { turns } from "../support/waits.ts";

const MiB = 1024 * 1024;

/** Returns the error of a call; null without one. */
async function refused(call: () => unknown): Promise<string | null> {
  try {
    await call();
    return null;
  } catch (error) {
    return String(error);
  } finally {
    takeViolations();
  }
}

async function multipart(sizes: readonly number[]): Promise<unknown> {
  const upload = await env.BLOBS.createMultipartUpload(crypto.randomUUID());
  const parts: R2UploadedPart[] = [];
  for (const [index, size] of sizes.entries()) {
    parts.push(await upload.uploadPart(index + 1, new Uint8Array(size)));
  }
  return upload.complete(parts);
}

test("R2: parts are equal, but for a shorter last one, and have 5 MiB or more", async () => {
  expect(await refused(() => multipart([5 * MiB, 1]))).toBe(null);
  expect(await refused(() => multipart([5 * MiB, 5 * MiB + 1]))).toContain("(10048)");
  expect(await refused(() => multipart([5 * MiB - 1, 1]))).toContain("(10011)");
  expect(await refused(() => multipart([]))).toContain("(10025)");
});

test("R2: a stream has a length that is known", async () => {
  const { readable, writable } = new TransformStream();
  void writable.close();
  expect(await refused(() => env.BLOBS.put("stream", readable))).toContain("known length");
});

test("R2: a key takes one write a second", async () => {
  expect(await refused(() => invoke(() => env.BLOBS.put("twice", "bytes")))).toBe(null);
  expect(await refused(() => invoke(() => env.BLOBS.put("twice", "bytes")))).toContain("(10058)");
  skip(1_000);
  expect(await refused(() => invoke(() => env.BLOBS.put("twice", "bytes")))).toBe(null);
});

test("R2: at most 1,000 keys are deleted at once", async () => {
  const keys = Array.from({ length: 1_001 }, (_, index) => `gone/${index}`);
  expect(await refused(() => env.BLOBS.delete(keys.slice(1)))).toBe(null);
  expect(await refused(() => env.BLOBS.delete(keys))).toContain("1001 keys");
});

test("R2: a range that begins behind the end is refused", async () => {
  await env.BLOBS.put("short", "ten bytes.");
  const last = await env.BLOBS.get("short", { range: { offset: 9, length: 1 } });
  expect(await last?.text()).toBe(".");
  const behind = { range: { offset: 10, length: 1 } };
  expect(await refused(() => env.BLOBS.get("short", behind))).toContain("(10039)");
});

test("R2: nothing reads a large object into memory", async () => {
  await env.BLOBS.put("large", new Uint8Array(16 * MiB + 1));
  const large = await env.BLOBS.get("large");
  expect(await refused(() => invoke(() => large?.arrayBuffer()))).toContain("into memory");
  await large?.body.cancel();
});

/** Runs a statement. */
function run(sql: string, ...values: unknown[]): Promise<unknown> {
  return env.DB.prepare(sql)
    .bind(...values)
    .all();
}

test("D1: at most 100 parameters, 2 MB in a row and 100 KB of SQL", async () => {
  const ones = Array.from({ length: 101 }, () => 1);
  const marks = "?,".repeat(99);
  expect(await refused(() => run(`SELECT 1 IN (${marks}?)`, ...ones.slice(1)))).toBe(null);
  expect(await refused(() => run(`SELECT 1 IN (${marks}?,?)`, ...ones))).toContain("too many");
  const tooBig = "x".repeat(2_000_001);
  expect(await refused(() => run("SELECT length(?)", tooBig.slice(1)))).toBe(null);
  expect(await refused(() => run("SELECT length(?)", tooBig))).toContain("TOOBIG");
  const batch = [env.DB.prepare("SELECT length(?)").bind(tooBig)];
  expect(await refused(() => env.DB.batch(batch))).toContain("TOOBIG");
  expect(await refused(() => run(`SELECT 1 -- ${"x".repeat(100_000)}`))).toContain("too long");
});

test("D1: one invocation runs at most 1,000 statements, those of a batch one by one", async () => {
  const one = env.DB.prepare("SELECT 1");
  const batches = (count: number) => async () => {
    for (let i = 0; i < count; i++) await env.DB.batch(Array.from({ length: 100 }, () => one));
  };
  expect(await refused(() => invoke(batches(10)))).toBe(null);
  expect(await refused(() => invoke(batches(11)))).toContain("Too many queries");
});

test("a Durable Object's statement has at most 2 MB", async () => {
  await runInDurableObject(env.SESSIONS.getByName("strict"), async (_, { storage: { sql } }) => {
    const bytes = new Uint8Array(2_000_001);
    expect(await refused(() => sql.exec("SELECT length(?)", bytes.subarray(1)))).toBe(null);
    expect(await refused(() => sql.exec("SELECT length(?)", bytes))).toContain("TOOBIG");
  });
});

test("Queues: a message has at most 128 KB, a batch 256 KB", async () => {
  const body = { kind: "x".repeat(90_000) } as never;
  const three = [{ body }, { body }, { body }];
  expect(await refused(() => env.EVENTS.sendBatch(three))).toContain("bytes in one batch");
  const large = { kind: "x".repeat(128_000) } as never;
  expect(await refused(() => env.EVENTS.send(large))).not.toBe(null);
});

test("six calls of an invocation wait for their answers at once, the seventh for its turn", async () => {
  const answers: (() => void)[] = [];
  const call = () => connect(() => new Promise<void>((resolve) => void answers.push(resolve)));
  const calls = invoke(() => Array.from({ length: 7 }, call));
  await turns(5);
  expect(answers).toHaveLength(6);
  answers[0]?.();
  await turns(5);
  expect(answers).toHaveLength(7);
  for (const answer of answers) answer();
  await Promise.all(calls);
});

test("the calls of every binding are an invocation's, and it makes at most 10,000", async () => {
  const cache = await caches.open("subrequests");
  const all = [
    () => env.BLOBS.head("nothing"),
    () => env.BLOBS.get("nothing"),
    () => env.BLOBS.put(crypto.randomUUID(), ""),
    () => env.BLOBS.list({ limit: 1 }),
    () => env.BLOBS.delete("nothing"),
    () => env.BLOBS.createMultipartUpload("nothing"),
    () => env.BLOBS.resumeMultipartUpload("nothing", "none").abort(),
    () => env.DB.prepare("SELECT 1").first(),
    () => env.DB.withSession("first-unconstrained").prepare("SELECT 1").all(),
    () => env.EVENTS.send({ kind: "job", job: "gc" }),
    () => cache.match(`${INITIATOR}/nothing`),
  ];
  for (const call of all) {
    const last = async () => {
      for (let i = 0; i < 10_000; i++) await connect(() => Promise.resolve());
      await call();
    };
    expect(await refused(() => invoke(last)), String(call)).toContain("Too many subrequests");
  }
});

/** Makes a request with deferred work of that duration. @returns the recorded violations */
async function leaving(milliseconds: number): Promise<string[]> {
  const works: Promise<unknown>[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  await strictly(
    new Request(INITIATOR),
    (work) => void works.push(work),
    (waitUntil) => {
      waitUntil(promise);
      return Promise.resolve(new Response());
    },
  );
  skip(milliseconds);
  resolve();
  await Promise.all(works);
  await turns(5);
  return takeViolations();
}

test("what goes on for more than 30 s after the answer is noted", async () => {
  expect(await leaving(29_000)).toEqual([]);
  expect(await leaving(31_000)).toHaveLength(1);
});

test("the tests' requests go through the same", async () => {
  const long = `${INITIATOR}/v2/${"x".repeat(16 * 1024)}`;
  expect(await refused(() => exports.default.fetch(long))).toContain("a URL of");
  expect(await refused(() => handle(new Request(long), env, ignore))).toContain("a URL of");
});
