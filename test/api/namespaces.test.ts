import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { NamespaceStore } from "../../src/db/namespaces.ts";
import { basic, RegistryClient } from "../support/client.ts";
import { blob } from "../support/images.ts";
import {
  api,
  audited,
  done,
  makeNamespace,
  makeToken,
  makeUser,
  pushes,
  pushesWith,
  pushToken,
  refused,
  unused,
} from "../support/management.ts";

const DENIED = { status: 403, code: "DENIED" };

async function namesFor(as: string, query = ""): Promise<string[]> {
  const { items } = await done<{ items: { name: string }[] }>(
    "GET",
    `/namespaces${query}`,
    undefined,
    { as },
  );
  return items.map(({ name }) => name);
}

test("POST /namespaces: makes one, with its owner", async () => {
  const owner = await makeUser();
  const name = unused("acme");
  const body = { name, visibility: "public", owner: owner.name };
  const response = await api("POST", "/namespaces", body);
  expect(response.status).toBe(201);
  expect(response.headers.get("location")).toBe(`/api/v1/namespaces/${name}`);
  expect(response.headers.get("etag")).toBe('"1"');
  const namespace = await response.json();
  const createdAt = expect.any(String) as string;
  expect(namespace).toEqual({
    name,
    visibility: "public",
    immutableTags: [],
    createdAt,
    version: 1,
  });
  const as = owner.authorization;
  expect(await done("GET", `/namespaces/${name}`, undefined, { as })).toEqual(namespace);
  expect(await done("GET", `/namespaces/${name}/members`, undefined, { as })).toEqual({
    items: [{ user: owner.name, repositories: `${name}/*`, role: "owner", createdAt }],
    next: null,
  });
  expect(await pushes(as, `${name}/app`)).toBe(202);
  expect(await pushes(as, `${unused("other")}/app`)).toBe(403);
  expect(await audited(name)).toEqual(["namespace.create"]);
});

test("POST /namespaces: an existing one stays whose it is", async () => {
  const { namespace } = await makeNamespace();
  const other = await makeUser();
  const body = { name: namespace, owner: other.name, visibility: "public" };
  expect(await refused("POST", "/namespaces", body)).toEqual({ status: 409, code: "CONFLICT" });
  expect(await pushes(other.authorization, `${namespace}/app`)).toBe(403);
});

test.each([
  ["an unknown owner", { owner: "nobody-of-that-name" }, "INVALID"],
  ["the built-in administrator for an owner", { owner: "admin" }, "INVALID"],
  ["two components", { name: "acme/app" }, "NAME_INVALID"],
  ["an upper-case name", { name: "Acme" }, "NAME_INVALID"],
  ["no name", { name: undefined }, "INVALID"],
  ["another visibility", { visibility: "internal" }, "INVALID"],
  ["an unknown field", { owners: ["admin"] }, "INVALID"],
])("POST /namespaces: refuses %s", async (_, change, code) => {
  const body = { name: unused("acme"), ...change };
  expect(await refused("POST", "/namespaces", body)).toEqual({ status: 400, code });
});

test("only administrators make and delete namespaces", async () => {
  const { namespace, owner } = await makeNamespace();
  const as = owner.authorization;
  expect(await refused("POST", "/namespaces", { name: "mine" }, { as })).toEqual(DENIED);
  expect(await refused("DELETE", `/namespaces/${namespace}`, undefined, { as })).toEqual(DENIED);
});

