/** Deleted repositories: who sees them, and how they are restored or purged. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { withSettings } from "../support/client.ts";
import {
  age,
  DAY,
  digestOf,
  isWhole,
  newClient,
  path,
  purge,
  push,
  remove,
  restore,
} from "../support/deletion.ts";
import { all, entries } from "../support/lists.ts";
import { api, done, problem, refused } from "../support/management.ts";
import { newNamespace, newToken, newUser } from "../support/principals.ts";
import { leavesNothing } from "../support/storage.ts";

interface Deleted {
  readonly id: string;
  readonly name: string;
  readonly deletedAt: string;
  readonly restorableUntil: string;
}

function deleted(query: string, as?: string): Promise<Deleted[]> {
  return all<Deleted>(`/deleted-repositories${query}`, as === undefined ? {} : { as });
}

async function make(name: string): Promise<void> {
  await done("POST", "/repositories", { name });
}

async function drop(name: string): Promise<void> {
  await done("DELETE", `/repositories/${name}`);
}

function namespaceOf(name: string): string {
  return name.split("/", 1)[0] ?? "";
}

/** Repositories that were deleted, without the API. */
async function insert(names: readonly string[], deletedAt = Date.now()): Promise<void> {
  await env.DB.prepare(
    `INSERT INTO repositories (name, former_name, deleted_at, created_at)
     SELECT '~' || value || key, value, ?2, 0 FROM json_each(?1)`,
  )
    .bind(JSON.stringify(names), deletedAt)
    .run();
}

test("a repository comes back with all that was in it", async () => {
  const client = await newClient();
  const image = await push(client, "v1");
  await push(client, "v1");
  await done("PATCH", `/repositories/${client.repository}`, { description: "kept" });
  await drop(client.repository);
  await restore(client.repository, { repository: "newest" });
  await isWhole(client, image);
  await restore(client.repository, { tag: "v1" });
  expect(await digestOf(client, "v1")).toBe(image.manifest.digest);
  const found = await done("GET", `/repositories/${client.repository}`);
  expect(found).toMatchObject({ description: "kept", tags: 1, manifests: 2, version: 4 });
  expect(await entries(client.repository)).toContainEqual({
    actor: "admin",
    action: "repository.restore",
    detail: expect.stringMatching(/^deleted at 20/),
  });
  expect(await deleted(`?namespace=${namespaceOf(client.repository)}`)).toEqual([]);
});

test("the one that was deleted last comes back, or the one that is named", async () => {
  const client = await newClient();
  const { repository } = client;
  const namespace = namespaceOf(repository);
  const images = [];
  for (const tag of ["first", "second", "third"]) {
    images.push(await push(client, tag));
    await drop(repository);
  }
  const [first] = await deleted(`?namespace=${namespace}`);
  await restore(repository, { repository: "newest" });
  expect(await client.listTags()).toEqual(["third"]);
  await drop(repository);
  await restore(repository, { repository: first?.id });
  expect(await client.listTags()).toEqual(["first"]);
  // The first was deleted last by now.
  await drop(repository);
  await restore(repository, { repository: "newest" });
  expect(await client.listTags()).toEqual(["first"]);
});

test("a repository that is there again is not replaced", async () => {
  const client = await newClient();
  await push(client, "v1");
  await drop(client.repository);
  await push(client, "v2");
  const body = { repository: "newest" };
  const response = await leavesNothing(() => api("POST", path(client), body));
  expect(await response.clone().text()).toContain("there is another repository");
  expect(await problem(response)).toEqual({ status: 409, code: "CONFLICT" });
  const [there] = await deleted(`?namespace=${namespaceOf(client.repository)}`);
  await drop(client.repository);
  await restore(client.repository, { repository: there?.id });
  expect(await client.listTags()).toEqual(["v1"]);
  // Again: it is there, so there is nothing to do.
  await leavesNothing(() => restore(client.repository, { repository: there?.id }));
});

