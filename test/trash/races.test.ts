/** Restoring and purging, concurrent with other requests: every order of their calls has one consistent result. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Env } from "../../src/settings.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { RegistryError } from "../../src/oci/errors.ts";
import type { RepositoryName, Tag } from "../../src/oci/reference.ts";
import type { Initiator } from "../../src/db/audit.ts";
import { DeleteStore } from "../../src/trash/delete-store.ts";
import { ManifestStore } from "../../src/db/manifests.ts";
import { PurgeStore } from "../../src/trash/purge-store.ts";
import { RepositoryStore } from "../../src/db/repositories.ts";
import { TagStore } from "../../src/db/tags.ts";
import { RestoreStore } from "../../src/trash/store.ts";
import { DAY, digestOf, isWhole, newClient, push, remove } from "../support/deletion.ts";
import { imageManifest, index } from "../support/images.ts";
import { interleavings, type Work } from "../support/interleaving.ts";
import { all, entries } from "../support/lists.ts";
import { done } from "../support/management.ts";
import type { RegistryClient } from "../support/client.ts";

const INITIATOR: Initiator = {
  actor: "a",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "r",
};
const V1 = "v1" as Tag;

/** Returns the work's result, or the code of its refusal. */
function tried<T>(work: (env: Env) => Promise<T>): Work<T | string> {
  return async (bindings) => {
    try {
      return await work(bindings);
    } catch (error) {
      if (error instanceof RegistryError) return error.reason;
      throw error;
    }
  };
}

function restoring(client: RegistryClient, tag = V1) {
  const name = client.repository as RepositoryName;
  return tried(({ DB }) => new RestoreStore(DB, DAY).restoreTag(name, tag, null, INITIATOR));
}

function restoringManifest(client: RegistryClient, digest: string) {
  const name = client.repository as RepositoryName;
  return tried(({ DB }) =>
    new RestoreStore(DB, DAY).restoreManifest(name, digest as Digest, INITIATOR),
  );
}

function purging(client: RegistryClient, digest: string) {
  const name = client.repository as RepositoryName;
  return tried(({ DB }) => new PurgeStore(DB).manifest(name, digest as Digest, INITIATOR));
}

function deleting(client: RegistryClient, digest: string) {
  const name = client.repository as RepositoryName;
  return tried(({ DB }) => new ManifestStore(DB, "make").delete(name, digest as Digest, INITIATOR));
}

async function actions(client: RegistryClient, verb: string): Promise<number> {
  const found = await entries(client.repository);
  return found.filter(({ action }) => String(action).endsWith(verb)).length;
}

test.each(["tag", "manifest"])("two restore a tag whose %s was deleted: once", async (what) => {
  let client = await newClient();
  let digest = "";
  const outcomes = interleavings(async () => {
    client = await newClient();
    const { manifest } = await push(client, "v1");
    digest = manifest.digest;
    await remove(client, what === "tag" ? "v1" : digest);
    return { a: restoring(client), b: restoring(client) };
  });
  for await (const { order, a, b } of outcomes) {
    const restored = [a, b].filter((one) => typeof one === "object" && one.tags.length === 1);
    expect([a, b], order).toMatchObject([{ digest }, { digest }]);
    expect(restored, order).toHaveLength(1);
    expect(await digestOf(client, "v1"), order).toBe(digest);
    expect(await actions(client, ".restore"), order).toBe(1);
  }
});

test("two restore the same manifest: it and its tags come back once", async () => {
  let client = await newClient();
  let digest = "";
  const outcomes = interleavings(async () => {
    client = await newClient();
    digest = (await push(client, "v1")).manifest.digest;
    await remove(client, digest);
    return { a: restoringManifest(client, digest), b: restoringManifest(client, digest) };
  });
  for await (const { order, a, b } of outcomes) {
    expect([a, b], order).toMatchObject([{ digest }, { digest }]);
    const tags = [a, b].flatMap((one) => (typeof one === "object" ? one.tags : []));
    expect(tags, order).toEqual(["v1"]);
    expect(await actions(client, ".restore"), order).toBe(1);
  }
});

test("a tag that is deleted again while a manifest is restored does not come back by that", async () => {
  let client = await newClient();
  const outcomes = interleavings(async () => {
    client = await newClient();
    const { digest } = (await push(client, "v1")).manifest;
    await remove(client, digest);
    const name = client.repository as RepositoryName;
    const undoneAndDeleted = tried(async ({ DB }) => {
      await new RestoreStore(DB, DAY).restoreTag(name, V1, null, INITIATOR);
      return new TagStore(DB).delete(name, V1, INITIATOR);
    });
    return { a: restoringManifest(client, digest), b: undoneAndDeleted };
  });
  for await (const { order, b } of outcomes) {
    expect(b, order).toBe(true);
    expect(await digestOf(client, "v1"), order).toBeNull();
  }
});

