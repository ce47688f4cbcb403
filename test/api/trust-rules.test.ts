import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { withSettings } from "../support/client.ts";
import { api, audited, done, makeNamespace, refused } from "../support/management.ts";

const DENIED = { status: 403, code: "DENIED" };
const NOT_FOUND = { status: 404, code: "NOT_FOUND" };
const INVALID = { status: 400, code: "FIELD_INVALID" };
const GITHUB = "https://token.actions.githubusercontent.com";

/** A namespace with a rule. */
async function makeRule() {
  const { namespace, owner } = await makeNamespace();
  const as = owner.authorization;
  const list = `/namespaces/${namespace}/trust-rules`;
  const rule = {
    issuer: GITHUB,
    audience: "https://registry.test",
    claims: { repository_id: ["123"], ref: ["refs/heads/*"] },
    scopes: [{ repositories: `${namespace}/app`, actions: ["push"] }],
  };
  const response = await api("POST", list, { name: "app", ...rule }, { as });
  return { namespace, as, list, path: `${list}/app`, rule, response };
}

test("POST: a rule, with the usual lifetime, and where it is", async () => {
  const { namespace, as, list, path, rule, response } = await makeRule();
  expect(response.status).toBe(201);
  expect(response.headers.get("location")).toBe(`/api/v1${path}`);
  expect(response.headers.get("etag")).toBe('"1"');
  const made = await response.json();
  expect(made).toEqual({
    name: `${namespace}+app`,
    ...rule,
    lifetime: 900,
    version: 1,
    createdAt: expect.any(String),
  });
  expect(await done("GET", path, undefined, { as })).toEqual(made);
  expect(await done("GET", list, undefined, { as })).toEqual({ items: [made], next: null });
  expect(await audited(`${namespace}+app`)).toEqual(["rule.create"]);
  const again = { name: "app", ...rule };
  const taken = { status: 409, code: "CONFLICT" };
  expect(await refused("POST", list, again, { as })).toEqual(taken);
});

test("POST: 409 for a hundred and first rule of a namespace, and nothing is changed", async () => {
  const { namespace, as, list, rule } = await makeRule();
  const { name, ...columns } = { ...rule, name: "more" };
  await env.DB.batch(
    Array.from({ length: 99 }, (_, i) =>
      env.DB.prepare(
        `INSERT INTO trust_rules (name, namespace, issuer, selector, audience, claims, scopes, lifetime, created_at)
         VALUES (?1, ?2, ?3, '', '', '{}', '[]', 60, 0)`,
      ).bind(`${namespace}+r${i}`, namespace, columns.issuer),
    ),
  );
  const full = { status: 409, code: "CONFLICT" };
  expect(await refused("POST", list, { name, ...columns }, { as })).toEqual(full);
});

test.each([
  ["no name", { name: undefined }],
  ["a name with a plus", { name: "a+b" }],
  ["no audience", { audience: undefined }],
  ["an empty audience", { audience: " " }],
  ["plain http", { issuer: "http://issuer.example" }],
  ["the machine itself", { issuer: "https://localhost:8080" }],
  ["an address", { issuer: "https://169.254.169.254" }],
  ["no URL", { issuer: "github" }],
  ["no claims", { claims: undefined }],
  ["an empty set of claims", { claims: {} }],
  ["claims that do not say whose token it is", { claims: { aud: ["x"] } }],
  ["a claim that is no list", { claims: { repository_id: "123" } }],
  ["a claim that is a number", { claims: { repository_id: [123] } }],
  ["a star for a claim", { claims: { repository_id: ["123"], ref: ["*"] } }],
  ["no id on GitHub", { claims: { repository: ["acme/app"] } }],
  ["a loose id on GitHub", { claims: { repository_id: ["12*"] } }],
  ["a claim called constructor", { claims: { repository_id: ["1"], constructor: ["x"] } }],
  ["a list for claims", { claims: [["repository_id"]] }],
  ["no scopes", { scopes: undefined }],
  ["everything", { scopes: [{ repositories: "*", actions: ["pull"] }] }],
  ["another namespace", { scopes: [{ repositories: "other/*", actions: ["pull"] }] }],
  ["a pattern that covers others", { scopes: [{ repositories: "@*", actions: ["pull"] }] }],
  ["too short a lifetime", { lifetime: 59 }],
  ["too long a lifetime", { lifetime: 3601 }],
  ["a lifetime in text", { lifetime: "900" }],
  ["an unknown field", { subject: "x" }],
])("POST: refuses %s", async (_, change) => {
  const { namespace, as, list, rule } = await makeRule();
  const text = JSON.stringify({ ...rule, name: "new", ...change }).replaceAll("@", namespace);
  expect(await refused("POST", list, text, { as })).toEqual(INVALID);
});

test("POST: no condition is passed over, whatever it is called", async () => {
  const { as, list, rule } = await makeRule();
  const text = JSON.stringify({ name: "new", ...rule });
  const hidden = text.replace('"claims":{', '"claims":{"__proto__":["x"],');
  expect(hidden).not.toBe(text);
  expect(await refused("POST", list, hidden, { as })).toEqual(INVALID);
});

test("POST: an issuer on one's own machine, where that is allowed", async () => {
  const { as, list, rule } = await makeRule();
  const body = { ...rule, name: "local", issuer: "http://localhost:8080", claims: { sub: ["me"] } };
  expect(await refused("POST", list, body, { as })).toEqual(INVALID);
  const send = withSettings({ ALLOW_INSECURE_ISSUERS: "true" });
  expect((await api("POST", list, body, { as, send })).status).toBe(201);
});

