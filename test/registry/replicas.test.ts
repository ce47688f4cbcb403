/**
 * Reads by digest go to the nearest replica first; rows that it does not have, and checks of pushes, go to the primary.
 */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { ADMIN, RegistryClient } from "../support/client.ts";
import { blob, type Content, imageManifest, index, type Manifest } from "../support/images.ts";
import { newNamespace } from "../support/principals.ts";
import { newIsolate, Replica, statusOf } from "./isolates.ts";

const pusher = new RegistryClient();
const { repository } = pusher;
const config = blob(1000);
const layer = blob(1000);
const other: Content = blob(1000);
let image: Manifest;
let next: Manifest;

beforeAll(async () => {
  await Promise.all([config, layer, other].map((one) => pusher.pushBlob(one)));
  image = await pusher.pushManifest(imageManifest({ config, layers: [layer] }), "latest");
  next = await pusher.pushManifest(imageManifest({ config, layers: [other] }));
  await pusher.pushManifest(index([image, next]), "multi");
});

/** Another place: nothing is known at its edge. */
async function far(lag: Replica["lag"], settings: { TAG_READS?: string } = {}) {
  const replica = new Replica();
  replica.lag = lag;
  const TOKEN_KEY = `${crypto.randomUUID()}${crypto.randomUUID()}`;
  const isolate = await newIsolate({ repository }, { DB: replica.DB, TOKEN_KEY, ...settings });
  return { replica, ...isolate };
}

const READS = [
  ["a blob", () => `blobs/${layer.digest}`],
  ["a manifest by digest", () => `manifests/${image.digest}`],
] as const;

describe.each(READS)("GET of %s", (_kind, path) => {
  test("what the replica knows is taken, and the primary is not asked", async () => {
    const { client, replica } = await far("none");
    const reads = await replica.during(() => statusOf(client.get(path())));
    expect(reads).toEqual({ replica: 1, primary: 0 });
  });

  test("what it does not know the primary is asked for", async () => {
    const { client, replica } = await far("empty");
    let status = 0;
    const reads = await replica.during(async () => {
      status = await statusOf(client.get(path()));
    });
    expect(status).toBe(200);
    expect(reads).toEqual({ replica: 1, primary: 1 });
  });

  test("what nobody knows is 404 only when the primary says so", async () => {
    const { client, replica } = await far("none");
    const unknown = path().replace(/:.*/, `:${"0".repeat(64)}`);
    const reads = await replica.during(async () => {
      expect(await statusOf(client.get(unknown))).toBe(404);
      // Nor is that kept.
      expect(await statusOf(client.get(unknown))).toBe(404);
    });
    expect(reads).toEqual({ replica: 2, primary: 2 });
  });

  test("HEAD asks the primary, known or not", async () => {
    const { client, replica } = await far("empty");
    for (const _ of ["unknown", "known"]) {
      const reads = await replica.during(async () => {
        expect(await statusOf(client.head(path()))).toBe(200);
      });
      expect(reads).toEqual({ replica: 0, primary: 1 });
      await statusOf(client.get(path()));
    }
  });
});

test("the family that a replica's answer brings serves the pull", async () => {
  const { client, replica } = await far("none");
  await client.pullManifest(image.digest);
  const reads = await replica.during(async () => {
    expect(await client.pullBlob(layer.digest)).toEqual(layer.bytes);
  });
  expect(reads).toEqual({ replica: 0, primary: 0 });
});

describe("tags", () => {
  test.each(["GET", "HEAD"])("%s, strict: the primary alone, cold and warm", async (method) => {
    const { client, replica } = await far("old");
    for (const _ of ["cold", "warm"]) {
      const reads = await replica.during(() =>
        statusOf(client.request(method, "manifests/latest")),
      );
      expect(reads).toEqual({ replica: 0, primary: 1 });
    }
  });

  test.each(["GET", "HEAD"])("%s, nearest: the replica alone, cold and warm", async (method) => {
    const { client, replica } = await far("none", { TAG_READS: "nearest" });
    for (const _ of ["cold", "warm"]) {
      const reads = await replica.during(async () => {
        expect(await statusOf(client.request(method, "manifests/latest"))).toBe(200);
      });
      expect(reads).toEqual({ replica: 1, primary: 0 });
    }
  });

  test("nearest: what the replica has not heard of comes from the primary", async () => {
    const { client, replica } = await far("empty", { TAG_READS: "nearest" });
    for (const _ of ["cold", "warm"]) {
      const reads = await replica.during(async () => {
        expect(await client.pullManifest("latest")).toEqual(image.bytes);
      });
      expect(reads).toEqual({ replica: 1, primary: 1 });
    }
  });

  test("a tag that was moved: strict sees it at once, nearest when the replica has heard of it", async () => {
    await pusher.pushManifest(image, "moving");
    const strict = await far("old");
    const nearest = await far("old", { TAG_READS: "nearest" });
    for (const { client } of [strict, nearest, strict, nearest]) {
      expect(await client.pullManifest("moving")).toEqual(image.bytes);
    }
    await pusher.pushManifest(next, "moving");
    expect(await strict.client.pullManifest("moving")).toEqual(next.bytes);
    expect(await nearest.client.pullManifest("moving")).toEqual(image.bytes);
    nearest.replica.lag = "none";
    expect(await nearest.client.pullManifest("moving")).toEqual(next.bytes);
  });

  test("nearest: a manifest that was deleted here is gone here, by tag and by digest", async () => {
    const gone = await pusher.pushManifest(imageManifest({ config, fields: { x: 1 } }), "gone");
    const { client } = await far("old", { TAG_READS: "nearest" });
    expect(await client.pullManifest("gone")).toEqual(gone.bytes);
    expect(await client.pullManifest("gone")).toEqual(gone.bytes);
    expect(await statusOf(client.request("DELETE", `manifests/${gone.digest}`))).toBe(202);
    expect(await statusOf(client.get("manifests/gone"))).toBe(404);
    expect(await statusOf(client.get(`manifests/${gone.digest}`))).toBe(404);
  });
});