test("restore against a push of another digest: the last one wins, and what it replaced is remembered", async () => {
  let client = await newClient();
  let pushed = "";
  let past = "";
  const outcomes = interleavings(async () => {
    client = await newClient();
    const { manifest, config } = await push(client, "v1");
    past = manifest.digest;
    await remove(client, past);
    const other = imageManifest({ config });
    pushed = other.digest;
    const name = client.repository as RepositoryName;
    const put = tried(({ DB }) =>
      new ManifestStore(DB, "make").put(
        name,
        {
          digest: pushed as Digest,
          mediaType: other.mediaType,
          size: other.bytes.length,
          content: new TextDecoder().decode(other.bytes),
          object: null,
          subject: null,
          artifactType: "",
          purpose: { kind: "image" as const, evidence: 0 },
          references: [{ digest: config.digest as Digest, kind: "blob", platform: null }],
          adopt: [],
          tags: [V1],
          imageAnnotations: null,
        },
        INITIATOR,
      ),
    );
    return { a: restoring(client), b: put };
  });
  const ends = new Set<string>();
  for await (const { order, a, b } of outcomes) {
    expect(a, order).toMatchObject({ digest: past });
    expect(b, order).toBe(true);
    const now = await digestOf(client, "v1");
    const history = await all(`/repositories/${client.repository}/-/history?tag=v1`);
    const digest = now === pushed ? past : pushed;
    expect(history, order).toContainEqual(expect.objectContaining({ digest, successor: now }));
    ends.add(now === pushed ? "pushed" : "restored");
  }
  expect(ends).toEqual(new Set(["pushed", "restored"]));
});

test("restore against delete: the manifest is there with its tag, or neither", async () => {
  let client = await newClient();
  let digest = "";
  const outcomes = interleavings(async () => {
    client = await newClient();
    const image = await push(client, "v1");
    digest = image.manifest.digest;
    await remove(client, "v1");
    return { a: restoring(client), b: deleting(client, digest) };
  });
  const ends = new Set<boolean>();
  for await (const { order, a, b } of outcomes) {
    expect(a, order).toMatchObject({ digest, tags: ["v1"] });
    expect(b, order).toBe(true);
    const tag = await digestOf(client, "v1");
    expect(tag, order).toBe(await digestOf(client, digest));
    ends.add(tag === null);
  }
  expect(ends.size).toBe(2);
});

test("restore against purge: all is there, or nothing", async () => {
  let client = await newClient();
  let image = await push(client, "v1");
  const outcomes = interleavings(async () => {
    client = await newClient();
    image = await push(client, "v1");
    await remove(client, image.manifest.digest);
    const { digest } = image.manifest;
    return { a: restoringManifest(client, digest), b: purging(client, digest) };
  });
  for await (const { order, a, b } of outcomes) {
    const { digest } = image.manifest;
    expect(b, order).toMatchObject({ blobs: 2 });
    if (typeof a === "string") expect(a, order).toBe("NOT_FOUND");
    // Restored or not, the purge came later, or the restoration found nothing.
    expect(await digestOf(client, digest), order).toBeNull();
    expect(await digestOf(client, "v1"), order).toBeNull();
    expect((await client.get(`blobs/${image.layer.digest}`)).status, order).toBe(404);
  }
});

test("a tag is restored against its purge: it does not stay", async () => {
  let client = await newClient();
  const outcomes = interleavings(async () => {
    client = await newClient();
    const name = client.repository as RepositoryName;
    await push(client, "v1");
    await remove(client, "v1");
    return {
      a: restoring(client),
      b: tried(({ DB }) => new PurgeStore(DB).tag(name, V1, INITIATOR)),
    };
  });
  const ends = new Set<number>();
  for await (const { order, a, b } of outcomes) {
    if (typeof a === "string") expect(a, order).toBe("NOT_FOUND");
    const tags = typeof a === "string" ? [] : ["v1"];
    expect(b, order).toMatchObject({ tags });
    expect(await digestOf(client, "v1"), order).toBeNull();
    expect(await actions(client, ".restore"), order).toBe(tags.length);
    ends.add(tags.length);
  }
  expect(ends.size).toBe(2);
});

