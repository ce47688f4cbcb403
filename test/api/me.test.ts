import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ADMIN, basic, type Send, withSettings } from "../support/client.ts";
import {
  api,
  audited,
  done,
  makeNamespace,
  makeToken,
  makeUser,
  PASSWORD,
  problem,
  pushes,
  pushesWith,
  pushToken,
  refused,
} from "../support/management.ts";

const NEW = `${PASSWORD}, and a new one`;

test("GET /me: who one is, with which roles and within which limits", async () => {
  const { namespace, owner } = await makeNamespace();
  const roles = [{ repositories: `${namespace}/*`, role: "owner" }];
  const person = {
    name: owner.name,
    admin: false,
    roles,
    trashDays: 7,
    maxRequestBytes: 100_000_000,
  };
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
    trashDays: 7,
    maxRequestBytes: 100_000_000,
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
    expect(answer).toEqual({ status: 400, code: "FIELD_INVALID" });
  }
});

/** A Worker in which something happens before the password is looked up, or before the batch that writes the new one. */
function interrupted(before: "lookup" | "write", happens: () => Promise<unknown>): Send {
  let writes = false;
  const DB = new Proxy(env.DB, {
    get(db, name) {
      if (name === "batch") {
        return async (statements: D1PreparedStatement[]) => {
          if (writes && before === "write") await happens();
          return db.batch(statements);
        };
      }
      if (name !== "prepare") return Reflect.get(db, name) as unknown;
      return (sql: string) => {
        const prepared = db.prepare(sql);
        writes ||= sql.startsWith("UPDATE users");
        if (before !== "lookup" || !sql.startsWith("SELECT password")) return prepared;
        const bind = (...values: unknown[]) => ({
          async first() {
            await happens();
            return prepared.bind(...values).first();
          },
        });
        return { bind };
      };
    },
  });
  return withSettings({ DB } as never);
}

test.each([
  ["before the current one is looked up", "lookup", { status: 400, code: "FIELD_INVALID" }],
  ["before the new one is written", "write", { status: 412, code: "VERSION_MISMATCH" }],
] as const)(
  "PUT /me/password: a password that an administrator sets %s is not overruled",
  async (_, moment, expected) => {
    const { name, authorization } = await makeUser();
    const reset = `${PASSWORD}, set by an administrator`;
    let resets = 0;
    const send = interrupted(moment, async () => {
      resets++;
      await done("PATCH", `/users/${name}`, { password: reset });
    });
    const body = { current: PASSWORD, password: NEW };
    const response = await api("PUT", "/me/password", body, { as: authorization, send });
    expect(resets).toBe(1);
    expect(await problem(response)).toEqual(expected);
    expect(await done("GET", "/me", undefined, { as: basic(name, reset) })).toMatchObject({ name });
    for (const password of [NEW, PASSWORD]) {
      expect((await api("GET", "/me", undefined, { as: basic(name, password) })).status).toBe(401);
    }
    // One change, the administrator's.
    expect((await audited(name)).filter((action) => action === "user.update")).toHaveLength(1);
  },
);