test("only owners see and change a namespace; another's looks like one that is not there", async () => {
  const { namespace, owner } = await makeNamespace();
  const other = await makeNamespace();
  const as = other.owner.authorization;
  const path = `/namespaces/${namespace}`;
  for (const one of [path, "/namespaces/there-is-none"]) {
    expect(await refused("GET", one, undefined, { as })).toEqual(DENIED);
    expect(await refused("PATCH", one, { visibility: "public" }, { as })).toEqual(DENIED);
  }
  await done("PUT", `${path}/members/${other.owner.name}`, { role: "maintainer" });
  expect(await refused("GET", path, undefined, { as })).toEqual(DENIED);
  expect((await api("GET", path, undefined, { as: owner.authorization })).status).toBe(200);
  const missing = { status: 404, code: "NOT_FOUND" };
  expect(await refused("GET", "/namespaces/there-is-none")).toEqual(missing);
  const change = { visibility: "public" };
  expect(await refused("PATCH", "/namespaces/there-is-none", change)).toEqual(missing);
  expect(await refused("DELETE", "/namespaces/there-is-none")).toEqual(missing);
});

test("PATCH /namespaces: new repositories are as visible as it says", async () => {
  const { namespace, owner } = await makeNamespace();
  const as = owner.authorization;
  const path = `/namespaces/${namespace}`;
  const response = await api("PATCH", path, { visibility: "public" }, { as });
  expect(response.headers.get("etag")).toBe('"2"');
  const client = new RegistryClient({ repository: `${namespace}/app` });
  const { digest } = await client.pushBlob(blob());
  const anonymous = client.as(null);
  const everyone = anonymous.as(await anonymous.token(`repository:${namespace}/app:pull`));
  expect((await everyone.head(`blobs/${digest}`)).status).toBe(200);
  const headers = { "if-match": '"1"' };
  const stale = { status: 412, code: "PRECONDITION_FAILED" };
  expect(await refused("PATCH", path, { visibility: "private" }, { as, headers })).toEqual(stale);
  expect(await refused("DELETE", path, undefined, { headers })).toEqual(stale);
  const invalid = { status: 400, code: "INVALID" };
  for (const body of [{}, { visibility: null }, { visibility: "x" }, { name: "other" }]) {
    expect(await refused("PATCH", path, body, { as })).toEqual(invalid);
  }
});

test("DELETE /namespaces: not while it has repositories, also one of its own name", async () => {
  const conflict = { status: 409, code: "CONFLICT" };
  for (const rest of ["", "/app", "/a/b"]) {
    const { namespace } = await makeNamespace();
    await new RegistryClient({ repository: namespace + rest }).pushBlob(blob());
    expect(await refused("DELETE", `/namespaces/${namespace}`)).toEqual(conflict);
  }
});

test("DELETE /namespaces: nor while it has deleted ones, which its next owner could restore", async () => {
  for (const rest of ["", "/app", "/a/b"]) {
    const { namespace } = await makeNamespace();
    await done("POST", "/repositories", { name: namespace + rest });
    await done("DELETE", `/repositories/${namespace}${rest}`);
    const conflict = { status: 409, code: "CONFLICT" };
    expect(await refused("DELETE", `/namespaces/${namespace}`)).toEqual(conflict);
    await done("POST", `/repositories/${namespace}${rest}/-/purge`, { repository: "newest" });
    expect((await api("DELETE", `/namespaces/${namespace}`)).status).toBe(204);
  }
});

test("DELETE /namespaces: all rights in it end, and another one of its name starts without", async () => {
  const { namespace, owner } = await makeNamespace();
  const repository = `${namespace}/app`;
  await new RegistryClient({ repository: `${namespace}-else/app` }).pushBlob(blob());
  const robot = await done<{ name: string; secret: string }>(
    "POST",
    `/namespaces/${namespace}/robots`,
    { name: "ci", scopes: [{ repositories: repository, actions: ["push"] }] },
  );
  const asRobot = basic(robot.name, robot.secret);
  const bearers = [
    await pushToken(owner.authorization, repository),
    await pushToken(asRobot, repository),
  ];
  expect((await api("DELETE", `/namespaces/${namespace}`)).status).toBe(204);
  for (const bearer of bearers) expect(await pushesWith(bearer, repository)).toBe(401);
  await done("POST", "/namespaces", { name: namespace });
  expect(await pushes(owner.authorization, repository)).toBe(403);
  expect(await pushes(asRobot, repository)).toBe(401);
  const { items } = await done("GET", `/namespaces/${namespace}/robots`);
  expect(items).toEqual([]);
  expect(await audited(namespace)).toEqual([
    "namespace.create",
    "namespace.delete",
    "namespace.create",
  ]);
});

