/** Clients that send slowly, and others: the order of answers shows who gets memory while the slow ones still send. */
import { env } from "cloudflare:workers";
import { afterEach, expect, test, vi } from "vitest";
import { handle } from "../production/request.ts";
import { memoryUse } from "../../src/memory/isolate.ts";
import { FLOOR } from "../../src/memory/pool.ts";
import { ignore, RegistryClient, refusal, streamOf } from "../support/client.ts";
import { blob, type Bytes, type Content, digestOf, imageManifest } from "../support/images.ts";
import { newNamespace, newUser } from "../support/principals.ts";
import { turns } from "../support/waits.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const SHORT_SHARE = 4 * MIB;
const LONG_SHARE = 16 * MIB;
/**
 * The memory of one actor's bodies that each have sent 2 MiB and a byte: two have a part's memory, four wait for it.
 */
const HALF_SENT = SHORT_SHARE + LONG_SHARE;

afterEach(() => {
  vi.useRealTimers();
});

function send(request: Request): Promise<Response> {
  return handle(request, env, ignore);
}

/** Makes a user with a namespace of its own, and a token for it. */
async function newTenant(): Promise<RegistryClient> {
  const namespace = await newNamespace();
  const { authorization } = await newUser({ [`${namespace}/*`]: "owner" });
  const repository = `${namespace}/app`;
  const client = new RegistryClient({ repository, authorization, send });
  return client.as(await client.token(`repository:${repository}:pull,push`));
}

interface Slow {
  readonly content: Content;
  readonly location: string;
  readonly answer: Promise<Response>;
  /** Sends the rest and ends the body. */
  readonly end: () => Promise<unknown>;
}

/** Sends a part of a chunk of unknown length; it is read when there is memory for it. */
async function beginSlowly(client: RegistryClient, content: Content, sent: number): Promise<Slow> {
  const location = await client.startUpload();
  const { readable, writable } = new IdentityTransformStream();
  const writer = writable.getWriter();
  const answer = client.patch(location, readable);
  // Broken off, the rest is not taken.
  const write = (bytes: Bytes) => writer.write(bytes).catch(() => {});
  let written = write(content.bytes.slice(0, sent));
  return {
    content,
    location,
    answer,
    end: async () => {
      written = written.then(() => write(content.bytes.slice(sent)));
      await written.then(() => writer.close()).catch(() => {});
    },
  };
}

function beginAll(client: RegistryClient, n: number, size: number, sent: number): Promise<Slow[]> {
  return Promise.all(Array.from({ length: n }, () => beginSlowly(client, blob(size), sent)));
}

/** Waits until the isolate holds so much, and no more after a while. */
async function holds(bytes: number): Promise<void> {
  await expect.poll(() => memoryUse().bodies).toBe(bytes);
  await turns();
  expect(memoryUse().bodies).toBe(bytes);
}

