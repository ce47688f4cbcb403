/** Bounds that hold without a quota: no push, upload or loop of them uses up the database or the bucket. */
import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, test, vi } from "vitest";
import type { RepositoryName } from "../../src/oci/reference.ts";
import { Room } from "../../src/registry/room.ts";
import { QuotaStore } from "../../src/quota/store.ts";
import { UnfinishedUploads } from "../../src/db/unfinished-uploads.ts";
import { recorded } from "../support/plans.ts";
import { handle } from "../production/request.ts";
import type { Env } from "../../src/settings.ts";
import { intercept } from "../support/wrapped-env.ts";
import { ignore, refusal, RegistryClient, streamOf, withSettings } from "../support/client.ts";
import { Counter } from "../support/counting.ts";
import { blob, type Content, content, describe, imageManifest } from "../support/images.ts";
import { done } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";
import { recount } from "../support/usage.ts";

const DENIED = { status: 403, code: "DENIED" };
const INVALID = { status: 400, code: "MANIFEST_INVALID" };
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";

function foreign(count: number) {
  const layers = Array.from({ length: count }, () => ({
    ...describe(blob(16), LAYER),
    urls: ["https://example.com/layer"],
  }));
  return { layers };
}

async function usedBy(namespace: string): Promise<number> {
  const { bytes } = await done<{ bytes: { used: number } }>(
    "GET",
    `/namespaces/${namespace}/quota`,
  );
  return bytes.used;
}

async function push(repository = "", { digest, bytes } = blob()): Promise<Response> {
  const client = new RegistryClient({ repository });
  return client.finish(await client.startUpload(), digest, bytes);
}

async function limited(bytes: number): Promise<string> {
  const namespace = await newNamespace();
  await done("PUT", `/namespaces/${namespace}/quota`, { bytes });
  return namespace;
}

test("a manifest names so many things at most that are not there", async () => {
  const send = withSettings({ MAX_OPTIONAL_REFERENCES: "10" });
  const client = new RegistryClient({ send });
  const config = await client.pushBlob(blob());
  const image = (count: number) => imageManifest({ config, fields: foreign(count) });
  expect((await client.putManifest("v1", image(10))).status).toBe(201);
  for (const count of [11, 100]) {
    expect(await refusal(await client.putManifest("v2", image(count)))).toEqual(INVALID);
  }
  expect(await client.listTags()).toEqual(["v1"]);
});

test("without any setting a manifest names 500 things that are not there", async () => {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const put = (count: number) =>
    client.putManifest("v1", imageManifest({ config, fields: foreign(count) }));
  expect((await put(500)).status).toBe(201);
  expect(await refusal(await put(501))).toEqual(INVALID);
});

test("many references are written so many at a time, and nothing is in sight before the last", async () => {
  const { db, statements } = recorded();
  let batches = 0;
  const seen: number[] = [];
  const plain = new RegistryClient();
  const DB: D1Database = new Proxy(db, {
    get(target, name) {
      const session = name === "withSession" ? () => DB : undefined;
      if (session !== undefined) return session;
      if (name !== "batch") return Reflect.get(target, name) as unknown;
      return async (batch: D1PreparedStatement[]) => {
        batches++;
        seen.push((await plain.request("GET", "manifests/v1")).status);
        return env.DB.batch(batch);
      };
    },
  });
  const settings = { MAX_OPTIONAL_REFERENCES: "10000" };
  const changed = { ...env, ...settings, DB } as Env;
  const client = new RegistryClient({
    repository: plain.repository,
    send: (request) => handle(request, changed, ignore),
  });
  const config = await plain.pushBlob(blob());
  const image = imageManifest({ config, fields: foreign(2_400) });
  for (const _ of ["first", "again"]) {
    batches = 0;
    expect((await client.putManifest("v1", image)).status).toBe(201);
    // The repository gets three times a thousand references, then the manifest with its tag.
    expect(batches).toBe(5);
  }
  expect(seen.slice(0, 5)).toEqual([404, 404, 404, 404, 404]);
  expect(statements.size).toBeGreaterThan(0);
  expect((await plain.request("DELETE", `manifests/${image.digest}`)).status).toBe(202);
  expect((await client.putManifest("v2", image)).status).toBe(201);
  const { count } = (await env.DB.prepare(
    `SELECT count(*) AS count FROM manifest_references WHERE manifest_id = (SELECT id FROM manifests WHERE digest = ?1)`,
  )
    .bind(image.digest)
    .first<{ count: number }>()) ?? { count: 0 };
  expect(count).toBe(2_401);
  await recount();
});

