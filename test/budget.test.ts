/** The budgets: calls on the critical path of a request, counted over the real bindings. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ADMIN, basic, HOST, RegistryClient, streamOf } from "./support/client.ts";
import { type Calls, Counter, NOTHING } from "./support/counting.ts";
import { blob, digestOf, imageManifest, index, type Manifest } from "./support/images.ts";
import { sized } from "./support/sample.ts";

const MIB = 1024 * 1024;
const counter = new Counter();
/** With a token, as every client has one. */
let client = new RegistryClient({ send: counter.send });
const layer = blob(1000);
const mebibyte = blob(MIB);
let image: Manifest;

const QUERY = { ...NOTHING, d1Queries: 1 };
const BATCH = { ...NOTHING, d1Batches: 1 };
const QUERY_AND_READ = { ...QUERY, r2: 1 };
/** The image's config is read ahead; the answer does not wait for it. */
const BATCH_AND_AHEAD = { ...BATCH, r2: 1 };
const RANGE = { range: "bytes=10-19" };
const HAVE = { "if-none-match": `"${layer.digest}"` };
const byTag = () => "manifests/latest";
const byDigest = () => `manifests/${image.digest}`;
const small = () => `blobs/${layer.digest}`;
const large = () => `blobs/${mebibyte.digest}`;

interface Budget {
  readonly path: () => string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly cold: Calls;
  readonly warm: Calls;
  readonly near: Calls;
}

beforeAll(async () => {
  const { repository } = client;
  const scopes = [repository, `${repository}/mounted`, `${repository}/other`];
  client = client.as(await client.token(...scopes.map((name) => `repository:${name}:*`)));
  await client.pushBlob(layer);
  await client.pushBlob(mebibyte);
  image = await client.pushManifest(imageManifest({ config: layer }), "latest");
});

// What is known of revocations is asked for every half minute, by whichever push comes first: with a clock that stands still no test comes to it in its middle.
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  await client.startUpload();
});

afterEach(() => {
  vi.useRealTimers();
});

test("the counter counts: a push of a blob is seen in D1, R2 and a Durable Object", async () => {
  const calls = await counter.during(() => client.pushBlob(blob()));
  expect(calls.d1Batches).toBeGreaterThan(0);
  expect(calls.r2).toBeGreaterThan(0);
  expect(calls.durableObject).toBeGreaterThan(0);
});

/**
 * The calls of a request in an isolate that has nothing cached, that has it cached, and that finds it in the edge cache
 * of its location.
 */
const BUDGETS: [string, Budget][] = [
  ["GET of a manifest by tag", { path: byTag, cold: BATCH_AND_AHEAD, warm: QUERY, near: BATCH }],
  [
    "GET of a manifest by digest",
    { path: byDigest, cold: BATCH_AND_AHEAD, warm: NOTHING, near: NOTHING },
  ],
  ["GET of a blob", { path: small, cold: QUERY_AND_READ, warm: NOTHING, near: NOTHING }],
  ["GET of a blob of 1 MiB", { path: large, cold: QUERY_AND_READ, warm: NOTHING, near: NOTHING }],
  [
    "GET of a blob's range",
    { path: small, headers: RANGE, cold: QUERY_AND_READ, warm: NOTHING, near: NOTHING },
  ],
  [
    "GET of a range of 1 MiB",
    { path: large, headers: RANGE, cold: QUERY_AND_READ, warm: NOTHING, near: NOTHING },
  ],
  ["304 for a blob", { path: small, headers: HAVE, cold: QUERY, warm: NOTHING, near: NOTHING }],
  [
    "HEAD of a manifest by tag",
    { path: byTag, method: "HEAD", cold: BATCH, warm: QUERY, near: BATCH },
  ],
  [
    "HEAD of a manifest by digest",
    { path: byDigest, method: "HEAD", cold: QUERY, warm: QUERY, near: QUERY },
  ],
  // It renews the blob's grace period.
  ["HEAD of a blob", { path: small, method: "HEAD", cold: BATCH, warm: BATCH, near: BATCH }],
];

