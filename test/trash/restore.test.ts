/** Deleted or moved tags and manifests are restored. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { idOf } from "../../src/db/digests.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { childrenFirst } from "../../src/trash/restore-store.ts";
import { basic, type RegistryClient, withSettings } from "../support/client.ts";
import {
  about,
  age,
  DAY,
  deleteTogether,
  digestOf,
  isWhole,
  newClient,
  path,
  protect,
  push,
  remove,
  restore,
} from "../support/deletion.ts";
import { blob, imageManifest, index, type Manifest, unknownDigest } from "../support/images.ts";
import { all, entries } from "../support/lists.ts";
import { api, done, problem, refused, unused } from "../support/management.ts";
import { newUser } from "../support/principals.ts";
import { leavesNothing } from "../support/storage.ts";
import { recount } from "../support/usage.ts";

async function restorations(client: RegistryClient): Promise<unknown[]> {
  const noted = await entries(client.repository);
  return noted.filter(({ action }) => String(action).endsWith(".restore"));
}

describe("a tag", () => {
  test("that was deleted points to what it pointed to", async () => {
    const client = await newClient();
    const image = await push(client, "v1");
    await remove(client, "v1");
    expect(await digestOf(client, "v1")).toBeNull();
    const { digest } = image.manifest;
    expect(await restore(client.repository, { tag: "v1" })).toEqual({
      repository: client.repository,
      digest,
      replaced: null,
      tags: ["v1"],
      manifests: [],
    });
    expect(await digestOf(client, "v1")).toBe(digest);
    expect(await restorations(client)).toEqual([
      { actor: "admin", action: "tag.restore", detail: null },
    ]);
  });

  test("that was moved points to what it pointed to before; doing it again takes that back", async () => {
    const client = await newClient();
    const [first, second] = [await push(client, "v1"), await push(client, "v1")];
    for (const [now, before] of [
      [first, second],
      [second, first],
    ] as const) {
      expect(await restore(client.repository, { tag: "v1" })).toMatchObject({
        digest: now.manifest.digest,
        replaced: before.manifest.digest,
      });
      expect(await digestOf(client, "v1")).toBe(now.manifest.digest);
    }
    const history = await all(`/repositories/${client.repository}/-/history`);
    expect(history.map(({ digest, successor }) => [digest, successor])).toEqual([
      [first.manifest.digest, second.manifest.digest],
      [second.manifest.digest, first.manifest.digest],
      [first.manifest.digest, second.manifest.digest],
    ]);
  });

  test("brings its manifest back, but none of the other tags that went with it", async () => {
    const client = await newClient();
    const image = await push(client, "v1");
    const { digest } = await client.pushManifest(image.manifest, "v2");
    await remove(client, digest);
    const restored = await restore(client.repository, { tag: "v1" });
    expect(restored).toMatchObject({ digest, tags: ["v1"], manifests: [digest] });
    await isWhole(client, image);
    expect(await client.listTags()).toEqual(["v1"]);
    expect(await restore(client.repository, { tag: "v2" })).toMatchObject({ manifests: [] });
    expect(await client.listTags()).toEqual(["v1", "v2"]);
  });

  test("goes to an older digest by name, and there only", async () => {
    const client = await newClient();
    const [first] = [await push(client, "v1"), await push(client, "v1"), await push(client, "v1")];
    const { digest } = first.manifest;
    expect(await restore(client.repository, { tag: "v1", digest })).toMatchObject({ digest });
    expect(await digestOf(client, "v1")).toBe(digest);
    const other = await push(client, "v2");
    const body = { tag: "v1", digest: other.manifest.digest };
    expect(await refused("POST", path(client), body)).toEqual({ status: 404, code: "NOT_FOUND" });
  });

  test("that points there already stays, without an event", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    await remove(client, "v1");
    await client.pushManifest(manifest, "v1");
    for (const body of [{ tag: "v1" }, { tag: "v1", digest: manifest.digest }]) {
      const restored = await leavesNothing(() => restore(client.repository, body));
      expect(restored).toMatchObject({ digest: manifest.digest, tags: [], manifests: [] });
    }
  });

  test("that nobody moved or deleted has no history", async () => {
    const client = await newClient();
    await push(client, "v1");
    for (const tag of ["v1", "never"]) {
      const response = await leavesNothing(() => api("POST", path(client), { tag }));
      expect(await response.clone().text()).toContain(`the tag ${tag} has no history`);
      expect(await problem(response)).toEqual({ status: 404, code: "NOT_FOUND" });
    }
  });

  test("whose window is over is not restored, though it has not been collected", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    await remove(client, manifest.digest);
    await age(client.repository, 7 * DAY + 1000);
    for (const body of [{ tag: "v1" }, { tag: "v1", digest: manifest.digest }]) {
      const response = await leavesNothing(() => api("POST", path(client), body));
      expect(await response.clone().text()).toContain("here that can be undone for 7 days");
      expect(await problem(response)).toEqual({ status: 404, code: "NOT_FOUND" });
    }
    const send = withSettings({ TRASH_DAYS: "8" });
    await restore(client.repository, { tag: "v1" }, { send });
    expect(await digestOf(client, "v1")).toBe(manifest.digest);
  });

  test("nothing is restored where TRASH_DAYS is 0", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    await remove(client, manifest.digest);
    const send = withSettings({ TRASH_DAYS: "0" });
    for (const body of [{ tag: "v1" }, { digest: manifest.digest }]) {
      expect((await refused("POST", path(client), body, { send })).status).toBe(404);
    }
    for (const list of ["history", "deleted"]) {
      expect(await all(path(client, list), { send })).toEqual([]);
    }
  });

  test("that is immutable by now is not moved", async () => {
    const client = await newClient();
    await push(client, "v1");
    await push(client, "v1");
    await protect(client, "v*");
    expect(await refused("POST", path(client), { tag: "v1" })).toEqual({
      status: 409,
      code: "IMMUTABLE",
    });
  });

  test("that is immutable and was deleted before it was comes back", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    await remove(client, "v1");
    await protect(client, "v*");
    await restore(client.repository, { tag: "v1" });
    expect(await digestOf(client, "v1")).toBe(manifest.digest);
  });
});

describe("a manifest", () => {
  test("comes back with its blobs and the tags that went with it", async () => {
    const client = await newClient();
    const image = await push(client, "v1");
    const { digest } = await client.pushManifest(image.manifest, "v2");
    await remove(client, digest);
    const restored = await restore(client.repository, { digest });
    expect(restored).toMatchObject({ digest, replaced: null, manifests: [digest] });
    expect(restored.tags.toSorted()).toEqual(["v1", "v2"]);
    await isWhole(client, image);
    expect(await client.listTags()).toEqual(["v1", "v2"]);
    expect(await restorations(client)).toEqual([
      { actor: "admin", action: "manifest.restore", detail: null },
    ]);
  });

  test("leaves a tag alone that there is by now, and one that had gone before", async () => {
    const client = await newClient();
    const image = await push(client, "v1");
    const { digest } = await client.pushManifest(image.manifest, "v2");
    await remove(client, "v2");
    await remove(client, digest);
    const other = await push(client, "v1");
    expect(await restore(client.repository, { digest })).toMatchObject({ tags: [] });
    expect(await digestOf(client, "v1")).toBe(other.manifest.digest);
    expect(await client.listTags()).toEqual(["v1"]);
  });

  test("leaves a tag alone that was moved away at the moment when it went", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    await push(client, "v1");
    const [change] = await all(path(client, "history"));
    await remove(client, "v1");
    const moment = Date.parse(String(change?.["changedAt"]));
    await deleteTogether(client.repository, [manifest.digest], moment);
    expect(await restore(client.repository, { digest: manifest.digest })).toMatchObject({
      tags: [],
      manifests: [manifest.digest],
    });
    expect(await client.listTags()).toEqual([]);
  });

  test("brings the children back that it needs, however deep", async () => {
    const client = await newClient();
    const images = [await push(client), await push(client), await push(client)];
    const [one, two, three] = images.map(({ manifest }) => manifest) as [
      Manifest,
      Manifest,
      Manifest,
    ];
    const inner = await client.pushManifest(index([one, two]));
    const middle = await client.pushManifest(index([inner, three, one]));
    const outer = await client.pushManifest(index([one, middle, inner]), "v1");
    for (const { digest } of [outer, middle, inner, three, two, one]) await remove(client, digest);
    const { manifests, tags } = await restore(client.repository, { digest: outer.digest });
    expect(manifests[0]).toBe(outer.digest);
    expect(manifests.toSorted()).toEqual(
      [outer, middle, inner, three, two, one].map(({ digest }) => digest).toSorted(),
    );
    expect(tags).toEqual(["v1"]);
    for (const image of images) await isWhole(client, image);
    for (const { digest, bytes } of [inner, middle, outer]) {
      expect(await client.pullManifest(digest)).toEqual(bytes);
    }
    expect(await restorations(client)).toMatchObject([{ detail: "6 manifests" }]);
  });

  test("brings the manifests back that are needed, and no others", async () => {
    const client = await newClient();
    const [kept, needed, other] = [await push(client), await push(client), await push(client)];
    const list = await client.pushManifest(index([kept.manifest, needed.manifest]), "v1");
    await remove(client, list.digest);
    await remove(client, needed.manifest.digest);
    await remove(client, other.manifest.digest);
    const { manifests } = await restore(client.repository, { tag: "v1" });
    expect(manifests).toEqual([list.digest, needed.manifest.digest]);
    expect(await digestOf(client, other.manifest.digest)).toBeNull();
  });

  test("of several platforms comes back whole, with its attestations and its signature", async () => {
    const client = await newClient();
    const platforms = [await push(client), await push(client)];
    const attestations = [
      await push(client, undefined, { artifactType: "application/vnd.in-toto+json" }),
      await push(client, undefined, { artifactType: "application/vnd.in-toto+json" }),
    ];
    const children = [...platforms, ...attestations];
    const list = await client.pushManifest(index(children.map(({ manifest }) => manifest)), "v1");
    await client.pushManifest(list, "latest");
    const signature = await push(client, "sha256-abc.sig", about(list));
    const countersignature = await push(client, undefined, about(signature.manifest));
    const sbom = await push(client, undefined, about(platforms[0]?.manifest ?? list));
    const everything = [...children, signature, countersignature, sbom];
    const digests = [list.digest, ...everything.map(({ manifest }) => manifest.digest)];
    await deleteTogether(client.repository, digests);
    expect((await client.get("manifests/v1")).status).toBe(404);
    const restored = await restore(client.repository, { digest: list.digest });
    expect(restored.manifests.toSorted()).toEqual(digests.toSorted());
    expect(restored.manifests[0]).toBe(list.digest);
    expect(restored.tags.toSorted()).toEqual(["latest", "sha256-abc.sig", "v1"]);
    for (const image of everything) await isWhole(client, image);
    expect(await client.pullManifest("latest")).toEqual(list.bytes);
    expect(await client.referrers(list.digest)).toMatchObject([
      { digest: signature.manifest.digest },
    ]);
    expect(await client.referrers(signature.manifest.digest)).toHaveLength(1);
    expect(await client.listTags()).toEqual(["latest", "sha256-abc.sig", "v1"]);
  });

  test("leaves referrers deleted that went at another time", async () => {
    const client = await newClient();
    const image = await push(client, "v1");
    const [before, together] = [
      await push(client, undefined, about(image.manifest)),
      await push(client, undefined, about(image.manifest)),
    ];
    await deleteTogether(client.repository, [before.manifest.digest], Date.now() - 5000);
    await deleteTogether(client.repository, [image.manifest.digest, together.manifest.digest]);
    const { manifests } = await restore(client.repository, { digest: image.manifest.digest });
    expect(manifests.toSorted()).toEqual(
      [image.manifest.digest, together.manifest.digest].toSorted(),
    );
    expect(await client.referrers(image.manifest.digest)).toHaveLength(1);
  });

  test("gets blobs back that were deleted while it was", async () => {
    const client = await newClient();
    const image = await push(client, "v1");
    await remove(client, image.manifest.digest);
    for (const { digest } of [image.config, image.layer]) {
      expect((await client.request("DELETE", `blobs/${digest}`)).status).toBe(202);
      expect((await client.get(`blobs/${digest}`)).status).toBe(404);
    }
    await restore(client.repository, { tag: "v1" });
    await isWhole(client, image);
    expect((await env.DB.prepare(`SELECT * FROM trashed_blobs`).all()).results).toEqual([]);
  });

  test("that is not deleted stays as it is, without an event", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    const { digest } = manifest;
    const restored = await leavesNothing(() => restore(client.repository, { digest }));
    expect(restored).toMatchObject({ digest, tags: [], manifests: [] });
  });

  test("that never was, or whose window is over, is not there", async () => {
    const client = await newClient();
    const { manifest } = await push(client, "v1");
    await remove(client, manifest.digest);
    await age(client.repository, 7 * DAY);
    for (const digest of [unknownDigest(), manifest.digest]) {
      expect(await refused("POST", path(client), { digest })).toEqual({
        status: 404,
        code: "NOT_FOUND",
      });
    }
  });

  test("whose content was taken away for good is not restored: the answer names what is missing", async () => {
    const client = await newClient();
    const { manifest, layer } = await push(client, "v1");
    const list = await client.pushManifest(index([manifest]), "v2");
    await remove(client, list.digest);
    await remove(client, manifest.digest);
    // No endpoint does this.
    await env.DB.batch([
      env.DB.prepare(`DELETE FROM repository_blobs WHERE digest_id = ${idOf("?1")}`).bind(
        layer.digest,
      ),
      env.DB.prepare(`DELETE FROM trashed_blobs WHERE digest_id = ${idOf("?1")}`).bind(
        layer.digest,
      ),
    ]);
    for (const body of [{ digest: list.digest }, { tag: "v1" }, { tag: "v2" }]) {
      const response = await leavesNothing(() => api("POST", path(client), body));
      expect(await response.clone().text()).toContain(layer.digest);
      expect(await problem(response)).toEqual({ status: 409, code: "CONFLICT" });
    }
  });

  test("comes back though the quota is used up: it weighed all the time, its deleted blobs too", async () => {
    const client = await newClient();
    const { manifest, layer } = await push(client, "v1");
    await remove(client, manifest.digest);
    await client.request("DELETE", `blobs/${layer.digest}`);
    // Room for the tag's row alone.
    await env.DB.prepare(
      `INSERT INTO quotas (namespace, bytes)
       SELECT namespace, bytes + waiting + 512 FROM namespace_usage WHERE namespace = ?1`,
    )
      .bind(client.repository.split("/")[0])
      .run();
    await recount();
    const other = blob(1_000);
    const finished = await client.finish(await client.startUpload(), other.digest, other.bytes);
    expect(finished.status).toBe(403);
    await restore(client.repository, { tag: "v1" });
    expect(await client.pullBlob(layer.digest)).toEqual(layer.bytes);
    await recount();
  });

  test("with more children than one request brings back is refused; in parts it works", async () => {
    const client = await newClient();
    const config = await client.pushBlob(blob());
    const children = Array.from({ length: 500 }, (_, i) =>
      imageManifest({ config, fields: { annotations: { i: String(i) } } }),
    );
    const rows = children.map(({ digest, bytes }) => ({ digest, size: bytes.length }));
    await env.DB.prepare(
      `INSERT INTO manifests (repository_id, digest, media_type, size, artifact_type, created_at)
       SELECT r.id, w.value ->> 'digest', ?3, w.value ->> 'size', '', 0
       FROM json_each(?2) w, repositories r WHERE r.name = ?1`,
    )
      .bind(client.repository, JSON.stringify(rows), children[0]?.mediaType)
      .run();
    const list = await client.pushManifest(index(children), "v1");
    await deleteTogether(
      client.repository,
      [list, ...children].map(({ digest }) => digest),
    );
    const response = await leavesNothing(() => api("POST", path(client), { tag: "v1" }));
    expect(await response.clone().text()).toContain("more than 500 manifests");
    expect(await problem(response)).toEqual({ status: 409, code: "CONFLICT" });
    await restore(client.repository, { digest: children[0]?.digest });
    const { manifests } = await restore(client.repository, { tag: "v1" });
    expect(manifests).toHaveLength(500);
  });
});

test("children come before what names them, whatever the order in which they are found", () => {
  const names = ["a", "b", "c", "d"] as Digest[];
  const [a, b, c, d] = names as [Digest, Digest, Digest, Digest];
  const edges = [
    { parent: a, child: b },
    { parent: a, child: c },
    { parent: b, child: d },
    { parent: d, child: c },
  ];
  for (const digests of [names, names.toReversed(), [c, a, d, b]]) {
    expect(childrenFirst(digests, edges)).toEqual([c, d, b, a]);
  }
});

test.each([
  ["nothing", {}],
  ["two things", { tag: "v1", repository: "newest" }],
  ["a manifest and the repository", { digest: unknownDigest(), repository: "newest" }],
  ["a tag that is none", { tag: "-v1" }],
  ["a digest that is none", { digest: "sha256:abc" }],
  ["a tag at a digest that is none", { tag: "v1", digest: "v2" }],
  ["a tag of another type", { tag: 1 }],
  ["an id that is none", { repository: "01" }],
  ["a word that is none", { repository: "oldest" }],
  ["an unknown field", { tag: "v1", force: true }],
])("restore and purge refuse %s", async (_, body) => {
  const client = await newClient();
  await push(client, "v1");
  for (const verb of ["restore", "purge"]) {
    expect(await refused("POST", path(client, verb), body)).toEqual({
      status: 400,
      code: "FIELD_INVALID",
    });
  }
});

test("restore and purge answer 404 where there is no such repository", async () => {
  const client = await newClient();
  for (const body of [{ tag: "v1" }, { digest: unknownDigest() }, { repository: "newest" }]) {
    for (const verb of ["restore", "purge"]) {
      expect((await refused("POST", path(client, verb), body)).status).toBe(404);
    }
  }
});

test.each([
  ["nobody", null, [401, 401, 401, 401]],
  ["a stranger", "stranger", [403, 403, 403, 403]],
  ["a reader", "reader", [403, 403, 403, 403]],
  ["a writer", "writer", [200, 403, 403, 403]],
  ["a maintainer", "maintainer", [200, 200, 200, 200]],
] as const)("%s sees and does what the role says", async (_, role, statuses) => {
  const client = await newClient();
  await push(client, "v1");
  await remove(client, "v1");
  const pattern = `${client.repository.split("/")[0]}/*`;
  const roles = role === null || role === "stranger" ? {} : { [pattern]: role };
  const as = role === null ? null : (await newUser(roles)).authorization;
  const calls = [
    ["GET", "history"],
    ["GET", "deleted"],
    ["POST", "restore"],
    ["POST", "purge"],
  ] as const;
  const seen: number[] = [];
  for (const [method, verb] of calls) {
    const body = method === "GET" ? undefined : { tag: "v1" };
    const call = () => api(method, path(client, verb), body, { as });
    const isRefused = (statuses[seen.length] ?? 0) >= 400;
    seen.push((await (isRefused ? leavesNothing(call) : call())).status);
  }
  expect(seen).toEqual(statuses);
});

test("who may delete but not push moves no tag, and brings manifests back", async () => {
  const client = await newClient();
  const image = await push(client, "v1");
  await push(client, "v1");
  const [namespace = ""] = client.repository.split("/");
  const scopes = [{ repositories: client.repository, actions: ["delete"] }];
  const robot = await done<{ name: string; secret: string }>(
    "POST",
    `/namespaces/${namespace}/robots`,
    { name: unused("robot"), scopes },
  );
  const as = basic(robot.name, robot.secret);
  expect(await problem(await api("POST", path(client), { tag: "v1" }, { as }))).toMatchObject({
    status: 403,
  });
  await remove(client, image.manifest.digest);
  const { digest } = image.manifest;
  expect(await restore(client.repository, { digest }, { as })).toMatchObject({ digest });
});