test("PATCH: any field but the name; the whole rule must be sound", async () => {
  const { namespace, as, path } = await makeRule();
  const claims = { repository_id: ["123"], ref: ["refs/tags/*"] };
  const scopes = [{ repositories: `${namespace}/*`, actions: ["pull"] }];
  const change = { claims, scopes, lifetime: 60, audience: "x", issuer: `${GITHUB}/acme` };
  const response = await api("PATCH", path, change, { as });
  expect(response.status).toBe(200);
  expect(response.headers.get("etag")).toBe('"2"');
  expect(await response.json()).toMatchObject({ ...change, version: 2 });
  expect(await done("GET", path, undefined, { as })).toMatchObject({ ...change, version: 2 });
  for (const body of [
    {},
    { name: "other" },
    { claims: { ref: ["refs/heads/main"] } },
    { issuer: GITHUB, claims: { sub: ["repo:*"] } },
    { scopes: [{ repositories: "other/x", actions: ["pull"] }] },
    { lifetime: 0 },
    { audience: null },
  ]) {
    expect(await refused("PATCH", path, body, { as })).toEqual(INVALID);
  }
  expect(await audited(`${namespace}+app`)).toEqual(["rule.create", "rule.update"]);
});

test("PATCH and DELETE: a stale If-Match, and what is not there", async () => {
  const { as, path, list } = await makeRule();
  await done("PATCH", path, { lifetime: 60 }, { as, headers: { "if-match": '"1"' } });
  const headers = { "if-match": '"1"' };
  const stale = { status: 412, code: "VERSION_MISMATCH" };
  expect(await refused("PATCH", path, { lifetime: 90 }, { as, headers })).toEqual(stale);
  expect(await refused("DELETE", path, undefined, { as, headers })).toEqual(stale);
  const none = `${list}/none`;
  expect(await refused("GET", none, undefined, { as })).toEqual(NOT_FOUND);
  expect(await refused("PATCH", none, { lifetime: 90 }, { as })).toEqual(NOT_FOUND);
  expect(await refused("DELETE", none, undefined, { as })).toEqual(NOT_FOUND);
  expect((await api("DELETE", path, undefined, { as })).status).toBe(204);
  expect(await refused("DELETE", path, undefined, { as })).toEqual(NOT_FOUND);
});

test("PATCH: of several at once each is made, unless it says of which version", async () => {
  const { as, path } = await makeRule();
  const changes = [{ lifetime: 60 }, { audience: "https://other.test" }, { issuer: `${GITHUB}/x` }];
  const all = (headers: Record<string, string>) =>
    Promise.all(changes.map((change) => api("PATCH", path, change, { as, headers })));
  const made = await all({});
  expect(made.map(({ status }) => status)).toEqual([200, 200, 200]);
  const rule = await done("GET", path, undefined, { as });
  expect(rule).toMatchObject({ ...Object.assign({}, ...changes), version: 4 });
  const statuses = (await all({ "if-match": '"4"' })).map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 412, 412]);
});

test.each([
  ["goes through when the others have ended", 3, 200],
  ["ends where they do not", 4, 409],
] as const)("PATCH: a change that others keep overtaking %s", async (_, overtaken, status) => {
  const { namespace, as, path } = await makeRule();
  let left: number = overtaken;
  const overtake = `UPDATE trust_rules SET version = version + 1 WHERE name = ?1`;
  // Another change comes between the read of the rule and its write.
  const DB = new Proxy(env.DB, {
    get: (db, name) =>
      name === "prepare"
        ? (sql: string) => db.prepare(sql)
        : async (batch: D1PreparedStatement[]) => {
            if (left-- > 0) await db.prepare(overtake).bind(`${namespace}+app`).run();
            return db.batch(batch);
          },
  });
  const send = withSettings({ DB } as never);
  const response = await api("PATCH", path, { lifetime: 60 }, { as, send });
  expect(response.status, await response.clone().text()).toBe(status);
  expect(await done("GET", path, undefined, { as })).toMatchObject({
    lifetime: status === 200 ? 60 : 900,
  });
});

test("only owners of the namespace manage its rules; another's is not found in one's own", async () => {
  const one = await makeRule();
  const other = await makeRule();
  await done("POST", other.list, { name: "theirs", ...other.rule }, { as: other.as });
  const as = other.as;
  expect(await refused("GET", one.list, undefined, { as })).toEqual(DENIED);
  expect(await refused("GET", one.path, undefined, { as })).toEqual(DENIED);
  const made = { name: "x", ...one.rule };
  expect(await refused("POST", one.list, made, { as })).toEqual(DENIED);
  expect(await refused("PATCH", one.path, { lifetime: 60 }, { as })).toEqual(DENIED);
  expect(await refused("DELETE", one.path, undefined, { as })).toEqual(DENIED);
  const theirs = `${one.list}/theirs`;
  expect(await refused("DELETE", theirs, undefined, { as: one.as })).toEqual(NOT_FOUND);
  expect(await refused("GET", theirs, undefined, { as: one.as })).toEqual(NOT_FOUND);
  expect(await refused("GET", "/namespaces/there-is-none/trust-rules")).toEqual(NOT_FOUND);
});
