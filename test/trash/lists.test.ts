/** The past tags and deleted manifests that can be restored in a repository. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { TrashLists } from "../../src/trash/list-store.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName, Tag } from "../../src/oci/reference.ts";
import type { Initiator } from "../../src/db/audit.ts";
import { DeleteStore } from "../../src/trash/delete-store.ts";
import { PurgeStore } from "../../src/trash/purge-store.ts";
import { restorePlan, restore } from "../../src/trash/restore-store.ts";
import { RestoreStore } from "../../src/trash/store.ts";
import { age, DAY, newClient, path, push, remove } from "../support/deletion.ts";
import { blob, describe, imageManifest, index } from "../support/images.ts";
import { all } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { plansOf, tableScans } from "../support/plans.ts";
import { newUser } from "../support/principals.ts";

interface Change {
  readonly id: string;
  readonly tag: string;
  readonly digest: string;
  readonly successor: string | null;
  readonly changedAt: string;
  readonly changedBy: string;
  readonly restorableUntil: string;
}

test("history: from which digest to which, by whom and when, the newest first", async () => {
  const client = await newClient();
  const { name, authorization } = await newUser({
    [`${client.repository.split("/")[0]}/*`]: "maintainer",
  });
  const theirs = client.as(authorization);
  const token = await theirs.token(`repository:${client.repository}:pull,push,delete`);
  const first = await push(client, "v1");
  const second = await push(client.as(token), "v1");
  await push(client, "v2");
  await remove(client, "v2");
  await remove(client.as(token), second.manifest.digest);
  const found = await all<Change>(path(client, "history"), { as: authorization });
  expect(found).toMatchObject([
    { tag: "v1", digest: second.manifest.digest, successor: null, changedBy: name },
    { tag: "v2", successor: null, changedBy: "admin" },
    {
      tag: "v1",
      digest: first.manifest.digest,
      successor: second.manifest.digest,
      changedBy: name,
    },
  ]);
  for (const { changedAt, restorableUntil } of found) {
    expect(Date.parse(restorableUntil) - Date.parse(changedAt)).toBe(7 * DAY);
    expect(Math.abs(Date.now() - Date.parse(changedAt))).toBeLessThan(60_000);
  }
  expect(await all(path(client, "history?tag=v1"))).toEqual([found[0], found[2]]);
  for (const limit of [1, 2, 3]) {
    expect(await all(path(client, `history?limit=${limit}`))).toEqual(found);
    expect(await all(path(client, `history?limit=${limit}&tag=v1`))).toEqual([found[0], found[2]]);
  }
});

test("history: a push of the same digest, and a tag's first, are no changes", async () => {
  const client = await newClient();
  const { manifest } = await push(client, "v1");
  await client.pushManifest(manifest, "v1");
  expect(await all(path(client, "history"))).toEqual([]);
});

test("deleted: the manifests, the last first, page by page", async () => {
  const client = await newClient();
  const config = await client.pushBlob(blob());
  const digests = [];
  for (let i = 0; i < 5; i++) {
    const fields = { annotations: { i: String(i) }, ...(i === 1 ? { artifactType: "a/b" } : {}) };
    const { digest } = await client.pushManifest(imageManifest({ config, fields }));
    await remove(client, digest);
    digests.unshift(digest);
  }
  // Two were deleted at the same moment.
  await env.DB.prepare(
    `UPDATE manifests SET deleted_at = (SELECT deleted_at FROM manifests WHERE digest = ?1)
     WHERE digest = ?2`,
  )
    .bind(digests[1], digests[2])
    .run();
  const found = await all(path(client, "deleted"));
  expect(new Set(found.map(({ digest }) => digest))).toEqual(new Set(digests));
  expect([found[0]?.["digest"], found[4]?.["digest"]]).toEqual([digests[0], digests[4]]);
  expect(found[3]).toEqual({
    digest: digests[3],
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "a/b",
    size: config.bytes.length,
    platforms: [],
    deletedAt: expect.any(String),
    deletedBy: "admin",
    restorableUntil: expect.any(String),
  });
  for (const limit of [1, 2, 3, 5]) {
    expect(await all(path(client, `deleted?limit=${limit}`))).toEqual(found);
  }
});

test("what is over is not listed any more", async () => {
  const client = await newClient();
  const { manifest } = await push(client, "v1");
  await remove(client, manifest.digest);
  await age(client.repository, 7 * DAY);
  for (const list of ["history", "deleted"]) expect(await all(path(client, list))).toEqual([]);
});

test("what is in a deleted repository is not listed, nor what is not there", async () => {
  const client = await newClient();
  await push(client, "v1");
  await remove(client, "v1");
  await done("DELETE", `/repositories/${client.repository}`);
  for (const list of ["history", "deleted"]) {
    const response = await api("GET", path(client, list));
    expect(await problem(response)).toEqual({ status: 404, code: "NAME_UNKNOWN" });
  }
});

test.each([
  "history?limit=0",
  "history?tag=-x",
  "history?tag=",
  "deleted?after=x",
  "deleted?after=1:x",
])("refuses %s", async (query) => {
  const client = await newClient();
  await push(client, "v1");
  expect((await problem(await api("GET", path(client, query)))).status).toBe(400);
});

const INITIATOR: Initiator = {
  actor: "a",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "r",
};

test("every statement finds its rows by an index, and lists come in their order", async () => {
  const client = await newClient();
  const name = client.repository as RepositoryName;
  const { manifest } = await push(client, "v1");
  const digest = manifest.digest as Digest;
  const tag = "v1" as Tag;
  const page = { since: 0, after: null, limit: 10 };
  const lists = await plansOf(async (db) => {
    const history = new TrashLists(db);
    await history.tags(name, null, page);
    await history.tags(name, tag, page);
    await history.manifests(name, page);
  });
  expect(lists).toHaveLength(3);
  for (const { sql, plan } of lists) {
    expect(tableScans(plan), sql).toEqual([]);
    expect(plan.join("\n"), sql).not.toContain("TEMP B-TREE");
    expect(plan.join("\n"), sql).toMatch(
      /\((repository_id=\?.* AND )?(id>\? AND id<\?|deleted_at>\?|.*deleted_at.*)\)/,
    );
  }
  const changes = await plansOf(async (db) => {
    const after = { name: "" as RepositoryName, deletedAt: 0, id: 0 };
    await new TrashLists(db).repositories([{ from: "", to: "~" }], after, 10);
    const trash = new RestoreStore(db, DAY);
    await remove(client, digest);
    await trash.restoreManifest(name, digest, INITIATOR);
    await remove(client, digest);
    await trash.restoreTag(name, tag, null, INITIATOR);
    await remove(client, tag);
    await trash.restoreTag(name, tag, digest, INITIATOR);
    const root = { repositoryId: 1, digest, deletedAt: 1 };
    await db.batch([...restore(db, 1, await restorePlan(db, root))]);
    const deletions = new DeleteStore(db, DAY);
    await done("DELETE", `/repositories/${name}`);
    await deletions.restore(name, "newest", INITIATOR);
    const id = await env.DB.prepare(`SELECT id FROM repositories WHERE name = ?1`)
      .bind(name)
      .first<number>("id");
    await deletions.restore(name, id ?? 0, INITIATOR);
    const purges = new PurgeStore(db);
    await purges.tag(name, tag, INITIATOR);
    const list = await client.pushManifest(
      imageManifest({ config: await client.pushBlob(blob()) }),
    );
    await purges.manifest(name, list.digest as Digest, INITIATOR);
    await deletions.purgeLive(name, INITIATOR);
    await expect(deletions.purge(name, "newest", INITIATOR)).rejects.toThrow("final");
    await expect(deletions.purge(name, id ?? 0, INITIATOR)).rejects.toThrow("final");
  });
  expect(changes.length).toBeGreaterThanOrEqual(30);
  for (const { sql, plan } of changes) {
    expect(tableScans(plan), sql).toEqual([]);
    // Nor through all of a repository.
    expect(plan.join("\n"), sql).not.toMatch(/\(repository_id=\?\)/);
  }
  const [list] = changes;
  expect(list?.plan).toContainEqual(
    expect.stringMatching(
      /SEARCH repositories USING COVERING INDEX deleted_repositories \(\(former_name,deleted_at\)>\(\?,\?\) AND former_name<\?\)/,
    ),
  );
});

test("a deleted index has the size and the platforms that it had before", async () => {
  const client = await newClient();
  const { manifest, config, layer } = await push(client, "v1");
  const platform = { os: "linux", architecture: "arm64" };
  const manifests = [describe(manifest, manifest.mediaType, { platform })];
  const { digest } = await client.pushManifest(index([], { manifests }), "multi");
  const measured = { size: config.bytes.length + layer.bytes.length, platforms: ["linux/arm64"] };
  expect((await all(path(client, "tags")))[0]).toMatchObject({ digest, ...measured });
  await remove(client, digest);
  expect(await all(path(client, "deleted"))).toMatchObject([{ digest, ...measured }]);
});
