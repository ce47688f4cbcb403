import { expect, test } from "vitest";
import { ADMIN, basic } from "../support/client.ts";
import {
  api,
  audited,
  done,
  makeNamespace,
  makeToken,
  makeUser,
  PASSWORD,
  pushes,
  pushesWith,
  pushToken,
  refused,
  unused,
} from "../support/management.ts";

test("POST /users: makes a user who can log in, and says where it is", async () => {
  const name = unused("alice");
  const response = await api("POST", "/users", { name, password: PASSWORD });
  expect(response.status).toBe(201);
  expect(response.headers.get("location")).toBe(`/api/v1/users/${name}`);
  expect(response.headers.get("etag")).toBe('"1"');
  const user = await response.json();
  const enabled = { disabled: false, disabledAt: null, disabledBy: null };
  const createdAt: unknown = expect.any(String);
  expect(user).toEqual({ name, admin: false, ...enabled, createdAt, version: 1 });
  expect(await done("GET", `/users/${name}`)).toEqual(user);
  const me = await done("GET", "/me", undefined, { as: basic(name, PASSWORD) });
  expect(me).toMatchObject({ name, via: "password", admin: false, roles: [], scopes: null });
  expect(await audited(name)).toEqual(["user.create"]);
});

test.each([
  ["no name", { password: PASSWORD }],
  ["a name with a space", { name: "a b", password: PASSWORD }],
  ["a name like a robot's", { name: "acme+ci", password: PASSWORD }],
  ["a short password", { name: "bob", password: "12345678901" }],
  ["a long password", { name: "bob", password: "x".repeat(1025) }],
  ["a password like a token", { name: "bob", password: "slp_345678901234567890" }],
  ["a password like a credential", { name: "bob", password: "slpo_45678901234567890" }],
  ["a number for a password", { name: "bob", password: 123_456_789_012 }],
  ["a text for a truth", { name: "bob", password: PASSWORD, admin: "true" }],
  ["an unknown field", { name: "bob", password: PASSWORD, role: "owner" }],
])("POST /users: refuses %s", async (_, body) => {
  expect(await refused("POST", "/users", body)).toEqual({ status: 400, code: "FIELD_INVALID" });
});

test("POST /users: there is one of each name, and admin is taken", async () => {
  const { name } = await makeUser();
  for (const taken of [name, "admin"]) {
    const body = { name: taken, password: PASSWORD, admin: true };
    expect(await refused("POST", "/users", body)).toEqual({ status: 409, code: "CONFLICT" });
  }
});

test("only administrators manage users", async () => {
  const { namespace, owner } = await makeNamespace();
  const other = await makeUser();
  const as = owner.authorization;
  const forbidden = { status: 403, code: "DENIED" };
  const body = { name: "mallory", password: PASSWORD, admin: true };
  expect(await refused("POST", "/users", body, { as })).toEqual(forbidden);
  expect(await refused("GET", "/users", undefined, { as })).toEqual(forbidden);
  for (const name of [owner.name, other.name]) {
    expect(await refused("PATCH", `/users/${name}`, { admin: true }, { as })).toEqual(forbidden);
    expect(await refused("DELETE", `/users/${name}`, undefined, { as })).toEqual(forbidden);
  }
  const bearer = await pushToken(ADMIN, `${namespace}/x`);
  expect(await refused("POST", "/users", body, { as: bearer })).toEqual(forbidden);
  expect((await refused("POST", "/users", body, { as: null })).status).toBe(401);
});

test("GET /users: lists them by name, page by page", async () => {
  const names = [(await makeUser()).name, (await makeUser()).name].toSorted();
  const first = await api("GET", "/users?limit=1");
  expect(await first.clone().json()).toMatchObject({ items: [{ name: "admin" }], next: "admin" });
  expect(first.headers.get("link")).toBe('</api/v1/users?limit=1&after=admin>; rel="next"');
  const { items } = await done<{ items: { name: string }[] }>("GET", "/users?limit=1000");
  const all = items.map(({ name }) => name);
  expect(all).toEqual(all.toSorted());
  expect(all).toEqual(expect.arrayContaining(names));
  expect(JSON.stringify(items)).not.toContain("pbkdf2");
});

test("PATCH /users: makes an administrator, and ends it again", async () => {
  const { name, authorization } = await makeUser();
  expect((await api("GET", "/users", undefined, { as: authorization })).status).toBe(403);
  const response = await api("PATCH", `/users/${name}`, { admin: true });
  expect(response.headers.get("etag")).toBe('"2"');
  expect(await response.json()).toMatchObject({ name, admin: true, version: 2 });
  const bearer = await pushToken(authorization, "some/thing");
  expect(await pushesWith(bearer, "some/thing")).toBe(202);
  await done("PATCH", `/users/${name}`, { admin: false });
  expect((await api("GET", "/users", undefined, { as: authorization })).status).toBe(403);
  expect(await pushesWith(bearer, "some/thing")).toBe(401);
  expect(await audited(name)).toEqual(["user.create", "user.update", "user.update"]);
});