test("a push of many references that breaks off leaves nothing in sight, and comes to its end when it is repeated", async () => {
  const settings = { MAX_OPTIONAL_REFERENCES: "10000" };
  const plain = new RegistryClient({ send: withSettings(settings) });
  const config = await plain.pushBlob(blob());
  const image = imageManifest({ config, fields: foreign(1_500) });
  for (let failing = 1; failing <= 4; failing++) {
    let left = failing;
    const DB: D1Database = new Proxy(env.DB, {
      get(target, name) {
        if (name === "withSession") return () => DB;
        if (name === "batch") {
          return (batch: D1PreparedStatement[]) => {
            if (--left === 0) throw new Error("D1_ERROR: the network connection was lost");
            return target.batch(batch);
          };
        }
        return (sql: string) => target.prepare(sql);
      },
    });
    const broken = { ...env, ...settings, DB } as Env;
    const send = (request: Request) => handle(request, broken, ignore);
    const client = new RegistryClient({ repository: plain.repository, send });
    expect((await client.putManifest("v1", image)).status).toBeGreaterThanOrEqual(500);
    expect((await plain.request("GET", `manifests/${image.digest}`)).status).toBe(404);
    const deleted = await done<{ items: object[] }>(
      "GET",
      `/repositories/${plain.repository}/-/deleted`,
    );
    expect(deleted.items).toEqual([]);
  }
  await recount();
  await done("POST", "/gc", {});
  expect((await plain.putManifest("v1", image)).status).toBe(201);
  await recount();
});

test("a large push that broke off and is repeated: the manifest's object is kept, and counts once", async () => {
  const settings = { MAX_OPTIONAL_REFERENCES: "10000" };
  const namespace = await newNamespace();
  const repository = `${namespace}/app`;
  const plain = new RegistryClient({ repository, send: withSettings(settings) });
  const config = await plain.pushBlob(blob());
  const image = imageManifest({ config, fields: foreign(2_400) });
  let batches = 0;
  const DB = intercept(env.DB, (name, call) => (...parameters) => {
    // The first takes over blobs, the second writes the row.
    if (name === "batch" && ++batches === 3) throw new Error("D1_ERROR: Network connection lost.");
    return call(...parameters);
  });
  const broken = { ...env, ...settings, DB: withoutSessions(DB) } as Env;
  const send = (request: Request) => handle(request, broken, ignore);
  const put = new RegistryClient({ repository, send }).putManifest("v1", image);
  expect((await put).status).toBeGreaterThanOrEqual(500);
  expect(batches).toBe(3);
  expect((await plain.putManifest("v1", image)).status).toBe(201);
  const { results } = await env.DB.prepare(
    `SELECT m.object, d.key AS scheduled FROM manifests m LEFT JOIN object_deletions d ON d.key = m.object WHERE m.digest = ?1`,
  )
    .bind(image.digest)
    .all();
  expect(results).toEqual([{ object: expect.any(String), scheduled: null }]);
  // With the object that the second push wrote, which the next garbage collection deletes.
  const cost = image.bytes.length + 512 * (1 + 2_401 + 1);
  expect(await usedBy(namespace)).toBe(config.bytes.length + cost + image.bytes.length);
  await recount();
});

test("an unfinished upload counts once it has stood for a while, and one that does not fit is given up", async () => {
  const namespace = await limited(1_000);
  const client = new RegistryClient({ repository: `${namespace}/app` });
  const [one, two] = [blob(600), blob(600)];
  const first = await client.append(await client.startUpload(), one.bytes);
  const second = await client.append(await client.startUpload(), two.bytes);
  expect(await usedBy(namespace)).toBe(0);
  await wakeUp(first);
  expect(await usedBy(namespace)).toBe(600);
  await wakeUp(second);
  expect(await usedBy(namespace)).toBe(600);
  expect(await refusal(await client.finish(second, two.digest))).toEqual({
    status: 404,
    code: "BLOB_UPLOAD_UNKNOWN",
  });
  await recount();
  // The upload's bytes count for the blob now.
  expect((await client.finish(first, one.digest)).status).toBe(201);
  expect(await usedBy(namespace)).toBe(600);
  await recount();
  await wakeUp(first);
  expect(await usedBy(namespace)).toBe(600);
  await recount();
});

