import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import {
  api,
  audited,
  done,
  makeNamespace,
  makeUser,
  pushes,
  pushesWith,
  pushToken,
  refused,
} from "../support/management.ts";

const DENIED = { status: 403, code: "DENIED" };
const NOT_FOUND = { status: 404, code: "NOT_FOUND" };
const INVALID = { status: 400, code: "FIELD_INVALID" };
const FULL = { status: 409, code: "CONFLICT" };

async function makeMember() {
  const { namespace, owner } = await makeNamespace();
  const person = await makeUser();
  const path = `/namespaces/${namespace}/members/${person.name}`;
  return { namespace, owner, person, path, as: owner.authorization };
}

test("PUT: a role on the whole namespace, and another one in its place", async () => {
  const { namespace, person, path, as } = await makeMember();
  const repository = `${namespace}/app`;
  const response = await api("PUT", path, { role: "writer" }, { as });
  expect(response.status).toBe(201);
  expect(response.headers.has("location")).toBe(false);
  const member = await response.json<object>();
  expect(member).toEqual({
    user: person.name,
    repositories: `${namespace}/*`,
    role: "writer",
    createdAt: expect.any(String),
  });
  expect(await pushes(person.authorization, repository)).toBe(202);
  const again = await api("PUT", path, { role: "reader" }, { as });
  expect(again.status).toBe(200);
  expect(await again.json()).toEqual({ ...member, role: "reader" });
  expect(await pushes(person.authorization, repository)).toBe(403);
  expect(await audited(person.name)).toEqual(["user.create", "member.set", "member.set"]);
});

test("PUT with If-None-Match: * gives a role, and changes none", async () => {
  const { namespace, person, path, as } = await makeMember();
  const headers = { "if-none-match": "*" };
  const made = await api("PUT", path, { role: "writer" }, { as, headers });
  expect(made.status).toBe(201);
  const repository = `${namespace}/app`;
  const bearer = await pushToken(person.authorization, repository);
  const there = { status: 412, code: "VERSION_MISMATCH" };
  for (const role of ["reader", "writer", "owner"]) {
    expect(await refused("PUT", path, { role }, { as, headers })).toEqual(there);
  }
  expect(await pushesWith(bearer, repository)).toBe(202);
  const other = { role: "reader", repositories: `${namespace}/other` };
  expect((await api("PUT", path, other, { as, headers })).status).toBe(201);
  const nobody = `/namespaces/${namespace}/members/nobody-of-that-name`;
  expect(await refused("PUT", nobody, { role: "reader" }, { as, headers })).toEqual(NOT_FOUND);
});

test("PUT: a lesser role ends what was signed for the greater one; a first or the same one ends nothing", async () => {
  const { namespace, person, path, as } = await makeMember();
  const repository = `${namespace}/app`;
  await done("PUT", path, { role: "maintainer" }, { as });
  const bearer = await pushToken(person.authorization, repository);
  await done("PUT", path, { role: "reader", repositories: `${namespace}/other` }, { as });
  await done("PUT", path, { role: "maintainer" }, { as });
  expect(await pushesWith(bearer, repository)).toBe(202);
  await done("PUT", path, { role: "reader" }, { as });
  expect(await pushesWith(bearer, repository)).toBe(401);
});

test("nobody ends what others do elsewhere by giving them roles, changing these and taking them away", async () => {
  const one = await makeNamespace();
  const other = await makeNamespace();
  const bearer = await pushToken(one.owner.authorization, `${one.namespace}/app`);
  const path = `/namespaces/${other.namespace}/members/${one.owner.name}`;
  const as = other.owner.authorization;
  await done("PUT", path, { role: "writer" }, { as });
  await done("PUT", path, { role: "reader" }, { as });
  await done("DELETE", path, undefined, { as });
  expect(await pushesWith(bearer, `${one.namespace}/app`)).toBe(202);
});

test("PUT: on a pattern, and only there", async () => {
  const { namespace, person, path, as } = await makeMember();
  await done("PUT", path, { role: "writer", repositories: `${namespace}/app-*` }, { as });
  expect(await pushes(person.authorization, `${namespace}/app-1`)).toBe(202);
  expect(await pushes(person.authorization, `${namespace}/other`)).toBe(403);
  const owner = { role: "owner", repositories: `${namespace}/app` };
  await done("PUT", path, owner, { as });
  // The owner of a part of the namespace has no right on the whole.
  const own = { as: person.authorization };
  expect(await refused("PUT", path, { role: "owner" }, own)).toEqual(DENIED);
});

