/**
 * Two requests at the same time, in every order of their calls: no promise is broken, and of two that exclude each
 * other only one succeeds.
 */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import type { Env } from "../../src/settings.ts";
import { Bucket } from "../../src/db/bucket.ts";
import { GcStore } from "../../src/gc/store.ts";
import { GarbageCollector } from "../../src/gc/job.ts";
import { ignore, RegistryClient } from "../support/client.ts";
import { blob, imageManifest, index, uniqueRepository } from "../support/images.ts";
import { interleavings, type Work } from "../support/interleaving.ts";

const GRACE = 60_000;
/** Statements that are not part of the race: other work of garbage collection, and a push's check of its rights. */
const APART =
  /tag_history_by_time|deleted_manifests_by_time|deleted_repositories_by_time|revocations/;
/** Makes unreferenced blobs old enough for garbage collection. */
const AGED = `UPDATE unreferenced_blobs SET since = 0`;

function collect(environment: Env) {
  const due = new GcStore(environment.DB);
  return new GarbageCollector(due, new Bucket(environment.BLOBS), {
    grace: GRACE,
    trash: GRACE,
  }).run();
}

/** Runs one client's work, through the Worker. */
function client<T>(repository: string, work: (client: RegistryClient) => Promise<T>): Work<T> {
  return (environment) =>
    work(
      new RegistryClient({
        repository,
        send: (request) => handle(request, environment, ignore),
      }),
    );
}

async function status(response: Promise<Response>): Promise<number> {
  const { status: code, body } = await response;
  await body?.cancel();
  return code;
}

async function image(registry: RegistryClient) {
  const [config, layer] = await Promise.all([registry.pushBlob(blob()), registry.pushBlob(blob())]);
  return { config, layer, manifest: imageManifest({ config, layers: [layer] }) };
}

async function expectWhole(
  registry: RegistryClient,
  { config, layer, manifest }: Awaited<ReturnType<typeof image>>,
) {
  expect(await registry.pullManifest(manifest.digest)).toEqual(manifest.bytes);
  expect(await registry.pullBlob(config.digest)).toEqual(config.bytes);
  expect(await registry.pullBlob(layer.digest)).toEqual(layer.bytes);
}

test("a tag is deleted while the same manifest is pushed to it", async () => {
  let registry = new RegistryClient();
  let pushed = await image(registry);
  const outcomes = interleavings(async () => {
    registry = new RegistryClient();
    pushed = await image(registry);
    await registry.pushManifest(pushed.manifest, "v1");
    const { repository } = registry;
    return {
      a: client(repository, (one) => status(one.request("DELETE", "manifests/v1"))),
      b: client(repository, (one) => status(one.putManifest("v1", pushed.manifest))),
    };
  }, APART);
  for await (const { order, a, b } of outcomes) {
    expect({ order, a, b }).toEqual({ order, a: 202, b: 201 });
    await expectWhole(registry, pushed);
    // The last one decides.
    const found = await status(registry.head("manifests/v1"));
    expect(found, order).toBe(order.lastIndexOf("a") > order.lastIndexOf("b") ? 404 : 200);
  }
});

test("a manifest is deleted while it is pushed again", async () => {
  let registry = new RegistryClient();
  let pushed = await image(registry);
  const outcomes = interleavings(async () => {
    registry = new RegistryClient();
    pushed = await image(registry);
    await registry.pushManifest(pushed.manifest, "v1");
    const { repository } = registry;
    return {
      a: client(repository, (one) =>
        status(one.request("DELETE", `manifests/${pushed.manifest.digest}`)),
      ),
      b: client(repository, (one) => status(one.putManifest("v2", pushed.manifest))),
    };
  }, APART);
  for await (const { order, a, b } of outcomes) {
    expect({ order, a, b }).toEqual({ order, a: 202, b: 201 });
    const tags = await registry.listTags();
    const found = await status(registry.head(`manifests/${pushed.manifest.digest}`));
    expect({ tags, found }, order).toEqual(
      order.lastIndexOf("a") > order.lastIndexOf("b")
        ? { tags: [], found: 404 }
        : { tags: ["v2"], found: 200 },
    );
    if (found === 200) await expectWhole(registry, pushed);
  }
});