test("PATCH /users: a new password replaces the old one, and ends what was signed with it", async () => {
  const { namespace, owner } = await makeNamespace();
  const repository = `${namespace}/app`;
  const bearer = await pushToken(owner.authorization, repository);
  expect(await pushesWith(bearer, repository)).toBe(202);
  await done("PATCH", `/users/${owner.name}`, { password: `${PASSWORD}, really` });
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(owner.authorization, repository)).toBe(401);
  expect(await pushes(basic(owner.name, `${PASSWORD}, really`), repository)).toBe(202);
});

test("PATCH /users: an administrator's token does not change its own password, only others'", async () => {
  const administrator = await makeUser({ admin: true });
  const own = `/users/${administrator.name}`;
  const as = `Bearer ${await makeToken(administrator, { expiresInDays: null })}`;
  const password = `${PASSWORD}, really`;
  const denied = { status: 403, code: "DENIED" };
  for (const body of [{ password }, { password, admin: true }]) {
    expect(await refused("PATCH", own, body, { as })).toEqual(denied);
  }
  const { name } = await makeUser();
  await done("PATCH", `/users/${name}`, { password }, { as });
  await done("PATCH", own, { admin: true }, { as });
  await done("PATCH", own, { password }, { as: administrator.authorization });
  await done("GET", "/me", undefined, { as: basic(administrator.name, password) });
});

test("If-Match: what was changed meanwhile stays as it is", async () => {
  const { name } = await makeUser();
  await done("PATCH", `/users/${name}`, { admin: true }, { headers: { "if-match": '"1"' } });
  const mismatch = { status: 412, code: "VERSION_MISMATCH" };
  for (const etag of ['"1"', '"3"', "2", 'W/"2"', '"x"']) {
    const headers = { "if-match": etag };
    const change = { admin: false };
    expect(await refused("PATCH", `/users/${name}`, change, { headers })).toEqual(mismatch);
    expect(await refused("DELETE", `/users/${name}`, undefined, { headers })).toEqual(mismatch);
  }
  const missing = await refused("DELETE", "/users/nobody", undefined, {
    headers: { "if-match": '"1"' },
  });
  expect(missing).toEqual({ status: 404, code: "NOT_FOUND" });
  await done("PATCH", `/users/${name}`, { admin: false }, { headers: { "if-match": "*" } });
  await done("DELETE", `/users/${name}`, undefined, { headers: { "if-match": '"3"' } });
});

test("PATCH /users: an empty change, a null and an unknown field are refused", async () => {
  const { name } = await makeUser();
  for (const body of [{}, { admin: null }, { name: "other" }, { password: "short" }, [], null, 1]) {
    const answer = await refused("PATCH", `/users/${name}`, body);
    expect(answer).toEqual({ status: 400, code: "FIELD_INVALID" });
  }
});

test("DELETE /users: the user is gone, with tokens, memberships and what was signed", async () => {
  const { namespace, owner } = await makeNamespace();
  const repository = `${namespace}/app`;
  const secret = await makeToken(owner);
  const bearer = await pushToken(basic(owner.name, secret), repository);
  expect(await pushesWith(bearer, repository)).toBe(202);
  expect((await api("DELETE", `/users/${owner.name}?confirm=last-owner`)).status).toBe(204);
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(basic(owner.name, secret), repository)).toBe(401);
  expect((await api("GET", `/users/${owner.name}`)).status).toBe(404);
  const { items } = await done("GET", `/namespaces/${namespace}/members`);
  expect(items).toEqual([]);
  // A new user of that name gets nothing of the first one.
  await done("POST", "/users", { name: owner.name, password: PASSWORD });
  expect(await pushes(owner.authorization, repository)).toBe(403);
  expect(await pushes(basic(owner.name, secret), repository)).toBe(401);
});

test("the built-in administrator is not changed, and nobody deletes themselves", async () => {
  const forbidden = { status: 403, code: "DENIED" };
  expect(await refused("DELETE", "/users/admin")).toEqual(forbidden);
  expect(await refused("PATCH", "/users/admin", { admin: false })).toEqual(forbidden);
  expect(await refused("PATCH", "/users/admin", { password: PASSWORD })).toEqual(forbidden);
  const { name, authorization } = await makeUser({ admin: true });
  const own = await refused("DELETE", `/users/${name}`, undefined, { as: authorization });
  expect(own).toEqual({ status: 409, code: "CONFLICT" });
});