test.each([
  ["an unknown role", { role: "admin" }],
  ["no role", {}],
  ["an unknown field", { role: "reader", user: "x" }],
  ["everything", { role: "owner", repositories: "*" }],
  ["another namespace", { role: "owner", repositories: "other/*" }],
  ["a namespace that begins alike", { role: "owner", repositories: "@-more/*" }],
  ["a pattern that covers others", { role: "owner", repositories: "@*" }],
  ["a double star", { role: "owner", repositories: "@/**" }],
  ["a list of patterns", { role: "owner", repositories: ["@/a"] }],
])("PUT: refuses %s", async (_, body) => {
  const { namespace, path, as } = await makeMember();
  const text = JSON.stringify(body).replace("@", namespace);
  expect(await refused("PUT", path, text, { as })).toEqual(INVALID);
});

/** Gives roles on that many patterns of the greatest length. */
async function fill(user: string, namespace: string, count: number): Promise<void> {
  const patterns = Array.from({ length: count }, (_, i) => `${namespace}/${i}-`.padEnd(254, "x"));
  await env.DB.prepare(
    `INSERT INTO members (user, namespace, pattern, role, created_at)
     SELECT ?1, ?2, value || '*', 'maintainer', 0 FROM json_each(?3)`,
  )
    .bind(user, namespace, JSON.stringify(patterns))
    .run();
}

test("PUT: 409 for a user's hundred and first pattern in a namespace; those that are there still change", async () => {
  const { namespace, person, path, as } = await makeMember();
  await fill(person.name, namespace, 99);
  const last = { role: "writer", repositories: `${namespace}/last` };
  expect((await api("PUT", path, last, { as })).status).toBe(201);
  const more = { role: "writer", repositories: `${namespace}/more` };
  expect(await refused("PUT", path, more, { as })).toEqual(FULL);
  const change = await api("PUT", path, { ...last, role: "reader" }, { as });
  expect([change.status, await change.json()]).toMatchObject([200, { role: "reader" }]);
  // The limit is for each namespace and each user alone.
  const other = await makeNamespace();
  await done("PUT", `/namespaces/${other.namespace}/members/${person.name}`, { role: "reader" });
  const another = await makeUser();
  await done("PUT", `/namespaces/${namespace}/members/${another.name}`, { role: "reader" });
});

test("roles that some namespaces give keep nobody from those of others, however many and long they are", async () => {
  const person = await makeUser();
  const as = person.authorization;
  const namespaces: string[] = [];
  for (let i = 0; i < 21; i++) {
    const { namespace } = await makeNamespace();
    await fill(person.name, namespace, 100);
    namespaces.push(namespace);
  }
  // The last by any order that names have.
  const last = `zz-${namespaces[0]}`;
  await done("POST", "/namespaces", { name: last, owner: person.name });
  const repository = `${last}/app`;
  expect(await pushes(as, repository)).toBe(202);
  expect(await pushes(as, `${namespaces[20]}/99-`.padEnd(254, "x"))).toBe(202);
  // The role is also listed outside of any namespace, and its owner can change the members.
  const me = await done<{ roles: { repositories: string }[] }>("GET", "/me", undefined, { as });
  expect(me.roles).toHaveLength(2000);
  expect(me.roles).toContainEqual({ repositories: `${last}/*`, role: "owner" });
  const path = `/namespaces/${last}/members/${person.name}`;
  const more = { role: "reader", repositories: `${last}/x` };
  expect((await api("PUT", path, more, { as })).status).toBe(201);
});

test("all roles of the namespace that a request is about are read, whatever else there is", async () => {
  const person = await makeUser();
  for (let i = 0; i < 30; i++) {
    const { namespace } = await makeNamespace();
    await fill(person.name, namespace, 100);
  }
  const { namespace } = await makeNamespace();
  await fill(person.name, namespace, 100);
  for (const i of [0, 50, 99]) {
    const repository = `${namespace}/${i}-`.padEnd(254, "x");
    expect(await pushes(person.authorization, repository)).toBe(202);
  }
});

test("PUT: the built-in administrator gets no role", async () => {
  const { namespace, owner } = await makeNamespace();
  const path = `/namespaces/${namespace}/members/admin`;
  const as = owner.authorization;
  expect(await refused("PUT", path, { role: "owner" }, { as })).toEqual(DENIED);
  expect(await refused("PUT", path, { role: "reader" })).toEqual(DENIED);
});

test("PUT: who or what is not there", async () => {
  const { namespace, as, person } = await makeMember();
  const body = { role: "reader" };
  const nobody = `/namespaces/${namespace}/members/nobody-of-that-name`;
  expect(await refused("PUT", nobody, body, { as })).toEqual(NOT_FOUND);
  const nowhere = `/namespaces/there-is-none/members/${person.name}`;
  expect(await refused("PUT", nowhere, body)).toEqual(NOT_FOUND);
  expect(await refused("GET", "/namespaces/there-is-none/members")).toEqual(NOT_FOUND);
});

