import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { ADMIN, basic } from "../support/client.ts";
import {
  api,
  audited,
  done,
  makeNamespace,
  makeToken,
  makeUser,
  type Person,
  pushes,
  pushesWith,
  pushToken,
  refused,
} from "../support/management.ts";

const DAY = 86_400_000;
const DENIED = { status: 403, code: "DENIED" };
const NOT_FOUND = { status: 404, code: "NOT_FOUND" };

interface Token {
  readonly id: string;
  readonly secret: string;
  readonly scopes: unknown;
  readonly expiresAt: string | null;
  readonly lastUsed: string | null;
}

function make(as: string, options: Record<string, unknown> = {}): Promise<Token> {
  return done<Token>("POST", "/tokens", { description: "test", ...options }, { as });
}

async function tokensOf({ authorization }: Person): Promise<Token[]> {
  return (await done<{ items: Token[] }>("GET", "/tokens", undefined, { as: authorization })).items;
}

test("POST /tokens: a secret that is shown once, for everything, for 90 days", async () => {
  const owner = await makeUser();
  const response = await api(
    "POST",
    "/tokens",
    { description: "laptop" },
    { as: owner.authorization },
  );
  expect(response.status).toBe(201);
  const { secret, ...token } = await response.json<Token>();
  // No Location, since the token has no path of its own.
  expect(response.headers.has("location")).toBe(false);
  expect(secret).toMatch(/^slp_[A-Za-z0-9_-]{43}$/);
  expect(token).toEqual({
    id: expect.stringMatching(/^[0-9a-f]{16}$/),
    description: "laptop",
    scopes: [{ repositories: "*", actions: ["admin"] }],
    expiresAt: expect.any(String),
    lastUsed: null,
    createdAt: expect.any(String),
  });
  const days = (Date.parse(token.expiresAt ?? "") - Date.now()) / DAY;
  expect(Math.round(days)).toBe(90);
  expect(await tokensOf(owner)).toEqual([token]);
  expect(await audited(token.id)).toEqual(["token.create"]);
});

test("a token does what its scopes say, and not more than its user may", async () => {
  const { namespace, owner } = await makeNamespace();
  const scopes = [
    { repositories: `${namespace}/app`, actions: ["push"] },
    { repositories: "others/*", actions: ["admin"] },
  ];
  const secret = await makeToken(owner, { scopes, expiresInDays: null });
  const as = basic(owner.name, secret);
  expect(await pushes(as, `${namespace}/app`)).toBe(202);
  expect(await pushes(as, `${namespace}/other`)).toBe(403);
  expect(await pushes(as, "others/app")).toBe(403);
  expect(await refused("GET", `/namespaces/${namespace}`, undefined, { as })).toEqual(DENIED);
  const [token] = await tokensOf(owner);
  expect(token?.expiresAt).toBeNull();
  expect(token?.scopes).toEqual(scopes);
});

test("an expired token is none", async () => {
  const { namespace, owner } = await makeNamespace();
  const secret = await makeToken(owner, { expiresInDays: 1 });
  expect(await pushes(basic(owner.name, secret), `${namespace}/app`)).toBe(202);
  await env.DB.prepare(`UPDATE tokens SET expires_at = ?1 WHERE user = ?2`)
    .bind(Date.now() - 1, owner.name)
    .run();
  expect(await pushes(basic(owner.name, secret), `${namespace}/app`)).toBe(401);
});

test("POST /tokens: by an unlimited token, but not for longer than it holds itself", async () => {
  const owner = await makeUser();
  const parent = await make(owner.authorization, { expiresInDays: 10 });
  const as = `Bearer ${parent.secret}`;
  for (const expiresInDays of [11, 3650, null]) {
    const body = { description: "test", expiresInDays };
    expect(await refused("POST", "/tokens", body, { as })).toEqual(DENIED);
  }
  expect((await make(as, { expiresInDays: 9 })).expiresAt).not.toBeNull();
  const usual = await make(as);
  const limit = Date.parse(parent.expiresAt ?? "");
  expect(limit - Date.parse(usual.expiresAt ?? "")).toBeGreaterThanOrEqual(0);
  expect(limit - Date.parse(usual.expiresAt ?? "")).toBeLessThan(1_000);
  const forever = await make(owner.authorization, { expiresInDays: null });
  const child = await make(`Bearer ${forever.secret}`, { expiresInDays: null });
  expect(child.expiresAt).toBeNull();
});