test.each(BUDGETS)("%s, cold, warm and in another isolate", async (_, budget) => {
  const { path, headers = {}, method = "GET" } = budget;
  // Another place: its edge knows nothing either.
  const place = { ...env, TOKEN_KEY: `${crypto.randomUUID()}${crypto.randomUUID()}` };
  const read = async (isolate: Counter) => {
    const { repository } = client;
    const anyone = new RegistryClient({ repository, send: isolate.send });
    const reader = anyone.as(await anyone.token(`repository:${repository}:*`));
    await reader.startUpload();
    return isolate.duringAll(async () => {
      const response = await reader.request(method, path(), { headers });
      expect(response.status).toBeLessThan(400);
      await response.arrayBuffer();
    });
  };
  const first = new Counter(place);
  expect(await read(first), "cold").toEqual(budget.cold);
  expect(await read(first), "warm").toEqual(budget.warm);
  expect(await read(new Counter(place)), "in another isolate").toEqual(budget.near);
});

test("tags and referrers: one query each", async () => {
  expect(await counter.during(() => client.listTags())).toEqual(QUERY);
  expect(await counter.during(() => client.referrers(image.digest))).toEqual(QUERY);
});

test("POST of an upload: nothing", async () => {
  expect(await counter.during(() => client.startUpload())).toEqual(NOTHING);
});

test("a mount: one batch", async () => {
  const other = client.in(`${client.repository}/mounted`);
  const path = `blobs/uploads/?mount=${layer.digest}&from=${client.repository}`;
  expect(await counter.during(() => ok(other.request("POST", path)))).toEqual(BATCH);
});

test.each([
  ["1 byte, announced", 1, false],
  ["1 MiB, announced", MIB, false],
  ["1 MiB, not announced", MIB, true],
  ["a byte less than a part", 8 * MIB - 1, true],
])("PATCH of %s: no call of R2, two of the session", async (_, size, chunked) => {
  const { bytes } = blob(size);
  const location = await client.startUpload();
  const calls = await counter.during(() =>
    client.append(location, chunked ? streamOf(bytes) : bytes),
  );
  expect(calls).toMatchObject({ d1Queries: 0, d1Batches: 0 });
  expect(calls.r2).toBeLessThanOrEqual(1);
  expect(calls.durableObject).toBeLessThanOrEqual(2);
});

test.each([8, 9, 16, 20, 40])(
  "PATCH of %i MiB: a call a part and one more, two of the session",
  async (size) => {
    const { bytes, digest } = blob(size * MIB);
    const location = await client.startUpload();
    const calls = await counter.during(() => client.append(location, streamOf(bytes)));
    expect(calls).toMatchObject({ d1Queries: 0, d1Batches: 0 });
    // The last, shorter part is sent now, not with the finish.
    expect(calls.r2).toBeLessThanOrEqual(Math.ceil(size / 8) + 1);
    expect(calls.durableObject).toBeLessThanOrEqual(2);
    const finish = await counter.during(() => ok(client.finish(location, digest)));
    expect(finish).toMatchObject({ d1Batches: 1, r2: 1, durableObject: 2 });
  },
);

test("PATCH of a small chunk to a big upload: no call of R2", async () => {
  let location = await client.startUpload();
  const size = 20 * MIB;
  location = await client.append(location, blob(size).bytes, { first: 0, last: size - 1 });
  const calls = await counter.during(() => client.append(location, blob(1000).bytes));
  expect(calls).toMatchObject({ d1Queries: 0, d1Batches: 0, r2: 0 });
  expect(calls.durableObject).toBeLessThanOrEqual(2);
});

