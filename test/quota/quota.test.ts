/** A namespace never uses more than its quota, however many push at once; and its usage is counted to the byte. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { intercept } from "../support/wrapped-env.ts";
import { ignore, refusal, RegistryClient, streamOf, withSettings } from "../support/client.ts";
import {
  blob,
  type Content,
  content,
  describe as describeContent,
  imageManifest,
} from "../support/images.ts";
import { api, done } from "../support/management.ts";
import { newNamespace } from "../support/principals.ts";
import { sample } from "../support/sample.ts";
import { keys, leavesNothing } from "../support/storage.ts";
import { recount } from "../support/usage.ts";

const DENIED = { status: 403, code: "DENIED" };
const MEGABYTE = 1024 * 1024;

interface Limits {
  readonly bytes?: number | null;
  readonly repositories?: number | null;
}

async function limit(namespace: string, limits: Limits): Promise<void> {
  await done("PUT", `/namespaces/${namespace}/quota`, limits);
}

async function limited(limits: Limits): Promise<string> {
  const namespace = await newNamespace();
  await limit(namespace, limits);
  return namespace;
}

async function used(namespace: string): Promise<{ bytes: number; repositories: number }> {
  const { bytes, repositories } = await done<Record<"bytes" | "repositories", { used: number }>>(
    "GET",
    `/namespaces/${namespace}/quota`,
  );
  return { bytes: bytes.used, repositories: repositories.used };
}

function clientOf(repository: string): RegistryClient {
  return new RegistryClient({ repository });
}

function blobs(count: number, size = 1_000): Content[] {
  return Array.from({ length: count }, () => blob(size));
}

/** Pushes a blob as a monolithic upload. */
async function push(client: RegistryClient, { digest, bytes }: Content): Promise<Response> {
  return client.finish(await client.startUpload(), digest, bytes);
}

function mount(client: RegistryClient, { digest }: Content, from: string): Promise<Response> {
  return client.request("POST", `blobs/uploads/?mount=${digest}&from=${from}`);
}

/** The bytes that a row of a manifest, a reference, a tag or a tag's past counts. */
const ROW = 512;

/** Returns the cost of an image with only a config, beyond its blobs, with so many tags. */
function costOf(manifest: { readonly bytes: Uint8Array }, tags: number, references = 1): number {
  return manifest.bytes.length + ROW * (1 + references + tags);
}

/** Counts the accepted requests; all others have to be refused by the quota. */
async function taken(responses: readonly Response[]): Promise<number> {
  const refused = responses.filter(({ status }) => status !== 201);
  for (const response of refused) expect(await refusal(response)).toEqual(DENIED);
  return responses.length - refused.length;
}

/** Layers that need not be there. */
function foreign(count: number) {
  const layers = Array.from({ length: count }, () => ({
    ...describeLayer(blob(16)),
    urls: ["https://example.com/layer"],
  }));
  return { layers };
}

function describeLayer(layer: Content) {
  return describeContent(layer, "application/vnd.oci.image.layer.v1.tar+gzip");
}

/** More than a row of the database takes: the manifest lies in the bucket. */
function annotated(letter: string) {
  return { annotations: { text: letter.repeat(300_000) } };
}

/** A namespace without a quota that holds these. */
async function holding(contents: readonly Content[]): Promise<RegistryClient> {
  const client = clientOf(`${await newNamespace()}/base`);
  for (const one of contents) await client.pushBlob(one);
  return client;
}

/** Collection without a grace time, until nothing is due. */
async function collect(): Promise<void> {
  const send = withSettings({ GC_GRACE_HOURS: "0", TRASH_DAYS: "0" });
  for (;;) {
    const { run } = await done<{ run: { more: boolean } | null }>("POST", "/gc", {}, { send });
    if (run?.more === false) return;
  }
}

async function warnings(namespace: string): Promise<object[]> {
  const path = `/namespaces/${namespace}/audit?action=quota.warn`;
  return (await done<{ items: object[] }>("GET", path)).items;
}

