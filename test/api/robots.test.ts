import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { basic } from "../support/client.ts";
import {
  api,
  audited,
  done,
  makeNamespace,
  pushes,
  pushesWith,
  pushToken,
  refused,
} from "../support/management.ts";

const DENIED = { status: 403, code: "DENIED" };
const NOT_FOUND = { status: 404, code: "NOT_FOUND" };
const INVALID = { status: 400, code: "FIELD_INVALID" };

interface Robot {
  readonly name: string;
  readonly secret: string;
  readonly tokens: { readonly id: string; readonly expiresAt: string | null }[];
}

/** A robot that may push to `<namespace>/app`. */
async function makeRobot(options: Record<string, unknown> = {}) {
  const { namespace, owner } = await makeNamespace();
  const as = owner.authorization;
  const repository = `${namespace}/app`;
  const scopes = [{ repositories: repository, actions: ["push"] }];
  const list = `/namespaces/${namespace}/robots`;
  const body = { name: "ci", scopes, ...options };
  const robot = await done<Robot>("POST", list, body, { as });
  const login = basic(robot.name, robot.secret);
  return { namespace, owner, as, repository, robot, login, list, path: `${list}/ci`, scopes };
}

test("POST: a robot that does what its scopes say, with a secret that is shown once", async () => {
  const { namespace, owner } = await makeNamespace();
  const scopes = [{ repositories: `${namespace}/app`, actions: ["push"] }];
  const body = { name: "ci", description: "builds", scopes, expiresInDays: null };
  const list = `/namespaces/${namespace}/robots`;
  const response = await api("POST", list, body, { as: owner.authorization });
  expect(response.status).toBe(201);
  expect(response.headers.get("location")).toBe(`/api/v1${list}/ci`);
  expect(response.headers.get("etag")).toBe('"1"');
  const { secret, ...robot } = await response.json<Robot>();
  const createdAt = expect.any(String) as string;
  const id = expect.stringMatching(/^[0-9a-f]{16}$/) as string;
  expect(robot).toEqual({
    name: `${namespace}+ci`,
    description: "builds",
    scopes,
    tokens: [{ id, description: "", expiresAt: null, lastUsed: null, createdAt }],
    disabled: false,
    disabledAt: null,
    disabledBy: null,
    version: 1,
    createdAt,
  });
  const as = owner.authorization;
  expect(await done("GET", `${list}/ci`, undefined, { as })).toEqual(robot);
  const login = basic(robot.name, secret);
  expect(await pushes(login, `${namespace}/app`)).toBe(202);
  expect(await pushes(login, `${namespace}/other`)).toBe(403);
  expect(await refused("GET", list, undefined, { as: login })).toEqual(DENIED);
  expect(await audited(robot.name)).toEqual(["robot.create"]);
});

test("POST: one of each name in a namespace, and the same one in another", async () => {
  const { list, as, scopes } = await makeRobot();
  const taken = await refused("POST", list, { name: "ci", scopes }, { as });
  expect(taken).toEqual({ status: 409, code: "CONFLICT" });
  await makeRobot();
  const nowhere = "/namespaces/there-is-none/robots";
  const inside = [{ repositories: "there-is-none/*", actions: ["pull"] }];
  expect(await refused("POST", nowhere, { name: "ci", scopes: inside })).toEqual(NOT_FOUND);
  expect(await refused("GET", nowhere)).toEqual(NOT_FOUND);
});

test.each([
  ["a name with a plus", { name: "a+b" }],
  ["an empty name", { name: "" }],
  ["no scopes", { scopes: undefined }],
  ["an empty list of scopes", { scopes: [] }],
  ["everything", { scopes: [{ repositories: "*", actions: ["pull"] }] }],
  ["another namespace", { scopes: [{ repositories: "other/*", actions: ["pull"] }] }],
  ["what begins alike", { scopes: [{ repositories: "@-more/*", actions: ["pull"] }] }],
  ["a pattern that covers others", { scopes: [{ repositories: "@*", actions: ["pull"] }] }],
  [
    "one within and one without",
    {
      scopes: [
        { repositories: "@/*", actions: ["pull"] },
        { repositories: "x/*", actions: ["pull"] },
      ],
    },
  ],
  ["an unknown field", { namespace: "other" }],
  ["a description of numbers", { description: 1 }],
  ["days in text", { expiresInDays: "1" }],
])("POST: refuses %s", async (_, change) => {
  const { namespace, owner } = await makeNamespace();
  const scopes = [{ repositories: "@/*", actions: ["pull"] }];
  const text = JSON.stringify({ name: "ci", scopes, ...change }).replaceAll("@", namespace);
  const as = owner.authorization;
  expect(await refused("POST", `/namespaces/${namespace}/robots`, text, { as })).toEqual(INVALID);
});