test("GET /namespaces: those in which one may do something, as far as the token reaches", async () => {
  const [one, two] = [await makeNamespace(), await makeNamespace()];
  const person = await makeUser();
  const as = person.authorization;
  expect(await namesFor(as)).toEqual([]);
  await done("PUT", `/namespaces/${one.namespace}/members/${person.name}`, { role: "reader" });
  const repositories = `${two.namespace}/app`;
  const body = { role: "writer", repositories };
  await done("PUT", `/namespaces/${two.namespace}/members/${person.name}`, body);
  const both = [one.namespace, two.namespace].toSorted();
  expect(await namesFor(as)).toEqual(both);
  expect(await namesFor(as, "?limit=1")).toEqual(both.slice(0, 1));
  expect(await namesFor(as, `?limit=1&after=${both[0]}`)).toEqual(both.slice(1));
  const reach = async (pattern: string) => {
    const scopes = [{ repositories: pattern, actions: ["pull"] }];
    return namesFor(`Bearer ${await makeToken(person, { scopes })}`);
  };
  expect(await reach("*")).toEqual(both);
  expect(await reach(`${one.namespace}/*`)).toEqual([one.namespace]);
  expect(await reach(`${one.namespace}/x`)).toEqual([one.namespace]);
  expect(await reach("space-*")).toEqual(both);
  expect(await reach("space")).toEqual([]);
  expect(await reach("spa*/app")).toEqual(both);
});

test("GET /namespaces: an administrator sees all, and with a limited token some", async () => {
  const { namespace } = await makeNamespace();
  const admin = await makeUser({ admin: true });
  expect(await namesFor(admin.authorization, "?limit=1000")).toContain(namespace);
  const scopes = [{ repositories: `${namespace}/*`, actions: ["pull"] }];
  const limited = `Bearer ${await makeToken(admin, { scopes })}`;
  expect(await namesFor(limited)).toEqual([namespace]);
  const all = await namesFor(admin.authorization, "?limit=1000");
  const pages: string[] = [];
  for (let next: string | null = ""; next !== null;) {
    const page: { items: { name: string }[]; next: string | null } = await done(
      "GET",
      `/namespaces?limit=2&after=${next}`,
    );
    pages.push(...page.items.map(({ name }) => name));
    next = page.next;
  }
  expect(pages).toEqual(all);
});

test("a page of some namespaces reads no more than a page of each range", async () => {
  const prefix = unused("many");
  await env.DB.prepare(
    `INSERT INTO namespaces (name, created_at)
     WITH RECURSIVE n (i) AS (VALUES (1000) UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
     SELECT ?1 || '-' || i, 0 FROM n`,
  )
    .bind(prefix)
    .run();
  let read = 0;
  const counted = (statement: D1PreparedStatement): object => ({
    bind: (...values: unknown[]) => counted(statement.bind(...values)),
    async all() {
      const result = await statement.all();
      read += result.meta.rows_read;
      return result;
    },
  });
  const prepare = (sql: string) => counted(env.DB.prepare(sql));
  const namespaces = new NamespaceStore({ prepare } as unknown as D1Database);
  const ranges = [
    { from: `${prefix}-1`, to: `${prefix}-1~` },
    { from: `${prefix}-10`, to: `${prefix}-10~` },
    { from: prefix, to: prefix },
  ];
  const page = { after: `${prefix}-1000`, limit: 3 };
  const found = await namespaces.listAmong(ranges, page);
  expect(found.map(({ name }) => name)).toEqual([1, 2, 3].map((i) => `${prefix}-100${i}`));
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThan(60);
});