describe("what comes at once, under a quota", () => {
  test("of pushes to several repositories, as many are taken as fit", async () => {
    const namespace = await limited({ bytes: 5_500 });
    const pushes = blobs(12).map((one, i) => push(clientOf(`${namespace}/app${i % 3}`), one));
    expect(await taken(await Promise.all(pushes))).toBe(5);
    expect((await used(namespace)).bytes).toBe(5_000);
    await recount();
  });

  test("the last byte fits, one more does not", async () => {
    const namespace = await limited({ bytes: 2_000 });
    const client = clientOf(`${namespace}/app`);
    const pushes = [1_000, 1_000, 1_000].map((size) => push(client, blob(size)));
    expect(await taken(await Promise.all(pushes))).toBe(2);
    expect(await refusal(await push(client, blob(1)))).toEqual(DENIED);
    expect((await push(client, blob(0))).status).toBe(201);
    expect((await used(namespace)).bytes).toBe(2_000);
    await recount();
  });

  test("the same blob, to several repositories, is taken by all: it counts once", async () => {
    const namespace = await limited({ bytes: 1_000 });
    const one = blob(1_000);
    const clients = Array.from({ length: 6 }, (_, i) => clientOf(`${namespace}/app${i}`));
    const pushes = clients.map((client) => push(client, one));
    expect(await taken(await Promise.all(pushes))).toBe(6);
    expect(await used(namespace)).toEqual({ bytes: 1_000, repositories: 6 });
    await recount();
  });

  test("of mounts from another namespace, as many are done as fit", async () => {
    const all = blobs(10);
    const base = await holding(all);
    const namespace = await limited({ bytes: 4_999 });
    const mounts = all.map((one, i) =>
      mount(clientOf(`${namespace}/app${i % 2}`), one, base.repository),
    );
    expect(await taken(await Promise.all(mounts))).toBe(4);
    expect((await used(namespace)).bytes).toBe(4_000);
    await recount();
  });

  test("of manifests that take blobs over, as many are taken as fit, and of the others nothing", async () => {
    const all = blobs(8);
    const base = await holding(all);
    const manifests = all.map((config) => imageManifest({ config }));
    const [first] = manifests;
    if (first === undefined) throw new Error("no manifests");
    const each = 1_000 + costOf(first, 1);
    const namespace = await limited({ bytes: 4 * each - 1 });
    const client = clientOf(`${namespace}/app`);
    expect(base.repository).not.toContain(namespace);
    const puts = manifests.map((one, i) => client.putManifest(`v${i}`, one));
    expect(await taken(await Promise.all(puts))).toBe(3);
    expect(await used(namespace)).toEqual({ bytes: 3 * each, repositories: 1 });
    expect(await client.listTags()).toHaveLength(3);
    await recount();
  });

  test("a manifest that would take over more blobs than fit takes none", async () => {
    const all = blobs(3);
    await holding(all);
    const namespace = await limited({ bytes: 2_500 });
    const [config, ...layers] = all;
    if (config === undefined) throw new Error("no blobs");
    const put = () =>
      clientOf(`${namespace}/app`).putManifest("v1", imageManifest({ config, layers }));
    expect(await refusal(await leavesNothing(put))).toEqual(DENIED);
    expect(await used(namespace)).toEqual({ bytes: 0, repositories: 0 });
    await limit(namespace, { bytes: 3_000 + costOf(imageManifest({ config, layers }), 1, 3) });
    expect((await put()).status).toBe(201);
    await recount();
  });

  test("of everything together, what was taken is what is there, and it fits", async () => {
    const [pushed, mounted, adopted] = [blobs(6), blobs(6), blobs(6)];
    const base = await holding([...mounted, ...adopted]);
    const namespace = await limited({ bytes: 9_500 });
    const quota = 9_500;
    const client = (i: number) => clientOf(`${namespace}/app${i % 3}`);
    const responses = await Promise.all([
      ...pushed.map((one, i) => push(client(i), one)),
      ...mounted.map((one, i) => mount(client(i), one, base.repository)),
      ...adopted.map((config, i) => client(i).putManifest(`v${i}`, imageManifest({ config }))),
      ...pushed.map((one, i) => push(client(i + 1), one)),
    ]);
    expect(await taken(responses)).toBeGreaterThan(0);
    const { bytes } = await used(namespace);
    expect(bytes).toBeLessThanOrEqual(quota);
    // No more of the smallest would have fitted.
    expect(bytes).toBeGreaterThan(quota - 1_000 - ROW * 3 - 500);
    await recount();
  });

  test("of pushes that make repositories, as many are taken as there may be repositories", async () => {
    const namespace = await limited({ repositories: 3 });
    const pushes = blobs(8).map((one, i) => push(clientOf(`${namespace}/app${i}`), one));
    const creations = Array.from({ length: 4 }, (_, i) =>
      api("POST", "/repositories", { name: `${namespace}/made${i}` }),
    );
    const responses = await Promise.all([...pushes, ...creations]);
    expect(responses.filter(({ status }) => status === 201)).toHaveLength(3);
    expect(responses.filter(({ status }) => status === 403)).toHaveLength(9);
    expect((await used(namespace)).repositories).toBe(3);
    await recount();
  });

  test("of repositories that come back and new ones, as many are there as there may be", async () => {
    const namespace = await limited({ repositories: 6 });
    const names = Array.from({ length: 6 }, (_, i) => `${namespace}/app${i}`);
    for (const name of names) await done("POST", "/repositories", { name });
    for (const name of names) await done("DELETE", `/repositories/${name}`);
    expect((await used(namespace)).repositories).toBe(0);
    await limit(namespace, { repositories: 4 });
    const responses = await Promise.all([
      ...names.map((name) =>
        api("POST", `/repositories/${name}/-/restore`, { repository: "newest" }),
      ),
      ...names.map((_, i) => api("POST", "/repositories", { name: `${namespace}/new${i}` })),
    ]);
    const statuses = responses.map(({ status }) => status);
    expect(statuses.filter((status) => status < 300)).toHaveLength(4);
    expect(statuses.filter((status) => status === 403)).toHaveLength(8);
    expect((await used(namespace)).repositories).toBe(4);
    await recount();
  });
});