test("an upload that is counted while its finish is under way is taken: its bytes count once", async () => {
  const namespace = await limited(1_000);
  const client = new RegistryClient({ repository: `${namespace}/app` });
  const one = blob(600);
  const location = await client.append(await client.startUpload(), one.bytes);
  let isCounted = false;
  const DB = intercept(env.DB, (name, call) => (...parameters) => {
    if (name !== "batch" || isCounted) return call(...parameters);
    isCounted = true;
    return wakeUp(location).then(() => call(...parameters));
  });
  const send = (request: Request) => handle(request, { ...env, DB }, ignore);
  const slow = new RegistryClient({ repository: client.repository, send });
  expect((await slow.finish(location, one.digest)).status).toBe(201);
  expect(isCounted).toBe(true);
  expect(await usedBy(namespace)).toBe(600);
  expect(await client.pullBlob(one.digest)).toEqual(one.bytes);
  await recount();
  await wakeUp(location);
  await recount();
});

test("in a full namespace an unfinished upload that may be a blob it holds goes on; a larger one is given up", async () => {
  const namespace = await limited(1_000);
  const client = new RegistryClient({ repository: `${namespace}/app` });
  const held = await client.pushBlob(blob(1_000));
  const again = await client.append(await client.startUpload(), held.bytes);
  const larger = await client.append(await client.startUpload(), streamOf(blob(1_001).bytes));
  await wakeUp(again);
  await wakeUp(larger);
  expect((await client.get(larger)).status).toBe(404);
  expect((await client.finish(again, held.digest)).status).toBe(201);
  expect(await usedBy(namespace)).toBe(1_000);
  await recount();
});

test("what is known of a namespace's room is not made newer by what goes through", async () => {
  const namespace = await limited(10_000_000);
  const repository = `${namespace}/app` as RepositoryName;
  const room = new Room(new QuotaStore(env.DB));
  const announced = { length: 2_000_000, digest: null };
  const now = Date.now();
  vi.useFakeTimers({ toFake: ["Date"], now });
  try {
    await room.require(repository, announced);
    await env.DB.prepare(`UPDATE quotas SET bytes = 1 WHERE namespace = ?1`).bind(namespace).run();
    vi.setSystemTime(now + 4 * 60_000);
    await room.require(repository, announced);
    vi.setSystemTime(now + 6 * 60_000);
    await expect(room.require(repository, announced)).rejects.toMatchObject({
      code: "DENIED",
    });
  } finally {
    vi.useRealTimers();
  }
});

test("what the index has refused once is refused before its bytes from then on", async () => {
  const namespace = await limited(10_000_000);
  const counter = new Counter();
  const client = new RegistryClient({ repository: `${namespace}/app`, send: counter.send });
  const put = async (one: Content) =>
    client.finish(await client.startUpload(), one.digest, one.bytes);
  expect((await put(content(new Uint8Array(1_100_000)))).status).toBe(201);
  await env.DB.prepare(`UPDATE quotas SET bytes = 2000000 WHERE namespace = ?1`)
    .bind(namespace)
    .run();
  const large = content(new Uint8Array(1_200_000));
  expect(await refusal(await put(large))).toEqual(DENIED);
  const calls = await counter.during(async () => {
    expect(await refusal(await put(large))).toEqual(DENIED);
  });
  expect(calls).toMatchObject({ r2: 0, durableObject: 0 });
});

test("an unfinished upload that is given up counts no longer", async () => {
  const namespace = await newNamespace();
  const client = new RegistryClient({ repository: `${namespace}/app` });
  const location = await client.append(await client.startUpload(), blob(600).bytes);
  await wakeUp(location);
  await client.append(location, blob(100).bytes);
  await wakeUp(location);
  expect(await usedBy(namespace)).toBe(700);
  const path = location.replace(`/v2/${client.repository}/`, "");
  expect((await client.request("DELETE", path)).status).toBe(204);
  await wakeUp(location);
  expect(await usedBy(namespace)).toBe(0);
  await recount();
});

test("an actor has so many unfinished uploads at most", async () => {
  const uploads = new UnfinishedUploads(env.DB);
  const namespace = await newNamespace();
  const upload = (name: string, bytes = 1) => ({ name, namespace, actor: "eve", bytes });
  const counted = [];
  for (const name of ["a", "b", "c"]) counted.push(await uploads.count(upload(name), 2));
  expect(counted).toEqual([true, true, false]);
  expect(await uploads.count(upload("a", 5), 2)).toBe(true);
  await uploads.forget("b");
  expect(await uploads.count(upload("c"), 2)).toBe(true);
  expect(await usedBy(namespace)).toBe(6);
  await recount();
});