test("a tag is restored against the deletion of its repository: nothing is done to one that is gone", async () => {
  let client = await newClient();
  const outcomes = interleavings(async () => {
    client = await newClient();
    const name = client.repository as RepositoryName;
    await push(client, "v1");
    await remove(client, "v1");
    return {
      a: restoring(client),
      b: tried(({ DB }) => new RepositoryStore(DB).delete(name, null, INITIATOR)),
    };
  });
  for await (const { order, a, b } of outcomes) {
    const isLate = order.lastIndexOf("a") > order.lastIndexOf("b");
    expect(a, order).toEqual(isLate ? "NAME_UNKNOWN" : expect.objectContaining({ tags: ["v1"] }));
    expect(b, order).toBe(true);
    await done("POST", `/repositories/${client.repository}/-/restore`, { repository: "newest" });
    expect((await digestOf(client, "v1")) === null, order).toBe(isLate);
  }
});

test("an index is restored against the purge of its child: never without it", async () => {
  let client = await newClient();
  let image = await push(client, "v1");
  let list = image.manifest;
  const outcomes = interleavings(async () => {
    client = await newClient();
    image = await push(client);
    list = await client.pushManifest(index([image.manifest]), "v1");
    await remove(client, list.digest);
    await remove(client, image.manifest.digest);
    return {
      a: restoringManifest(client, list.digest),
      b: purging(client, image.manifest.digest),
    };
  });
  for await (const { order, a, b } of outcomes) {
    expect(a, order).toMatchObject({ digest: list.digest });
    expect(b, order).toBe("REFERENCED");
    await isWhole(client, image);
    expect(await digestOf(client, "v1"), order).toBe(list.digest);
  }
});

test("a repository is restored against one that is made anew: one of them is there, and the other is not lost", async () => {
  let client = await newClient();
  const outcomes = interleavings(async () => {
    client = await newClient();
    const name = client.repository as RepositoryName;
    await push(client, "v1");
    await done("DELETE", `/repositories/${name}`);
    return {
      a: tried(async ({ DB }) => {
        await new DeleteStore(DB, DAY).restore(name, "newest", INITIATOR);
        return "restored";
      }),
      b: tried(async ({ DB }) => {
        await new RepositoryStore(DB).create(name, {}, "keep", INITIATOR);
        return "made";
      }),
    };
  });
  for await (const { order, a, b } of outcomes) {
    expect([
      ["restored", "CONFLICT"],
      ["CONFLICT", "made"],
    ]).toContainEqual([a, b]);
    const { tags } = await done<{ tags: number }>("GET", `/repositories/${client.repository}`);
    expect(tags, order).toBe(a === "restored" ? 1 : 0);
    const namespace = client.repository.split("/")[0];
    const rest = await all(`/deleted-repositories?namespace=${namespace}`);
    expect(rest, order).toHaveLength(a === "restored" ? 0 : 1);
  }
});

test("a repository is restored against its purge: what is purged never comes back later", async () => {
  let client = await newClient();
  const outcomes = interleavings(async () => {
    client = await newClient();
    const name = client.repository as RepositoryName;
    await push(client, "v1");
    await done("DELETE", `/repositories/${name}`);
    return {
      a: tried(({ DB }) => new DeleteStore(DB, DAY).restore(name, "newest", INITIATOR)),
      b: tried(({ DB }) => new DeleteStore(DB, DAY).purge(name, "newest", INITIATOR)),
    };
  });
  for await (const { order, a, b } of outcomes) {
    expect([
      [undefined, "NOT_FOUND"],
      ["NOT_FOUND", undefined],
    ]).toContainEqual([a, b]);
    const { status } = await client.get("manifests/v1");
    expect(status, order).toBe(a === undefined ? 200 : 404);
  }
});

test("two restores over HTTP at once: one event", async () => {
  const client = await newClient();
  const { manifest } = await push(client, "v1");
  await remove(client, manifest.digest);
  const path = `/repositories/${client.repository}/-/restore`;
  await Promise.all([1, 2, 3].map(() => done("POST", path, { tag: "v1" })));
  expect(await digestOf(client, "v1")).toBe(manifest.digest);
  expect(await actions(client, ".restore")).toBe(1);
  const rows = `SELECT count(*) AS n FROM tags t JOIN repositories r ON r.id = t.repository_id WHERE r.name = ?1`;
  expect(await env.DB.prepare(rows).bind(client.repository).first("n")).toBe(1);
});