describe("what counts against a quota", () => {
  test("a blob of two repositories of a namespace once, of two namespaces once each; it is given back when the last lets it go", async () => {
    const [one, other] = [await newNamespace(), await newNamespace()];
    const shared = blob(1_234);
    const [a, b, c] = [clientOf(`${one}/a`), clientOf(`${one}/b`), clientOf(`${other}/c`)];
    for (const client of [a, b, c, b]) await client.pushBlob(shared);
    const bytes = async () => [(await used(one)).bytes, (await used(other)).bytes];
    expect(await bytes()).toEqual([1_234, 1_234]);
    const path = `blobs/${shared.digest}`;
    const steps = [
      [a, 1_234, 1_234],
      [c, 1_234, 0],
      // Its bytes count until garbage collection deletes them.
      [b, 1_234, 0],
    ] as const;
    for (const [client, first, second] of steps) {
      expect((await client.request("DELETE", path)).status).toBe(202);
      expect(await bytes()).toEqual([first, second]);
      await recount();
    }
    await a.pushBlob(shared);
    expect(await bytes()).toEqual([2_468, 0]);
    await recount();
    await collect();
    expect(await bytes()).toEqual([0, 0]);
    await recount();
  });

  test("what is deleted weighs until it is gone; a deleted repository is none", async () => {
    const namespace = await newNamespace();
    const client = clientOf(`${namespace}/app`);
    const config = await client.pushBlob(blob(500));
    const image = await client.pushManifest(imageManifest({ config }), "v1");
    const bytes = 500 + costOf(image, 1);
    expect(await used(namespace)).toEqual({ bytes, repositories: 1 });
    // The tag's row is deleted, and a row of its history is added.
    await client.request("DELETE", `manifests/${image.digest}`);
    expect(await used(namespace)).toEqual({ bytes, repositories: 1 });
    await done("DELETE", `/repositories/${client.repository}`);
    expect(await used(namespace)).toEqual({ bytes, repositories: 0 });
    await client.pushBlob(config);
    expect(await used(namespace)).toEqual({ bytes, repositories: 1 });
    await recount();
  });

  test("manifests, references, tags and where tags pointed: each row counts, and no push brings more than the quota", async () => {
    const namespace = await newNamespace();
    const client = clientOf(`${namespace}/app`);
    const config = await client.pushBlob(blob(500));

    const [one, two] = [imageManifest({ config, fields: foreign(20) }), imageManifest({ config })];
    await client.pushManifest(one, "v1");
    expect((await used(namespace)).bytes).toBe(500 + costOf(one, 1, 21));
    await client.pushManifest(two, "v1");
    const bytes = 500 + costOf(one, 1, 21) + costOf(two, 1);
    expect((await used(namespace)).bytes).toBe(bytes);
    await limit(namespace, { bytes: bytes + ROW });
    // After another move there is one more row of history.
    expect((await client.putManifest("v1", one)).status).toBe(201);
    for (const tag of ["v1", "v2"]) {
      expect(await refusal(await client.putManifest(tag, two))).toEqual(DENIED);
    }
    const again = await client.putManifest("v1", one);
    expect(again.status).toBe(201);
    await recount();
    expect((await used(namespace)).bytes, "moved").toBe(bytes + ROW);
    // A full namespace can be emptied.
    expect((await client.request("DELETE", `manifests/v1`)).status).toBe(202);
    expect((await used(namespace)).bytes, "untagged").toBe(bytes + ROW);
    expect((await client.request("DELETE", `manifests/${one.digest}`)).status).toBe(202);
    expect((await used(namespace)).bytes).toBe(bytes + ROW);
    await recount();
    await collect();
    expect((await used(namespace)).bytes).toBeLessThan(bytes);
    await recount();
  });

  test("with a quota of 0 nothing is written, whatever is pushed", async () => {
    const namespace = await limited({ bytes: 0 });
    const client = clientOf(`${namespace}/app`);
    const config = blob(0);
    await client.pushBlob(config);
    for (const fields of [{}, foreign(100), annotated("x")]) {
      const image = imageManifest({ config, fields });
      expect(await refusal(await client.putManifest("v1", image))).toEqual(DENIED);
    }
    expect(await used(namespace)).toEqual({ bytes: 0, repositories: 1 });
    expect(await lost()).toEqual([]);
    await recount();
  });

  test("a push and a deletion in turn: what waits for its deletion counts", async () => {
    const namespace = await limited({ bytes: 3_500 });
    const client = clientOf(`${namespace}/app`);
    const statuses = [];
    for (let i = 0; i < 5; i++) {
      const one = blob(1_000);
      statuses.push((await push(client, one)).status);
      await client.request("DELETE", `blobs/${one.digest}`);
    }
    expect(statuses).toEqual([201, 201, 201, 403, 403]);
    expect((await used(namespace)).bytes).toBe(3_000);
    await recount();
    await collect();
    expect((await used(namespace)).bytes).toBe(0);
    expect((await push(client, blob(3_500))).status).toBe(201);
    await recount();
  });

  test("a manifest in the bucket counts once, and one that is refused is gone", async () => {
    const namespace = await newNamespace();
    const client = clientOf(`${namespace}/app`);
    const config = await client.pushBlob(blob(500));
    const one = imageManifest({ config, fields: annotated("x") });
    const bytes = 500 + costOf(one, 1);
    await limit(namespace, { bytes });
    expect((await client.putManifest("v1", one)).status).toBe(201);
    expect((await used(namespace)).bytes).toBe(bytes);
    const other = imageManifest({ config, fields: annotated("y") });
    expect(await refusal(await client.putManifest("v2", other))).toEqual(DENIED);
    expect((await used(namespace)).bytes).toBe(bytes);
    await recount();
    expect(await lost()).toEqual([]);
  });

  test("what is collected is given back to the byte, all of a purged repository too", async () => {
    const [one, other] = [await newNamespace(), await newNamespace()];
    const [a, b, c] = [clientOf(`${one}/a`), clientOf(`${one}/b`), clientOf(`${other}/c`)];
    const shared = blob(100);
    const layer = blob(30);
    for (const client of [a, b, c]) {
      await client.pushBlob(shared);
      await client.pushBlob(layer);
      await client.pushBlob(blob(5));
    }
    const [image, elsewhere] = [
      imageManifest({ config: shared }),
      imageManifest({ config: layer }),
    ];
    await b.pushManifest(image, "v1");
    await c.pushManifest(elsewhere, "v1");
    await collect();
    const cost = costOf(image, 1);
    expect(await used(one)).toEqual({ bytes: 100 + cost, repositories: 2 });
    expect(await used(other)).toEqual({ bytes: 30 + costOf(elsewhere, 1), repositories: 1 });
    await recount();
    await b.request("DELETE", "manifests/v1");
    await done("DELETE", `/repositories/${c.repository}`);
    await collect();
    // The tag alone was deleted.
    expect(await used(one)).toEqual({ bytes: 100 + cost - ROW, repositories: 2 });
    expect(await used(other)).toEqual({ bytes: 0, repositories: 0 });
    await recount();
    await done("DELETE", `/repositories/${b.repository}`);
    await collect();
    expect(await used(one)).toEqual({ bytes: 0, repositories: 1 });
    await recount();
    expect(await lost()).toEqual([]);
  });

  test("a repository whose row goes counts no longer, whether it was deleted before or not", async () => {
    const namespace = await newNamespace();
    for (const name of ["a", "b"])
      await done("POST", "/repositories", { name: `${namespace}/${name}` });
    await done("DELETE", `/repositories/${namespace}/a`);
    await env.DB.prepare(`DELETE FROM repositories WHERE namespace = ?1`).bind(namespace).run();
    expect(await used(namespace)).toEqual({ bytes: 0, repositories: 0 });
    await recount();
  });

  test("a repository called as its namespace is one of it", async () => {
    const namespace = await limited({ repositories: 1, bytes: 10 });
    await clientOf(namespace).pushBlob(blob(10));
    expect(await used(namespace)).toEqual({ bytes: 10, repositories: 1 });
    expect((await push(clientOf(`${namespace}/a/b`), blob(0))).status).toBe(403);
    await recount();
  });
});