test("a repository without its namespace, its time or its name is not restored", async () => {
  const [client, other] = [await newClient(), await newClient()];
  await make(client.repository);
  await make(other.repository);
  await drop(client.repository);
  const [{ id } = { id: "" }] = await deleted(`?namespace=${namespaceOf(client.repository)}`);
  expect((await refused("POST", path(other), { repository: id })).status).toBe(404);
  await age(client.repository, 7 * DAY);
  for (const repository of [id, "newest"]) {
    const response = await leavesNothing(() => api("POST", path(client), { repository }));
    expect(await response.clone().text()).toContain("here that can be undone for 7 days");
    expect((await problem(response)).status).toBe(404);
  }
  await env.DB.prepare(`DELETE FROM namespaces WHERE name = ?1`)
    .bind(namespaceOf(client.repository))
    .run();
  const send = withSettings({ TRASH_DAYS: "9" });
  const body = { repository: id };
  expect((await refused("POST", path(client), body, { send })).status).toBe(409);
});

test("a restored repository counts for the quota", async () => {
  const client = await newClient();
  const namespace = namespaceOf(client.repository);
  await make(client.repository);
  await drop(client.repository);
  await make(`${namespace}/other`);
  await env.DB.prepare(`INSERT INTO quotas (namespace, repositories) VALUES (?1, 1)`)
    .bind(namespace)
    .run();
  const body = { repository: "newest" };
  expect(await refused("POST", path(client), body)).toEqual({
    status: 403,
    code: "QUOTA_EXCEEDED",
  });
  await drop(`${namespace}/other`);
  await restore(client.repository, body);
  const usage = `SELECT repositories FROM namespace_usage WHERE namespace = ?1`;
  expect(await env.DB.prepare(usage).bind(namespace).first("repositories")).toBe(1);
});

test.each(["newest", "an id"])("purged by %s, a deleted repository is final", async (by) => {
  const client = await newClient();
  await push(client, "v1");
  await drop(client.repository);
  const [{ id } = { id: "" }] = await deleted(`?namespace=${namespaceOf(client.repository)}`);
  const body = { repository: by === "newest" ? by : id };
  await purge(client.repository, body);
  expect(await deleted(`?namespace=${namespaceOf(client.repository)}`)).toEqual([]);
  for (const repository of ["newest", id]) {
    expect((await refused("POST", path(client), { repository })).status).toBe(404);
    expect((await refused("POST", path(client, "purge"), { repository })).status).toBe(404);
  }
  expect(await dueOf(client.repository)).toBe(0);
  expect(await entries(client.repository)).toContainEqual(
    expect.objectContaining({ action: "repository.purge" }),
  );
});

function dueOf(name: string): Promise<unknown> {
  return env.DB.prepare(`SELECT deleted_at FROM repositories WHERE former_name = ?1`)
    .bind(name)
    .first("deleted_at");
}

test("purged as it is, a repository is gone for good; the deleted one of its name is not", async () => {
  const client = await newClient();
  await push(client, "v1");
  await drop(client.repository);
  const { layer } = await push(client, "v2");
  await purge(client.repository, { repository: "live" });
  expect((await client.get("manifests/v2")).status).toBe(404);
  expect((await client.get(`blobs/${layer.digest}`)).status).toBe(404);
  expect((await refused("POST", path(client, "purge"), { repository: "live" })).status).toBe(404);
  await restore(client.repository, { repository: "newest" });
  expect(await client.listTags()).toEqual(["v1"]);
  const usage = `SELECT repositories FROM namespace_usage WHERE namespace = ?1`;
  const namespace = namespaceOf(client.repository);
  expect(await env.DB.prepare(usage).bind(namespace).first("repositories")).toBe(1);
});

test("what is in a repository may be restored by who may delete; it itself by who maintains it", async () => {
  const client = await newClient();
  const { manifest } = await push(client, "v1");
  await remove(client, manifest.digest);
  const { name } = await newUser({ [`${namespaceOf(client.repository)}/*`]: "maintainer" });
  const scopes = [{ repositories: client.repository, actions: ["delete" as const] }];
  const as = await newToken(name, scopes);
  await restore(client.repository, { digest: manifest.digest }, { as });
  await drop(client.repository);
  const body = { repository: "newest" };
  expect((await refused("POST", path(client), body, { as })).status).toBe(403);
  const admin = [{ repositories: client.repository, actions: ["admin" as const] }];
  await restore(client.repository, body, { as: await newToken(name, admin) });
});

