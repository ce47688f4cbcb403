/** The number of parts in flight: of a single upload, and of several that share the buffers. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { memoryUse } from "../../src/memory/isolate.ts";
import { intercept } from "../support/wrapped-env.ts";
import { ignore, locationOf, RegistryClient } from "../support/client.ts";
import { session } from "../support/storage.ts";
import { turns } from "../support/waits.ts";

const MIB = 1024 * 1024;
const PART = 8 * MIB;

/** A bucket with slow parts, which counts those in flight. */
class SlowBucket {
  /** The uploads of the parts, in the order in which the parts started. */
  readonly order: string[] = [];
  /** The most parts that each upload had in flight. */
  readonly most = new Map<string, number>();
  /** The most parts of all uploads together. */
  total = 0;
  readonly #now = new Map<string, number>();
  readonly #delay: () => Promise<unknown>;
  readonly bucket: R2Bucket;

  constructor(delay: () => Promise<unknown>) {
    this.#delay = delay;
    this.bucket = intercept(env.BLOBS, (name, call) => (...parameters) => {
      const result = call(...parameters);
      if (name !== "resumeMultipartUpload") return result;
      return this.#slow(result as R2MultipartUpload);
    });
  }

  client(): RegistryClient {
    const slow = { ...env, BLOBS: this.bucket };
    return new RegistryClient({ send: (request) => handle(request, slow, ignore) });
  }

  #slow(upload: R2MultipartUpload): R2MultipartUpload {
    return intercept(upload, (name, call) => async (...parameters) => {
      if (name !== "uploadPart") return call(...parameters);
      this.#count(upload.key, 1);
      await this.#delay();
      return Promise.resolve(call(...parameters)).finally(() => this.#count(upload.key, -1));
    });
  }

  #count(key: string, change: number): void {
    const now = (this.#now.get(key) ?? 0) + change;
    this.#now.set(key, now);
    this.most.set(key, Math.max(this.most.get(key) ?? 0, now));
    const all = [...this.#now.values()].reduce((sum, one) => sum + one, 0);
    this.total = Math.max(this.total, all);
    if (change > 0) this.order.push(key);
  }
}

/** Makes a body of that many parts that is never in memory as a whole. */
function bodyOf(parts: number): ReadableStream {
  let left = (parts * PART) / MIB;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (left-- > 0) controller.enqueue(new Uint8Array(MIB));
      else controller.close();
    },
  });
}

async function push(client: RegistryClient, parts: number): Promise<void> {
  return pushTo(client, await client.startUpload(), parts);
}

async function pushTo(client: RegistryClient, location: string, parts: number): Promise<void> {
  const response = await client.patch(location, bodyOf(parts));
  expect(response.status).toBe(202);
  expect(await session(locationOf(response))).toMatchObject({ offset: parts * PART });
}

/** Returns the most parts of other uploads that start before this upload's first part or between two of its parts. */
function longestGap(order: readonly string[], upload: string): number {
  const own = order.flatMap((key, i) => (key === upload ? i : []));
  return Math.max(...own.map((place, i) => place - (own[i - 1] ?? -1) - 1));
}

test("an upload that is alone has four parts under way while the next one is read", async () => {
  const arrived = Promise.withResolvers<void>();
  const slow = new SlowBucket(() => arrived.promise);
  const pushed = push(slow.client(), 6);
  await expect.poll(() => memoryUse().bodies).toBe(5 * PART);
  // A fifth would set out by now, if it could.
  await turns();
  expect([...slow.most.values()]).toEqual([4]);
  arrived.resolve();
  await pushed;
  expect([...slow.most.values()]).toEqual([4]);
  expect(memoryUse()).toMatchObject({ bodies: 0, peakBodies: 5 * PART + MIB });
});

test("six uploads share the buffers: each goes on, none has more than its share for long", async () => {
  // A part arrives after so many turns, in which whoever has read enough asks for a buffer, however slow the machine is.
  const slow = new SlowBucket(() => turns(80));
  const client = slow.client();
  // All are begun before the first part sets out: none is late because its beginning took long.
  const locations = await Promise.all(Array.from({ length: 6 }, () => client.startUpload()));
  await Promise.all(locations.map((location) => pushTo(client, location, 6)));
  expect(slow.most.size).toBe(6);
  expect(slow.total).toBeLessThanOrEqual(6);
  expect(memoryUse().peakBodies).toBeLessThanOrEqual(48 * MIB);
  expect(memoryUse().bodies).toBe(0);
  // In turns: no upload waits until all of the thirty parts of the others have set out.
  const gaps = [...slow.most.keys()].map((key) => longestGap(slow.order, key));
  expect(Math.max(...gaps)).toBeLessThan(30);
  // All but one or two, which were there first, have found others waiting.
  const modest = [...slow.most.values()].filter((most) => most <= 2);
  expect(modest.length).toBeGreaterThanOrEqual(4);
});

test("an upload with four parts under way lets a newcomer in as soon as one has arrived", async () => {
  const others = Promise.withResolvers<void>();
  const slow = new SlowBucket(() => others.promise.then(() => turns(20)));
  const client = slow.client();
  const locations = await Promise.all(Array.from({ length: 5 }, () => client.startUpload()));
  const big = push(client, 20);
  await expect.poll(() => slow.total).toBe(4);
  const before = slow.order.length;
  const pushed = locations.map((location) => pushTo(client, location, 2));
  // Until all of them wait for a buffer, none of the first one's parts arrives.
  await turns(200);
  others.resolve();
  await Promise.all(pushed);
  const [first = ""] = slow.order;
  // Ten parts of the others, and no more than as many of the first one meanwhile.
  const meanwhile = slow.order.slice(before);
  expect(meanwhile.filter((key) => key === first).length).toBeLessThanOrEqual(10);
  await big;
  expect(memoryUse().peakBodies).toBeLessThanOrEqual(48 * MIB);
});