describe("a quota below what is there", () => {
  test("lets nothing in that adds to it, and all else", async () => {
    const namespace = await newNamespace();
    const [first, second] = [clientOf(`${namespace}/a`), clientOf(`${namespace}/b`)];
    const config = await first.pushBlob(blob(1_000));
    const layer = await first.pushBlob(blob(1_000));
    await second.pushBlob(blob(0));
    await limit(namespace, { bytes: 10, repositories: 1 });
    for (const refused of [
      await push(first, blob(1)),
      await push(clientOf(`${namespace}/c`), config),
    ]) {
      expect(await refusal(refused)).toEqual(DENIED);
    }
    expect((await push(first, config)).status).toBe(201);
    expect((await mount(second, layer, first.repository)).status).toBe(201);
    const image = imageManifest({ config, layers: [layer] });
    expect(await refusal(await second.putManifest("v1", image))).toEqual(DENIED);
    await recount();
  });

  test("lets something in again once what was deleted is collected", async () => {
    const namespace = await newNamespace();
    const client = clientOf(`${namespace}/app`);
    const [first, second] = [
      await client.pushBlob(blob(1_000)),
      await client.pushBlob(blob(1_000)),
    ];
    await limit(namespace, { bytes: 1_500 });
    for (const { digest } of [first, second]) {
      expect((await push(client, blob(1))).status).toBe(403);
      expect((await client.request("DELETE", `blobs/${digest}`)).status).toBe(202);
    }
    expect((await push(client, blob(1))).status).toBe(403);
    await collect();
    expect((await push(client, blob(1_500))).status).toBe(201);
    await recount();
  });
});