test("PATCH: other scopes end what was signed for the old ones; a description does not", async () => {
  const { namespace, repository, path, as, login, robot } = await makeRobot();
  const bearer = await pushToken(login, repository);
  const response = await api("PATCH", path, { description: "other" }, { as });
  expect(response.headers.get("etag")).toBe('"2"');
  expect(await response.json()).toMatchObject({
    description: "other",
    tokens: [{ id: robot.tokens[0]?.id }],
  });
  expect(await pushesWith(bearer, repository)).toBe(202);
  const scopes = [{ repositories: `${namespace}/new`, actions: ["push"] }];
  await done("PATCH", path, { scopes }, { as });
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(login, repository)).toBe(403);
  expect(await pushes(login, `${namespace}/new`)).toBe(202);
  expect(await audited(robot.name)).toEqual(["robot.create", "robot.update", "robot.update"]);
});

test("PATCH and DELETE: a stale If-Match, what is wrong, and what is not there", async () => {
  const { path, list, as } = await makeRobot();
  await done("PATCH", path, { description: "x" }, { as });
  const headers = { "if-match": '"1"' };
  const stale = { status: 412, code: "VERSION_MISMATCH" };
  const change = { description: "y" };
  expect(await refused("PATCH", path, change, { as, headers })).toEqual(stale);
  expect(await refused("DELETE", path, undefined, { as, headers })).toEqual(stale);
  const outside = { scopes: [{ repositories: "other/*", actions: ["pull"] }] };
  for (const body of [{}, { name: "x" }, { description: null }, { scopes: [] }, outside]) {
    expect(await refused("PATCH", path, body, { as })).toEqual(INVALID);
  }
  const none = `${list}/none`;
  expect(await refused("GET", none, undefined, { as })).toEqual(NOT_FOUND);
  expect(await refused("PATCH", none, change, { as, headers })).toEqual(NOT_FOUND);
  expect(await refused("DELETE", none, undefined, { as })).toEqual(NOT_FOUND);
});

test("scopes: each action once, however often it was named", async () => {
  const { repository, path, as, list } = await makeRobot();
  const scope = (...actions: string[]) => [{ repositories: repository, actions }];
  const body = { name: "twice", scopes: scope("push", "pull", "push", "pull") };
  const made = await done<Robot>("POST", list, body, { as });
  expect(made).toMatchObject({ scopes: scope("push", "pull") });
  const changed = await done("PATCH", path, { scopes: scope("pull", "pull") }, { as });
  expect(changed).toMatchObject({ scopes: scope("pull") });
  const description = "x".repeat(512);
  expect(await done("PATCH", path, { description }, { as })).toMatchObject({ description });
  for (const wrong of ["x".repeat(513), "a\nb", "\0"]) {
    expect(await refused("PATCH", path, { description: wrong }, { as })).toEqual(INVALID);
  }
});

test("DELETE: the robot, its secrets and what was signed end", async () => {
  const { path, as, repository, login, list, scopes } = await makeRobot();
  const bearer = await pushToken(login, repository);
  expect((await api("DELETE", path, undefined, { as })).status).toBe(204);
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(login, repository)).toBe(401);
  await done("POST", list, { name: "ci", scopes }, { as });
  expect(await pushes(login, repository)).toBe(401);
});

test("a second secret takes the first one's place, one after the other", async () => {
  const { path, as, repository, login, robot } = await makeRobot();
  const body = { description: "new one", expiresInDays: 1 };
  const response = await api("POST", `${path}/tokens`, body, { as });
  expect(response.status).toBe(201);
  const { secret, ...token } = await response.json<{ id: string; secret: string }>();
  expect(response.headers.has("location")).toBe(false);
  expect(token).toMatchObject({ description: "new one", expiresAt: expect.any(String) });
  const next = basic(robot.name, secret);
  expect(await pushes(next, repository)).toBe(202);
  expect(await pushes(login, repository)).toBe(202);
  const bearer = await pushToken(login, repository);
  const first = `${path}/tokens/${robot.tokens[0]?.id}`;
  expect((await api("DELETE", first, undefined, { as })).status).toBe(204);
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(login, repository)).toBe(401);
  expect(await pushes(next, repository)).toBe(202);
  const { tokens } = await done<Robot>("GET", path, undefined, { as });
  expect(tokens.map(({ id }) => id)).toEqual([token.id]);
  expect(await audited(robot.name)).toEqual([
    "robot.create",
    "robot.token.create",
    "robot.token.delete",
  ]);
});