test("POST /tokens: not by limited tokens, robots, registry tokens, or nobody", async () => {
  const { namespace, owner } = await makeNamespace();
  const limited = [
    [{ repositories: `${namespace}/*`, actions: ["admin"] }],
    [{ repositories: "*", actions: ["pull", "push", "delete"] }],
    [{ repositories: "*/*", actions: ["admin"] }],
  ];
  const secrets = await Promise.all(limited.map((scopes) => makeToken(owner, { scopes })));
  const robot = await done<{ name: string; secret: string }>(
    "POST",
    `/namespaces/${namespace}/robots`,
    { name: "ci", scopes: limited[0] },
  );
  for (const as of [
    ...secrets.map((secret) => basic(owner.name, secret)),
    basic(robot.name, robot.secret),
    await pushToken(owner.authorization, `${namespace}/x`),
    await pushToken(ADMIN, `${namespace}/x`),
  ]) {
    for (const expiresInDays of [undefined, 1]) {
      const body = { description: "test", expiresInDays };
      expect(await refused("POST", "/tokens", body, { as })).toEqual(DENIED);
    }
  }
  expect((await refused("POST", "/tokens", {}, { as: null })).status).toBe(401);
});

test("POST /tokens: 409 for a user's hundred and first, and nothing is changed", async () => {
  const owner = await makeUser();
  await env.DB.prepare(
    `INSERT INTO tokens (id, user, hash, description, scopes, created_at)
     SELECT ?1 || value, ?1, ?1 || value, '', '[]', 0 FROM json_each(?2)`,
  )
    .bind(owner.name, JSON.stringify(Array.from({ length: 99 }, (_, i) => i)))
    .run();
  const { id } = await make(owner.authorization);
  const as = owner.authorization;
  const more = () => refused("POST", "/tokens", { description: "more" }, { as });
  expect(await more()).toEqual({ status: 409, code: "CONFLICT" });
  await done("DELETE", `/tokens/${id}`, undefined, { as });
  await make(as);
});

test.each([
  ["no description", { description: undefined }],
  ["an empty description", { description: "" }],
  ["a description of two lines", { description: "a\nb" }],
  ["a long description", { description: "x".repeat(513) }],
  ["no scope", { scopes: [] }],
  [
    "too many scopes",
    { scopes: Array.from({ length: 21 }, () => ({ repositories: "a/*", actions: ["pull"] })) },
  ],
  ["an unknown action", { scopes: [{ repositories: "a/*", actions: ["own"] }] }],
  ["no action", { scopes: [{ repositories: "a/*", actions: [] }] }],
  ["a double star", { scopes: [{ repositories: "a/**", actions: ["pull"] }] }],
  ["an upper-case pattern", { scopes: [{ repositories: "A/*", actions: ["pull"] }] }],
  ["a pattern with a quote", { scopes: [{ repositories: "a'/*", actions: ["pull"] }] }],
  ["a long pattern", { scopes: [{ repositories: "a".repeat(256), actions: ["pull"] }] }],
  ["an unknown field", { user: "admin" }],
  ["an unknown field of a scope", { scopes: [{ repositories: "*", actions: ["pull"], x: 1 }] }],
  ["no days", { expiresInDays: 0 }],
  ["a piece of a day", { expiresInDays: 1.5 }],
  ["too many days", { expiresInDays: 3651 }],
  ["a text for days", { expiresInDays: "90" }],
])("POST /tokens: refuses %s", async (_, change) => {
  const body = { description: "test", ...change };
  expect(await refused("POST", "/tokens", body)).toEqual({ status: 400, code: "FIELD_INVALID" });
});

test("DELETE /tokens: ends the token, and what was signed with it", async () => {
  const { namespace, owner } = await makeNamespace();
  const repository = `${namespace}/app`;
  const { id, secret } = await make(owner.authorization);
  const bearer = await pushToken(basic(owner.name, secret), repository);
  expect(await pushesWith(bearer, repository)).toBe(202);
  const response = await api("DELETE", `/tokens/${id}`, undefined, { as: owner.authorization });
  expect(response.status).toBe(204);
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(basic(owner.name, secret), repository)).toBe(401);
  expect(await pushes(owner.authorization, repository)).toBe(202);
  expect(await tokensOf(owner)).toEqual([]);
  expect(await audited(id)).toEqual(["token.create", "token.delete"]);
});