test("the list of deleted repositories: what the caller may maintain, page by page, also after it was deleted", async () => {
  const [one, two, other] = [await newNamespace(), await newNamespace(), await newNamespace()];
  const mine = [one, `${one}/a`, `${one}/a`, `${one}/b/c`, `${two}/api`, `${two}/app`].toSorted();
  await insert([...mine, `${two}/base`, `${other}/x`, `${one}-x/y`]);
  const { authorization } = await newUser({
    [`${one}/*`]: "owner",
    [`${two}/a*`]: "maintainer",
    [`${two}/base`]: "writer",
  });
  for (const limit of [1, 2, 5, 100]) {
    const found = await deleted(`?limit=${limit}`, authorization);
    expect(found.map(({ name }) => name)).toEqual(mine);
    expect(new Set(found.map(({ id }) => id)).size).toBe(mine.length);
    const here = await deleted(`?limit=${limit}&namespace=${two}`, authorization);
    expect(here.map(({ name }) => name)).toEqual([`${two}/api`, `${two}/app`]);
  }
  expect(await deleted(`?namespace=${other}`, authorization)).toEqual([]);
  expect(await deleted(`?namespace=${other}`)).toMatchObject([{ name: `${other}/x` }]);
  expect(await deleted("", (await newUser()).authorization)).toEqual([]);
});

test("the list of deleted repositories: says when it was deleted, by whom, and until when it can be restored", async () => {
  const client = await newClient();
  const namespace = namespaceOf(client.repository);
  const { name, authorization } = await newUser({ [`${namespace}/*`]: "maintainer" });
  await make(client.repository);
  const as = authorization;
  await done("DELETE", `/repositories/${client.repository}`, undefined, { as });
  const [found] = await deleted(`?namespace=${namespace}`, as);
  expect(found).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{16}$/),
    name: client.repository,
    deletedAt: expect.any(String),
    deletedBy: name,
    restorableUntil: expect.any(String),
  });
  const { deletedAt = "", restorableUntil = "" } = found ?? {};
  expect(Date.parse(restorableUntil) - Date.parse(deletedAt)).toBe(7 * DAY);
  expect(Math.abs(Date.now() - Date.parse(deletedAt))).toBeLessThan(60_000);
});

async function pages(hidden: readonly string[]): Promise<unknown[]> {
  const namespace = await newNamespace();
  const over = Array.from({ length: 30 }, (_, i) => `${namespace}/over-${i + 10}-mine`);
  await insert(hidden.map((name) => `${namespace}/${name}`));
  await insert([`${namespace}/secret-20-mine`, `${namespace}/zz-mine`]);
  await insert(over, Date.now() - 8 * DAY);
  const { authorization: as } = await newUser({ [`${namespace}/*-mine`]: "maintainer" });
  const seen: unknown[] = [];
  for (const limit of [1, 2, 3]) {
    const url = `/deleted-repositories?namespace=${namespace}&limit=${limit}`;
    let next: string | null = "";
    while (next !== null) {
      const after: string = next && `&after=${next}`;
      const page: { items: Deleted[]; next: string | null } = await done(
        "GET",
        url + after,
        undefined,
        { as },
      );
      seen.push([page.items.map(({ name }) => name.replace(namespace, "")), page.next !== null]);
      for (const { id } of page.items) expect(id).toMatch(/^[0-9a-f]{16}$/);
      next = page.next;
    }
  }
  return seen;
}

test("the list of deleted repositories: pages, and whether there is a next one, are the same whatever is hidden between and behind, and ids count nothing", async () => {
  const alone = await pages([]);
  expect(alone.slice(0, 2)).toEqual([
    [["/secret-20-mine"], true],
    [["/zz-mine"], false],
  ]);
  expect(await pages(Array.from({ length: 60 }, (_, i) => `secret-${i + 10}`))).toEqual(alone);
  expect(await pages(["zzz", "a"])).toEqual(alone);
});

test.each(["limit=0", "namespace=A/b", "after=x", "after=a:b", "after=acme/app:1", "after=~AAAA"])(
  "the list of deleted repositories: refuses ?%s",
  async (query) => {
    expect((await problem(await api("GET", `/deleted-repositories?${query}`))).status).toBe(400);
  },
);
