import { expect, test } from "vitest";
import { ADMIN, basic } from "../../support/client.ts";
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
} from "../../support/management.ts";

const NEW = `${PASSWORD}, and a new one`;

test("GET /me: who one is, with which roles and within which limits", async () => {
  const { namespace, owner } = await makeNamespace();
  const roles = [{ repositories: `${namespace}/*`, role: "owner" }];
  const person = { name: owner.name, admin: false, roles };
  expect(await done("GET", "/me", undefined, { as: owner.authorization })).toEqual({
    ...person,
    via: "password",
    scopes: null,
    expires: null,
  });
  const scopes = [{ repositories: `${namespace}/app`, actions: ["push"] }];
  const secret = await makeToken(owner, { scopes, expiresInDays: 1 });
  expect(await done("GET", "/me", undefined, { as: `Bearer ${secret}` })).toEqual({
    ...person,
    via: "token",
    scopes: [{ repositories: `${namespace}/app`, actions: ["pull", "push"] }],
    expires: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
});

test("GET /me: an administrator, a limited one, a robot, a registry token, and nobody", async () => {
  expect(await done("GET", "/me")).toMatchObject({
    name: "admin",
    admin: true,
    roles: [{ repositories: "*", role: "owner" }],
  });
  const scopes = [{ repositories: "*", actions: ["pull"] }];
  const admin = await makeUser({ admin: true });
  const limited = await makeToken(admin, { scopes });
  const me = await done("GET", "/me", undefined, { as: `Bearer ${limited}` });
  expect(me).toMatchObject({ admin: false, scopes });
  const { namespace, owner } = await makeNamespace();
  const robot = await done<{ name: string; secret: string }>(
    "POST",
    `/namespaces/${namespace}/robots`,
    { name: "ci", scopes: [{ repositories: `${namespace}/*`, actions: ["admin"] }] },
    { as: owner.authorization },
  );
  expect(await done("GET", "/me", undefined, { as: basic(robot.name, robot.secret) })).toEqual({
    name: `${namespace}+ci`,
    via: "robot",
    admin: false,
    roles: [],
    scopes: [{ repositories: `${namespace}/*`, actions: ["admin"] }],
    expires: expect.any(String),
  });
  const bearer = await pushToken(ADMIN, "a/b");
  expect(await done("GET", "/me", undefined, { as: bearer })).toMatchObject({
    name: "admin",
    admin: false,
    roles: [],
    scopes: [{ repositories: "a/b", actions: ["pull", "push"] }],
  });
  expect((await refused("GET", "/me", undefined, { as: null })).status).toBe(401);
});

test("PUT /me/password: replaces it, and ends what was signed with it", async () => {
  const { namespace, owner } = await makeNamespace();
  const repository = `${namespace}/app`;
  const bearer = await pushToken(owner.authorization, repository);
  const body = { current: PASSWORD, password: NEW };
  const response = await api("PUT", "/me/password", body, { as: owner.authorization });
  expect(response.status).toBe(204);
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(owner.authorization, repository)).toBe(401);
  expect(await pushes(basic(owner.name, NEW), repository)).toBe(202);
  expect(await audited(owner.name)).toContain("user.update");
});

test("PUT /me/password: not by a token, a robot or a registry token, nor for the built-in administrator", async () => {
  const { namespace, owner } = await makeNamespace();
  const secret = await makeToken(owner);
  const robot = await done<{ name: string; secret: string }>(
    "POST",
    `/namespaces/${namespace}/robots`,
    { name: "ci", scopes: [{ repositories: `${namespace}/*`, actions: ["admin"] }] },
  );
  const body = { current: PASSWORD, password: NEW };
  for (const as of [
    ADMIN,
    `Bearer ${secret}`,
    basic(owner.name, secret),
    basic(robot.name, robot.secret),
    await pushToken(owner.authorization, `${namespace}/x`),
    await pushToken(ADMIN, `${namespace}/x`),
  ]) {
    const answer = await refused("PUT", "/me/password", body, { as });
    expect(answer).toEqual({ status: 403, code: "DENIED" });
  }
});

test("PUT /me/password: refuses what is wrong with the body", async () => {
  const { authorization } = await makeUser();
  for (const body of [
    { current: "not this one, I think", password: NEW },
    { password: NEW },
    { current: PASSWORD, password: "short" },
    { current: PASSWORD, password: NEW, admin: true },
  ]) {
    const answer = await refused("PUT", "/me/password", body, { as: authorization });
    expect(answer).toEqual({ status: 400, code: "INVALID" });
  }
});