test("a blob is mounted from a repository that is about to lose it", async () => {
  let target = new RegistryClient();
  let layer = blob();
  const outcomes = interleavings(async () => {
    const source = new RegistryClient();
    target = source.in(uniqueRepository());
    await target.pushBlob(blob());
    layer = await source.pushBlob(blob());
    await env.DB.prepare(AGED).run();
    const query = `?mount=${layer.digest}&from=${source.repository}`;
    return {
      a: collect,
      b: client(target.repository, (one) => status(one.request("POST", `blobs/uploads/${query}`))),
    };
  }, APART);
  const seen = new Set<number>();
  for await (const { order, b } of outcomes) {
    seen.add(b);
    if (b === 201) expect(await target.pullBlob(layer.digest), order).toEqual(layer.bytes);
    else expect(b, order).toBe(202);
  }
  expect(seen).toEqual(new Set([201, 202]));
});

test("a client is told of a blob that is about to go, and names it in a manifest", async () => {
  let registry = new RegistryClient();
  let pushed = await image(registry);
  const outcomes = interleavings(async () => {
    registry = new RegistryClient();
    pushed = await image(registry);
    await env.DB.prepare(AGED).run();
    const { config, layer, manifest } = pushed;
    return {
      a: collect,
      b: client(registry.repository, async (one) => {
        const found = [
          await status(one.head(`blobs/${config.digest}`)),
          await status(one.head(`blobs/${layer.digest}`)),
        ];
        return { found, put: await status(one.putManifest("v1", manifest)) };
      }),
    };
  }, APART);
  const seen = new Set<number>();
  for await (const { order, b } of outcomes) {
    const isThere = b.found.every((code) => code === 200);
    seen.add(b.put);
    expect({ order, ...b }).toEqual({ order, found: b.found, put: isThere ? 201 : 400 });
    if (isThere) await expectWhole(registry, pushed);
  }
  expect(seen).toEqual(new Set([201, 400]));
});

test("a blob is uploaded again while it goes", async () => {
  let registry = new RegistryClient();
  let layer = blob();
  const outcomes = interleavings(async () => {
    registry = new RegistryClient();
    layer = await registry.pushBlob(blob());
    const location = await registry.startUpload();
    await env.DB.prepare(AGED).run();
    return {
      a: collect,
      b: client(registry.repository, (one) =>
        status(one.finish(location, layer.digest, layer.bytes)),
      ),
    };
  }, APART);
  for await (const { order, b } of outcomes) {
    expect({ order, b }).toEqual({ order, b: 201 });
    expect(await registry.pullBlob(layer.digest), order).toEqual(layer.bytes);
    await collect(env);
    expect(await registry.pullBlob(layer.digest), order).toEqual(layer.bytes);
  }
});

test("an index is pushed while its child is deleted", async () => {
  let registry = new RegistryClient();
  let pushed = await image(registry);
  let list = index([]);
  const outcomes = interleavings(async () => {
    registry = new RegistryClient();
    pushed = await image(registry);
    const { manifest } = pushed;
    await registry.pushManifest(manifest);
    list = index([manifest]);
    return {
      a: client(registry.repository, (one) =>
        status(one.request("DELETE", `manifests/${manifest.digest}`)),
      ),
      b: client(registry.repository, (one) => status(one.putManifest("v1", list))),
    };
  }, APART);
  const seen = new Set<string>();
  for await (const { order, a, b } of outcomes) {
    seen.add(`${a} ${b}`);
    if (b !== 201) continue;
    expect(await registry.pullManifest("v1"), order).toEqual(list.bytes);
    await expectWhole(registry, pushed);
  }
  expect(seen).toEqual(new Set(["202 400", "405 201"]));
});