test("what cannot fit is refused before its bytes: nothing is begun, and held blobs cost nothing", async () => {
  const namespace = await limited(3_000_000);
  const counter = new Counter();
  const client = new RegistryClient({ repository: `${namespace}/app`, send: counter.send });
  const held = content(new Uint8Array(2_000_000));
  expect((await client.finish(await client.startUpload(), held.digest, held.bytes)).status).toBe(
    201,
  );
  const large = content(new Uint8Array(2_000_001));
  const requests = [
    async () => client.finish(await client.startUpload(), large.digest, large.bytes),
    async () => client.patch(await client.startUpload(), large.bytes),
    () => client.request("POST", `blobs/uploads/?digest=${large.digest}`, { body: large.bytes }),
  ];
  for (const request of requests) {
    const calls = await counter.during(async () => {
      expect(await refusal(await request())).toEqual(DENIED);
    });
    expect(calls).toMatchObject({ r2: 0, durableObject: 0 });
  }
  // The same blob is sent again, in both ways.
  expect((await client.finish(await client.startUpload(), held.digest, held.bytes)).status).toBe(
    201,
  );
  expect((await client.patch(await client.startUpload(), held.bytes)).status).toBe(202);
});

test("a namespace has so many repositories, those included that were deleted and not collected", async () => {
  const namespace = await newNamespace();
  await env.DB.prepare(`UPDATE bounds SET max_repositories = 3`).run();
  try {
    const names = [1, 2, 3, 4].map((i) => `${namespace}/app${i}`);
    const statuses = [];
    for (const name of names) statuses.push((await push(name)).status);
    expect(statuses).toEqual([201, 201, 201, 403]);
    await done("DELETE", `/repositories/${names[0] ?? ""}`);
    const refused = await push(names[3]);
    expect(await refused.clone().text()).toContain("MAX_REPOSITORIES");
    expect(await refusal(refused)).toEqual(DENIED);
  } finally {
    await env.DB.prepare(`UPDATE bounds SET max_repositories = 10000`).run();
  }
  await recount();
});

test("a default quota holds for namespaces without one of their own", async () => {
  const [plain, own] = [await newNamespace(), await limited(10_000)];
  await env.DB.prepare(`UPDATE bounds SET quota_bytes = 100`).run();
  try {
    const statuses = [];
    for (const namespace of [plain, own]) {
      statuses.push((await push(`${namespace}/app`, blob(101))).status);
    }
    expect(statuses).toEqual([403, 201]);
  } finally {
    await env.DB.prepare(`UPDATE bounds SET quota_bytes = NULL`).run();
  }
});

test("one account's pushes are paced, and nobody else's", async () => {
  const namespace = await newNamespace();
  const [busy, other] = [
    await newUser({ [`${namespace}/*`]: "writer" }),
    await newUser({ [`${namespace}/*`]: "writer" }),
  ];
  // Another limiter of the same kind, which is sooner used up.
  const changed = { ...env, PUSH_LIMIT: env.TOKEN_LIMIT } as Env;
  const send = (request: Request) => handle(request, changed, ignore);
  while ((await changed.PUSH_LIMIT.limit({ key: busy.name })).success);
  const clientOf = (authorization: string) =>
    new RegistryClient({ repository: `${namespace}/app`, authorization, send });
  const { digest, bytes } = blob();
  const path = `blobs/uploads/?digest=${digest}`;
  const refused = await clientOf(busy.authorization).request("POST", path, { body: bytes });
  expect(refused.headers.get("retry-after")).toBe("60");
  expect(await refusal(refused)).toEqual({ status: 429, code: "TOOMANYREQUESTS" });
  const taken = await clientOf(other.authorization).request("POST", path, { body: bytes });
  expect(taken.status).toBe(201);
});

/** The database, whose sessions are itself. */
function withoutSessions(db: D1Database): D1Database {
  return intercept(db, (name, call) => (name === "withSession" ? () => db : call));
}

/** Runs the alarm of the upload's session. */
async function wakeUp(location: string): Promise<void> {
  const [name = ""] = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(location) ?? [];
  expect(await runDurableObjectAlarm(env.SESSIONS.getByName(name))).toBe(true);
}