async function pushed(client: RegistryClient, { content, location }: Slow): Promise<void> {
  expect((await client.finish(location, content.digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(content.digest))).toBe(content.digest);
}

const SHAPES: Readonly<
  Record<string, (client: RegistryClient, content: Content) => Promise<Response>>
> = {
  "POST and PUT": async (client, { bytes, digest }) =>
    client.finish(await client.startUpload(), digest, bytes),
  "POST alone": (client, { bytes, digest }) =>
    client.request("POST", `blobs/uploads/?digest=${digest}`, { body: bytes }),
  "PATCH of unknown length": async (client, { bytes, digest }) =>
    client.finish(await client.append(await client.startUpload(), streamOf(bytes)), digest),
  "PATCH with its length": async (client, { bytes, digest }) =>
    client.finish(await client.append(await client.startUpload(), bytes), digest),
  "ranged chunks": async (client, { bytes, digest }) => {
    const middle = Math.floor(bytes.length / 2);
    const ends = [middle, bytes.length];
    let location = await client.startUpload();
    for (const [i, end] of ends.entries()) {
      const first = ends[i - 1] ?? 0;
      location = await client.append(location, bytes.slice(first, end), { first, last: end - 1 });
    }
    return client.finish(location, digest);
  },
  "PUT of unknown length": async (client, { bytes, digest }) =>
    client.finish(await client.startUpload(), digest, streamOf(bytes)),
};

test("twelve bodies that one tenant sends slowly hold its share; another pushes in every shape meanwhile", async () => {
  const [alice, bob] = [await newTenant(), await newTenant()];
  const slow = await beginAll(alice, 12, 3 * MIB, 2 * MIB + 1);
  await holds(HALF_SENT);
  let ended = 0;
  for (const { answer } of slow) void answer.then(() => ended++);
  for (const push of Object.values(SHAPES)) {
    for (const size of [10, 100 * KIB, 1_000_000]) {
      expect((await push(bob, blob(size))).status).toBe(201);
    }
  }
  const config = await bob.pushBlob(blob(100));
  const annotations = { pad: "x".repeat(2 * MIB) };
  await bob.pushManifest(imageManifest({ config }), "small");
  await bob.pushManifest(imageManifest({ config, fields: { annotations } }), "large");
  const large = blob(9 * MIB);
  expect((await bob.patch(await bob.startUpload(), streamOf(large.bytes))).status).toBe(202);
  expect(ended).toBe(0);
  await Promise.all(slow.map((one) => one.end()));
  for (const { answer } of slow) expect((await answer).status).toBe(202);
  for (const one of slow) await pushed(alice, one);
  expect(memoryUse().bodies).toBe(0);
  expect(memoryUse().peakBodies).toBeLessThanOrEqual(64 * MIB);
}, 120_000);

test("memory is taken as bytes come: a body that has brought ten bytes holds 16 KiB", async () => {
  const client = await newTenant();
  const slow = await beginAll(client, 5, 20, 10);
  await holds(5 * 16 * KIB);
  await Promise.all(slow.map((one) => one.end()));
  for (const { answer } of slow) expect((await answer).status).toBe(202);
  expect(memoryUse().bodies).toBe(0);
});

test("a manifest that is sent slowly holds its tenant's share, too, and no more", async () => {
  const [alice, bob] = [await newTenant(), await newTenant()];
  const bodies = Array.from({ length: 12 }, () => {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
    const answer = alice.request("PUT", "manifests/v", { headers, body: readable });
    void writer.write(new Uint8Array(2 * MIB + 1).fill(0x20));
    return { answer, writer };
  });
  // Two have all that the largest manifest needs, and a byte to see whether it is larger; the third finds no room to double.
  await holds(SHORT_SHARE + 2 * (4 * MIB + 1));
  const config = await bob.pushBlob(blob(100));
  await bob.pushManifest(imageManifest({ config }), "v");
  await Promise.all(bodies.map(({ writer }) => writer.close()));
  for (const { answer } of bodies) {
    expect(await refusal(await answer)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
  }
  expect(memoryUse().bodies).toBe(0);
}, 60_000);

test("a body that stands still while another waits for its memory is answered 408, and can go on", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
  const client = await newTenant();
  const slow = await beginAll(client, 2, 7 * MIB, 5 * MIB);
  await holds(LONG_SHARE);
  const third = await beginSlowly(client, blob(3 * MIB), 3 * MIB);
  const thirdEnded = third.end();
  await holds(LONG_SHARE + MIB);
  await vi.advanceTimersByTimeAsync(FLOOR.ms + 2_000);
  expect((await third.answer).status).toBe(202);
  await thirdEnded;
  await pushed(client, third);
  await Promise.all(slow.map((one) => one.end()));
  const statuses = await Promise.all(slow.map(async ({ answer }) => (await answer).status));
  expect(statuses).toContain(408);
  for (const [i, one] of slow.entries()) {
    if (statuses[i] === 408) {
      const answer = await one.answer;
      expect(answer.headers.get("retry-after")).toBe("5");
      expect(await refusal(answer)).toEqual({ status: 408, code: "UNAVAILABLE" });
      expect(await client.progress(one.location)).toBe("0--1");
      await client.append(one.location, streamOf(one.content.bytes));
    }
    await pushed(client, one);
  }
  expect(memoryUse().bodies).toBe(0);
}, 60_000);

test("where nobody waits a body may stand still", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
  const client = await newTenant();
  const slow = await beginAll(client, 2, 7 * MIB, 5 * MIB);
  await holds(LONG_SHARE);
  await vi.advanceTimersByTimeAsync(10 * FLOOR.ms);
  await Promise.all(slow.map((one) => one.end()));
  for (const { answer } of slow) expect((await answer).status).toBe(202);
  for (const one of slow) await pushed(client, one);
}, 60_000);