/** Keys in the bucket that are no blob's, and that nothing will delete. */
async function lost(): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT key FROM blobs UNION ALL SELECT key FROM object_deletions
     UNION ALL SELECT object FROM manifests WHERE object IS NOT NULL`,
  ).all<{ key: string }>();
  const known = new Set(results.map(({ key }) => key));
  return (await keys()).filter((key) => !known.has(key));
}

/** The ways to upload a blob: all requests but the last, and the last one. */
const WAYS: readonly [
  string,
  (client: RegistryClient, one: Content) => Promise<() => Promise<Response>>,
][] = [
  [
    "in one request",
    async (client, { digest, bytes }) => {
      const location = await client.startUpload();
      return () => client.finish(location, digest, bytes);
    },
  ],
  [
    "in one request, without a length",
    async (client, { digest, bytes }) => {
      const location = await client.startUpload();
      return () => client.finish(location, digest, streamOf(bytes));
    },
  ],
  [
    "by POST alone",
    async (client, { digest, bytes }) =>
      () =>
        client.request("POST", `blobs/uploads/?digest=${digest}`, { body: bytes }),
  ],
  [
    "as a stream, and then the end",
    async (client, { digest, bytes }) => {
      const location = await client.append(await client.startUpload(), streamOf(bytes));
      return () => client.finish(location, digest);
    },
  ],
  [
    "in chunks, the last with the end",
    async (client, { digest, bytes }) => {
      // Sends most of the large blob, more than a part.
      const most = Math.floor(bytes.length * 0.75);
      const location = await client.append(await client.startUpload(), bytes.slice(0, most), {
        first: 0,
        last: most - 1,
      });
      const rest = { first: most, last: bytes.length - 1 };
      return () => client.finish(location, digest, bytes.slice(most), rest);
    },
  ],
];

describe.each([
  ["a small blob", 1_000],
  ["a blob of several parts", 12 * MEGABYTE],
])("%s that does not fit", (what, size) => {
  test.each(sample(`ways into a quota: ${what}`, WAYS, { few: 2 }))(
    "%s: is refused as often as it is tried, leaves nothing, and comes when there is room",
    async (__, bring) => {
      const namespace = await limited({ bytes: size - 1 });
      const client = clientOf(`${namespace}/app`);
      const one = size > MEGABYTE ? large(size) : blob(size);
      const finish = await bring(client, one);
      const first = await finish();
      expect(first.status).toBe(403);
      expect(await first.json()).toEqual({
        errors: [
          {
            code: "DENIED",
            message: `this would go beyond the quota of ${namespace}: it has 0 of at most ${size - 1} bytes; delete and purge what is not needed, or ask an administrator for more`,
            detail: { namespace, resource: "bytes", used: 0, limit: size - 1 },
          },
        ],
      });
      expect(await lost()).toEqual([]);
      // Bytes assembled for the first try are deleted by the second: the upload has to start again.
      const again = await refusal(await finish());
      expect([DENIED, { status: 404, code: "BLOB_UPLOAD_UNKNOWN" }]).toContainEqual(again);
      expect(await lost()).toEqual([]);
      expect(await used(namespace)).toEqual({ bytes: 0, repositories: 0 });
      await limit(namespace, { bytes: size });
      if (again.status === 403) expect((await finish()).status).toBe(201);
      else expect(await refusal(await finish())).toEqual(again);
      expect((await (await bring(client, one))()).status).toBe(201);
      expect((await client.head(`blobs/${one.digest}`)).headers.get("content-length")).toBe(
        String(size),
      );
      expect(await lost()).toEqual([]);
      await recount();
    },
  );
});

/** Different each time in its first bytes: random ones by the million take long. */
function large(size: number): Content {
  const bytes = new Uint8Array(size);
  crypto.getRandomValues(bytes.subarray(0, 1_000));
  return content(bytes);
}

test("an upload that was refused, and whose bytes are gone, has ended", async () => {
  const one = large(12 * MEGABYTE);
  const namespace = await limited({ bytes: 1 });
  const client = clientOf(`${namespace}/app`);
  const location = await client.append(await client.startUpload(), streamOf(one.bytes));
  expect((await client.finish(location, one.digest)).status).toBe(403);
  expect(await lost()).toEqual([]);
  await limit(namespace, { bytes: null });
  const ended = { status: 404, code: "BLOB_UPLOAD_UNKNOWN" };
  expect(await refusal(await client.finish(location, one.digest))).toEqual(ended);
  expect(await used(namespace)).toEqual({ bytes: 0, repositories: 0 });
  expect((await push(client, one)).status).toBe(201);
});

test("a finish that is refused takes nothing from another one that made the upload a blob meanwhile", async () => {
  const one = large(12 * MEGABYTE);
  const namespace = await limited({ bytes: 1 });
  const client = clientOf(`${namespace}/app`);
  const location = await client.append(await client.startUpload(), streamOf(one.bytes));
  let others = 0;
  const overtaken = async (error: unknown) => {
    if (others++ === 0) {
      await limit(namespace, { bytes: null });
      expect((await client.finish(location, one.digest)).status).toBe(201);
      await limit(namespace, { bytes: 1 });
    }
    throw error;
  };
  const DB = intercept(env.DB, (name, call) => (...parameters) => {
    const result = call(...parameters);
    return name === "batch" ? (result as Promise<unknown>).catch(overtaken) : result;
  });
  const send = (request: Request) => handle(request, { ...env, DB }, ignore);
  const refused = new RegistryClient({ repository: client.repository, send });
  expect(await refusal(await refused.finish(location, one.digest))).toEqual(DENIED);
  expect(others).toBe(1);
  expect(await client.pullBlob(one.digest)).toEqual(one.bytes);
  await recount();
});

test("a refused blob that others hold stays theirs, and comes by another upload when there is room", async () => {
  const [one] = blobs(1, 9 * MEGABYTE) as [Content];
  const base = await holding([one]);
  const namespace = await limited({ bytes: 1 });
  const client = clientOf(`${namespace}/app`);
  const location = await client.append(await client.startUpload(), streamOf(one.bytes));
  expect((await client.finish(location, one.digest)).status).toBe(403);
  expect((await base.head(`blobs/${one.digest}`)).status).toBe(200);
  await limit(namespace, { bytes: null });
  expect((await push(client, one)).status).toBe(201);
  expect(await client.pullBlob(one.digest)).toEqual(one.bytes);
  expect(await base.pullBlob(one.digest)).toEqual(one.bytes);
  expect(await lost()).toEqual([]);
  await recount();
});

test("the number of repositories is refused as clients show it, and where pushes make none it plays no part", async () => {
  const namespace = await limited({ repositories: 1 });
  await clientOf(`${namespace}/a`).pushBlob(blob());
  const response = await push(clientOf(`${namespace}/b`), blob());
  expect(await response.json()).toMatchObject({
    errors: [
      {
        code: "DENIED",
        message: `this would go beyond the quota of ${namespace}: it has 1 of at most 1 repositories; delete and purge what is not needed, or ask an administrator for more`,
      },
    ],
  });
  const send = withSettings({ CREATE_ON_PUSH: "false" });
  const client = new RegistryClient({ repository: `${namespace}/a`, send });
  expect((await push(client, blob())).status).toBe(201);
  await recount();
});

test("a mount that does not fit is refused, and begins no upload", async () => {
  const [one] = blobs(1) as [Content];
  const base = await holding([one]);
  const namespace = await limited({ bytes: 999 });
  const response = await leavesNothing(() =>
    mount(clientOf(`${namespace}/app`), one, base.repository),
  );
  expect(response.headers.get("location")).toBeNull();
  expect(await refusal(response)).toEqual(DENIED);
});

test.each<[string, (client: RegistryClient) => Promise<Response>]>([
  [
    "mount",
    async (client) => {
      const [one] = blobs(1) as [Content];
      return mount(client, one, (await holding([one])).repository);
    },
  ],
  ["manifest", (client) => client.putManifest("v1", imageManifest({ config: blob(0) }))],
])("a %s that is refused ends what an isolate remembers of the room", async (_, refused) => {
  const namespace = await newNamespace();
  const client = clientOf(`${namespace}/app`);
  await client.pushBlob(blob(0));
  const layer = large(2 * MEGABYTE);
  const bring = async () => client.patch(await client.startUpload(), layer.bytes);
  // A request of more than 1 MiB checks the quota first.
  expect((await bring()).status).toBe(202);
  await limit(namespace, { bytes: 10 });
  expect((await bring()).status).toBe(202);
  expect(await refusal(await refused(client))).toEqual(DENIED);
  expect(await refusal(await bring())).toEqual(DENIED);
});

describe("the warning of a quota", () => {
  test("comes once each time that 85 % are reached, of bytes", async () => {
    const namespace = await limited({ bytes: 1_000 });
    const client = clientOf(`${namespace}/app`);
    await client.pushBlob(blob(849));
    expect(await warnings(namespace)).toEqual([]);
    const one = await client.pushBlob(blob(1));
    expect(await warnings(namespace)).toEqual([
      {
        id: expect.stringMatching(/^[0-9a-f]{28}$/),
        time: expect.any(String),
        actor: null,
        subject: null,
        via: "registry",
        action: "quota.warn",
        namespace,
        repository: null,
        reference: namespace,
        digest: null,
        detail: "850 of 1000 bytes, 1 of any number of repositories",
        address: null,
        agent: null,
        requestId: "",
        outcome: "done",
      },
    ]);
    await client.pushBlob(one);
    await client.pushBlob(blob(100));
    expect((await push(client, blob(100))).status).toBe(403);
    expect(await warnings(namespace)).toHaveLength(1);
    await client.request("DELETE", `blobs/${one.digest}`);
    expect(await warnings(namespace)).toHaveLength(1);
    await limit(namespace, { bytes: 1_200 });
    await client.pushBlob(blob(100));
    expect(await warnings(namespace)).toHaveLength(2);
  });

  test("comes once of repositories, and once of both", async () => {
    const namespace = await limited({ bytes: 100, repositories: 4 });
    for (let i = 0; i < 3; i++) await clientOf(`${namespace}/app${i}`).pushBlob(blob(10));
    expect(await warnings(namespace)).toEqual([]);
    await clientOf(`${namespace}/app3`).pushBlob(blob(10));
    await clientOf(`${namespace}/app3`).pushBlob(blob(45));
    await clientOf(`${namespace}/app3`).pushBlob(blob(15));
    const details = (await warnings(namespace)).map((one) => (one as { detail: string }).detail);
    expect(details.toReversed()).toEqual([
      "30 of 100 bytes, 4 of 4 repositories",
      "85 of 100 bytes, 4 of 4 repositories",
    ]);
  });

  test("comes once when many push at once", async () => {
    const namespace = await limited({ bytes: 10_000 });
    await Promise.all(blobs(12).map((one, i) => push(clientOf(`${namespace}/app${i % 2}`), one)));
    expect((await used(namespace)).bytes).toBe(10_000);
    expect(await warnings(namespace)).toHaveLength(1);
  });

  test("does not come without a limit, nor of a push that is refused", async () => {
    const namespace = await limited({ bytes: 100 });
    expect((await push(clientOf(`${namespace}/app`), blob(101))).status).toBe(403);
    await limit(namespace, { bytes: null });
    await clientOf(`${namespace}/app`).pushBlob(blob(101));
    expect(await warnings(namespace)).toEqual([]);
  });
});