test("what is pushed here is read here, however far behind the replica is", async () => {
  const { client } = await far("empty");
  const fresh = await client.pushBlob(blob());
  expect(await client.pullBlob(fresh.digest)).toEqual(fresh.bytes);
  const pushed = await client.pushManifest(imageManifest({ config: fresh }), "fresh");
  expect(await client.pullManifest(pushed.digest)).toEqual(pushed.bytes);
  expect(await client.pullManifest("fresh")).toEqual(pushed.bytes);
});

test("where a name has come to mean something else, a replica is not asked: it may not have heard", async () => {
  await env.DB.prepare("INSERT INTO revocations (subject, revoked_at) VALUES (?1, ?2)")
    .bind(`repository:${repository}`, Date.now())
    .run();
  const { client, replica } = await far("old");
  for (const [, path] of READS) {
    const reads = await replica.during(() => statusOf(client.get(path())));
    expect(reads).toEqual({ replica: 0, primary: 1 });
  }
});

/** Another Worker deletes the repository, and somebody creates a public one with its name. */
async function replaced(name: string): Promise<void> {
  const rename = `UPDATE repositories SET name = '~' || id, former_name = name, deleted_at = 1 WHERE name = ?1`;
  await env.DB.prepare(rename).bind(name).run();
  await new RegistryClient({ repository: name }).pushBlob(blob(10));
  await env.DB.prepare(`UPDATE repositories SET visibility = 'public' WHERE name = ?1`)
    .bind(name)
    .run();
}

test("what a replica that lags says of a name's former repository ends within a minute", async () => {
  const former = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const old = await former.pushManifest(imageManifest({ config: await former.pushBlob(blob()) }));
  const path = `manifests/${old.digest}`;
  const replica = new Replica();
  replica.lag = "old";
  const place = async () => {
    const TOKEN_KEY = `${crypto.randomUUID()}${crypto.randomUUID()}`;
    return newIsolate({ repository: former.repository }, { DB: replica.DB, TOKEN_KEY });
  };
  expect(await statusOf((await place()).client.get(path))).toBe(200);
  const { client, counter } = await place();
  await replaced(former.repository);
  const token = await client.as(null).token(`repository:${former.repository}:pull`);
  const anyone = client.as(token);
  // Not heard of yet.
  expect(await statusOf(anyone.get(path))).toBe(200);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
  expect(await statusOf(anyone.get(path))).toBe(404);
  await counter.settled();
  vi.useRealTimers();
});

test("with PUBLIC_PULL, a repository deleted here is gone here for who has no token, though the replica lags", async () => {
  const pushed = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const pushedBlob = await pushed.pushBlob(blob());
  const replica = new Replica();
  replica.lag = "old";
  const TOKEN_KEY = `${crypto.randomUUID()}${crypto.randomUUID()}`;
  const bindings = { DB: replica.DB, TOKEN_KEY, PUBLIC_PULL: "true" };
  const who = { repository: pushed.repository, authorization: null };
  const { client, counter } = await newIsolate(who, bindings);
  const path = `blobs/${pushedBlob.digest}`;
  expect(await statusOf(client.get(path))).toBe(200);
  const gone = client.as(ADMIN).request("DELETE", `/api/v1/repositories/${pushed.repository}`);
  expect(await statusOf(gone)).toBe(204);
  expect(await statusOf(client.get(path))).toBe(404);
  await counter.settled();
  expect(await statusOf(client.get(path))).toBe(404);
});