test("only owners of the namespace manage its members", async () => {
  const { namespace, person, path } = await makeMember();
  const other = await makeNamespace();
  for (const role of ["reader", "writer", "maintainer"]) {
    await done("PUT", path, { role });
    const as = person.authorization;
    expect(await refused("PUT", path, { role: "owner" }, { as })).toEqual(DENIED);
    expect(await refused("DELETE", path, undefined, { as })).toEqual(DENIED);
    const list = `/namespaces/${namespace}/members`;
    expect(await refused("GET", list, undefined, { as })).toEqual(DENIED);
  }
  const as = other.owner.authorization;
  expect(await refused("PUT", path, { role: "owner" }, { as })).toEqual(DENIED);
  expect((await refused("DELETE", path, undefined, { as: null })).status).toBe(401);
});

test("DELETE: one pattern, or all that the user has in the namespace", async () => {
  const { namespace, person, path, as } = await makeMember();
  const elsewhere = await makeNamespace();
  const there = `/namespaces/${elsewhere.namespace}/members/${person.name}`;
  await done("PUT", there, { role: "writer" });
  const patterns = ["a", "b", "c"].map((name) => `${namespace}/${name}`);
  for (const repositories of patterns) {
    await done("PUT", path, { role: "writer", repositories }, { as });
  }
  const bearer = await pushToken(person.authorization, `${namespace}/a`);
  const one = `${path}?repositories=${encodeURIComponent(`${namespace}/a`)}`;
  expect((await api("DELETE", one, undefined, { as })).status).toBe(204);
  expect(await pushesWith(bearer, `${namespace}/a`)).toBe(401);
  expect(await pushes(person.authorization, `${namespace}/a`)).toBe(403);
  expect(await pushes(person.authorization, `${namespace}/b`)).toBe(202);
  expect(await refused("DELETE", one, undefined, { as })).toEqual(NOT_FOUND);
  await done("DELETE", path, undefined, { as });
  expect(await pushes(person.authorization, `${namespace}/b`)).toBe(403);
  expect(await pushes(person.authorization, `${elsewhere.namespace}/b`)).toBe(202);
  expect(await refused("DELETE", path, undefined, { as })).toEqual(NOT_FOUND);
});

test("DELETE: a misspelt query takes nothing away, nor does another namespace's pattern", async () => {
  const { namespace, path, as } = await makeMember();
  const elsewhere = await makeNamespace();
  await done("PUT", path, { role: "writer" }, { as });
  for (const query of ["repository=x", "repositories=a&repositories=b", "repositories=a&x=1"]) {
    const answer = await refused("DELETE", `${path}?${query}`, undefined, { as });
    expect(answer.status).toBe(400);
  }
  for (const pattern of ["", `${elsewhere.namespace}/*`, "%"]) {
    const query = `?repositories=${encodeURIComponent(pattern)}`;
    expect(await refused("DELETE", path + query, undefined, { as })).toEqual(NOT_FOUND);
  }
  const there = `/namespaces/${elsewhere.namespace}/members/${elsewhere.owner.name}`;
  expect(await refused("DELETE", there, undefined, { as })).toEqual(DENIED);
  const { items } = await done("GET", `/namespaces/${namespace}/members`, undefined, { as });
  expect(items).toHaveLength(2);
});

test("DELETE: the last owner may go where that is confirmed; an administrator gives it another", async () => {
  const { namespace, owner, person, path } = await makeMember();
  const own = `/namespaces/${namespace}/members/${owner.name}`;
  await done("DELETE", `${own}?confirm=last-owner`, undefined, { as: owner.authorization });
  const as = owner.authorization;
  expect(await refused("PUT", own, { role: "owner" }, { as })).toEqual(DENIED);
  await done("PUT", path, { role: "owner" });
  await done("PUT", own, { role: "reader" }, { as: person.authorization });
});

test("GET: by user and pattern, page by page", async () => {
  const { namespace, person, path, as } = await makeMember();
  const patterns = ["*", "app", "b/*"].map((name) => `${namespace}/${name}`);
  for (const repositories of patterns) await done("PUT", path, { role: "reader", repositories });
  const seen: string[] = [];
  for (let next: string | null = ""; next !== null;) {
    const query: string = `?limit=1&after=${encodeURIComponent(next)}`;
    const page: { items: { user: string; repositories: string }[]; next: string | null } =
      await done("GET", `/namespaces/${namespace}/members${query}`, undefined, { as });
    seen.push(...page.items.map(({ user, repositories }) => `${user} ${repositories}`));
    next = page.next;
  }
  expect(seen).toHaveLength(4);
  expect(seen).toEqual(seen.toSorted());
  expect(seen).toEqual(expect.arrayContaining(patterns.map((p) => `${person.name} ${p}`)));
});