test("DELETE /tokens: others' are not found, but by an administrator", async () => {
  const [owner, other] = [await makeUser(), await makeUser()];
  const { id } = await make(owner.authorization);
  const as = other.authorization;
  expect(await refused("DELETE", `/tokens/${id}`, undefined, { as })).toEqual(NOT_FOUND);
  expect(await refused("DELETE", "/tokens/0123456789abcdef")).toEqual(NOT_FOUND);
  expect(await refused("DELETE", "/tokens/nonsense")).toEqual(NOT_FOUND);
  expect(await tokensOf(other)).toEqual([]);
  expect((await api("DELETE", `/tokens/${id}`)).status).toBe(204);
});

test("DELETE /tokens: a limited token deletes itself, and no other", async () => {
  const owner = await makeUser({ admin: true });
  const scopes = [{ repositories: "*", actions: ["pull"] }];
  const other = await make(owner.authorization);
  const { id, secret } = await make(owner.authorization, { scopes });
  const as = `Bearer ${secret}`;
  expect(await refused("DELETE", `/tokens/${other.id}`, undefined, { as })).toEqual(DENIED);
  const bearer = await pushToken(basic(owner.name, secret), "a/b");
  const signed = await refused("DELETE", `/tokens/${id}`, undefined, { as: bearer });
  expect(signed).toEqual(DENIED);
  expect((await api("DELETE", `/tokens/${id}`, undefined, { as })).status).toBe(204);
  expect((await api("GET", "/me", undefined, { as })).status).toBe(401);
});

test("DELETE /tokens: a robot's is not a user's, not even an administrator's", async () => {
  const { namespace, owner } = await makeNamespace();
  const scopes = [{ repositories: `${namespace}/*`, actions: ["push"] }];
  const robot = await done<{ tokens: { id: string }[] }>(
    "POST",
    `/namespaces/${namespace}/robots`,
    { name: "ci", scopes },
  );
  const path = `/tokens/${robot.tokens[0]?.id}`;
  expect(await refused("DELETE", path, undefined, { as: owner.authorization })).toEqual(NOT_FOUND);
  expect(await refused("DELETE", path)).toEqual(NOT_FOUND);
});

test("GET /tokens: for those who may make some; not for limited tokens, nor for robots", async () => {
  const { namespace, owner } = await makeNamespace();
  const scopes = [{ repositories: `${namespace}/*`, actions: ["admin"] }];
  const limited = await makeToken(owner, { scopes });
  const list = `/namespaces/${namespace}/robots`;
  const robot = await done<{ secret: string }>("POST", list, { name: "ci", scopes });
  const registryToken = await pushToken(owner.authorization, `${namespace}/x`);
  for (const as of [`Bearer ${limited}`, `Bearer ${robot.secret}`, registryToken]) {
    expect(await refused("GET", "/tokens", undefined, { as })).toEqual(DENIED);
  }
  const unlimited = `Bearer ${await makeToken(owner)}`;
  const { items } = await done("GET", "/tokens", undefined, { as: unlimited });
  expect(items).toHaveLength(2);
});

test("GET /tokens: one's own, page by page, with the day of their last use", async () => {
  const owner = await makeUser();
  const made = [await make(owner.authorization), await make(owner.authorization)];
  const ids = made.map(({ id }) => id).toSorted();
  const as = owner.authorization;
  const first = await done("GET", "/tokens?limit=1", undefined, { as });
  expect(first).toMatchObject({ items: [{ id: ids[0], lastUsed: null }], next: ids[0] });
  const second = await done("GET", `/tokens?limit=1&after=${ids[0]}`, undefined, { as });
  expect(second).toMatchObject({ items: [{ id: ids[1] }], next: null });
  await done("GET", "/me", undefined, { as: `Bearer ${made[0]?.secret}` });
  await expect
    .poll(async () => (await tokensOf(owner)).map(({ lastUsed }) => lastUsed))
    .toContain(new Date().toISOString().slice(0, 10));
  expect(JSON.stringify(await tokensOf(owner))).not.toMatch(/slp_|hash/);
});