test.each([
  ["an empty upload with an empty PUT", 0, 0, 0],
  ["one small PATCH", 1000, 0, 0],
  ["one PATCH of several parts", 20 * MIB, 0, 0],
  ["a PUT with all bytes", 0, 9 * MIB, 0],
  ["ranged chunks", 0, 0, 20 * MIB],
  ["ranged chunks, of whole parts exactly", 0, 0, 16 * MIB],
  ["ranged chunks and the last bytes in the PUT", 0, 1000, 9 * MIB],
])(
  "finish of %s: one batch, two calls of R2, two of the session",
  async (_, whole, put, ranged) => {
    const { bytes, digest } = blob(whole + put + ranged);
    const sent = whole + ranged;
    let location = await client.startUpload();
    if (whole > 0) location = await client.append(location, streamOf(bytes.slice(0, whole)));
    for (const [first, end] of ranged === 0 ? [] : [[0, 100] as const, [100, sent] as const]) {
      const range = { first, last: end - 1 };
      location = await client.append(location, bytes.slice(first, end), range);
    }
    const body = put === 0 ? null : bytes.slice(sent);
    const calls = await counter.during(() => ok(client.finish(location, digest, body)));
    expect(calls).toMatchObject({ d1Queries: 0, d1Batches: 1 });
    expect(calls.r2).toBeLessThanOrEqual(2);
    expect(calls.durableObject).toBeLessThanOrEqual(2);
    expect(digestOf(await client.pullBlob(digest))).toBe(digest);
  },
);

test("a finish that is repeated: one call of the session, and a batch that sees whether the blob is still there", async () => {
  const { bytes, digest } = blob();
  const location = await client.startUpload();
  await client.finish(location, digest, bytes);
  const calls = await counter.during(() => ok(client.finish(location, digest, bytes)));
  expect(calls).toMatchObject({ d1Queries: 0, d1Batches: 1, r2: 0 });
  expect(calls.durableObject).toBeLessThanOrEqual(1);
});

const REFERENCES = sized("references of one manifest", 50, 500);

test.each([1, REFERENCES])(
  "PUT of a manifest with %i references: one read and one batch",
  async (n) => {
    const layers = Array.from({ length: n - 1 }, () => blob(8));
    for (let i = 0; i < layers.length; i += 50) {
      await Promise.all(layers.slice(i, i + 50).map((content) => client.pushBlob(content)));
    }
    const manifest = imageManifest({ config: layer, layers });
    const calls = await counter.during(() => ok(client.putManifest(`n${n}`, manifest)));
    expect(calls).toMatchObject({ d1Batches: 1, r2: 0, durableObject: 0 });
    expect(calls.d1Queries).toBeLessThanOrEqual(1);
  },
);

test("PUT of an index, with a subject and ten tags: no more", async () => {
  const tags = Array.from({ length: 10 }, (_, i) => `tag=x${i}`).join("&");
  const subject = { mediaType: image.mediaType, digest: image.digest, size: image.bytes.length };
  const list = index([image], { subject });
  const put = () => ok(client.putManifest(`${list.digest}?${tags}`, list));
  const calls = await counter.during(put);
  expect(calls).toMatchObject({ d1Batches: 1, r2: 0, durableObject: 0 });
  expect(calls.d1Queries).toBeLessThanOrEqual(1);
});

test.each([
  ["nobody", null],
  ["somebody", ADMIN],
])("a token for %s: one round trip, and none for who asked a moment ago", async (_, who) => {
  const path = `/token?service=${HOST}&scope=repository:${client.repository}:pull`;
  const isolate = new Counter();
  const asker = new RegistryClient({ send: isolate.send }).as(who);
  expect(await isolate.during(() => ok(asker.get(path)))).toEqual(BATCH);
  const again = who === null ? QUERY : NOTHING;
  expect(await isolate.during(() => ok(asker.get(path)))).toEqual(again);
});

test("what is refused for its credentials costs nothing, a wrong password what it takes to count it", async () => {
  const counted = { ...NOTHING, d1Queries: 2 };
  for (const [authorization, calls] of [
    [null, NOTHING],
    ["Bearer nonsense", NOTHING],
    [basic("admin", "wrong"), counted],
  ] as const) {
    const stranger = client.as(authorization);
    expect(await counter.during(() => stranger.get("manifests/latest"))).toEqual(calls);
    expect(await counter.during(() => stranger.get(`/token?service=${HOST}`))).toEqual(calls);
  }
});

/** Reads an answer to its end, and checks that it is no refusal. */
async function ok(answer: Promise<Response>): Promise<void> {
  const response = await answer;
  expect(response.status).toBeLessThan(300);
  await response.arrayBuffer();
}