test("a robot's token is not found under another robot, nor as a user's own", async () => {
  const { path, list, as, scopes, robot } = await makeRobot();
  const other = await makeRobot();
  await done("POST", list, { name: "second", scopes }, { as });
  const id = robot.tokens[0]?.id ?? "";
  for (const wrong of [`${list}/second/tokens/${id}`, `${list}/none/tokens/${id}`]) {
    expect(await refused("DELETE", wrong, undefined, { as })).toEqual(NOT_FOUND);
  }
  const theirs = `${other.path}/tokens/${id}`;
  expect(await refused("DELETE", theirs, undefined, { as: other.as })).toEqual(NOT_FOUND);
  const inMine = `${path}/tokens/${other.robot.tokens[0]?.id}`;
  expect(await refused("DELETE", inMine, undefined, { as })).toEqual(NOT_FOUND);
  expect(await refused("DELETE", `/tokens/${id}`, undefined, { as })).toEqual(NOT_FOUND);
  const forbidden = `${path}/tokens/${id}`;
  expect(await refused("DELETE", forbidden, undefined, { as: other.as })).toEqual(DENIED);
  expect(await refused("POST", `${list}/none/tokens`, {}, { as })).toEqual(NOT_FOUND);
});

test("a robot has at most twenty tokens", async () => {
  const { path, as, robot } = await makeRobot();
  await env.DB.prepare(
    `INSERT INTO tokens (id, robot, hash, description, created_at)
     SELECT printf('%016x', value), ?1, ?1 || value, '', 0 FROM json_each(?2)`,
  )
    .bind(robot.name, JSON.stringify(Array.from({ length: 19 }, (_, i) => i)))
    .run();
  const full = await refused("POST", `${path}/tokens`, {}, { as });
  expect(full).toEqual({ status: 409, code: "CONFLICT" });
});

test("POST: 409 for a thousand and first robot of a namespace, and nothing is changed", async () => {
  const { namespace, list, as, scopes } = await makeRobot();
  await env.DB.prepare(
    `INSERT INTO robots (name, namespace, description, scopes, created_at)
     SELECT ?1 || '+' || value, ?1, '', '[]', 0 FROM json_each(?2)`,
  )
    .bind(namespace, JSON.stringify(Array.from({ length: 998 }, (_, i) => i)))
    .run();
  await done("POST", list, { name: "last", scopes }, { as });
  const full = await refused("POST", list, { name: "more", scopes }, { as });
  expect(full).toEqual({ status: 409, code: "CONFLICT" });
});

test("a robot's secrets, the first and the further ones, end no later than the token that makes them", async () => {
  const { namespace, owner, scopes, list, path } = await makeRobot();
  const parent = await done<{ secret: string; expiresAt: string }>(
    "POST",
    "/tokens",
    { description: "x", expiresInDays: 10 },
    { as: owner.authorization },
  );
  const as = basic(owner.name, parent.secret);
  for (const expiresInDays of [11, null]) {
    const body = { name: "late", scopes, expiresInDays };
    expect(await refused("POST", list, body, { as })).toEqual(DENIED);
    expect(await refused("POST", `${path}/tokens`, { expiresInDays }, { as })).toEqual(DENIED);
  }
  const limit = Math.floor(Date.parse(parent.expiresAt) / 1000) * 1000;
  const robot = await done<Robot>("POST", list, { name: "usual", scopes }, { as });
  expect(robot.tokens.map(({ expiresAt }) => Date.parse(expiresAt ?? ""))).toEqual([limit]);
  const further = await done<{ expiresAt: string }>("POST", `${path}/tokens`, {}, { as });
  expect(Date.parse(further.expiresAt)).toBe(limit);
  const body = { expiresInDays: 9 };
  const sooner = await done<{ expiresAt: string }>("POST", `${path}/tokens`, body, { as });
  expect(Date.parse(sooner.expiresAt)).toBeLessThan(limit);
  expect(await pushes(basic(robot.name, robot.secret), `${namespace}/app`)).toBe(202);
});

test("only owners of the namespace manage its robots", async () => {
  const { path, list, scopes, login } = await makeRobot();
  const other = await makeRobot();
  for (const as of [other.as, other.login, login]) {
    expect(await refused("GET", list, undefined, { as })).toEqual(DENIED);
    expect(await refused("GET", path, undefined, { as })).toEqual(DENIED);
    expect(await refused("POST", list, { name: "x", scopes }, { as })).toEqual(DENIED);
    expect(await refused("PATCH", path, { scopes }, { as })).toEqual(DENIED);
    expect(await refused("DELETE", path, undefined, { as })).toEqual(DENIED);
    expect(await refused("POST", `${path}/tokens`, {}, { as })).toEqual(DENIED);
  }
});

test("GET: by name, page by page, without secrets", async () => {
  const { list, namespace, as, scopes } = await makeRobot();
  await done("POST", list, { name: "a", scopes }, { as });
  const first = await done("GET", `${list}?limit=1`, undefined, { as });
  expect(first).toMatchObject({ items: [{ name: `${namespace}+a` }], next: `${namespace}+a` });
  const after = encodeURIComponent(`${namespace}+a`);
  const second = await done("GET", `${list}?limit=1&after=${after}`, undefined, { as });
  expect(second).toMatchObject({ items: [{ name: `${namespace}+ci` }], next: null });
  expect(JSON.stringify([first, second])).not.toMatch(/slp_|hash|secret/);
});
