/** No call's work grows with the number of users, namespaces, robots or rules: every statement finds its rows by an index. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { ADMIN, basic, withSettings } from "../support/client.ts";
import { planOf, recorded, tableScans } from "../support/plans.ts";
import { logIn } from "../support/accounts.ts";
import { api, done, PASSWORD } from "../support/management.ts";

const { db: DB, statements } = recorded();
const send = withSettings({ DB } as never);

const ROBOTS = "/namespaces/acme/robots";
const RULES = "/namespaces/acme/trust-rules";
const MEMBER = "/namespaces/acme/members/alice";
const scopes = [{ repositories: "acme/*", actions: ["push"] }];

beforeAll(async () => {
  await call("POST", "/users", { name: "alice", password: PASSWORD });
  await call("GET", "/users");
  await call("GET", "/users/alice");
  await call("PATCH", "/users/alice", { admin: false });
  const alice = basic("alice", PASSWORD);
  await call("PUT", "/me/password", { current: PASSWORD, password: `${PASSWORD}!` }, alice);
  const again = basic("alice", `${PASSWORD}!`);
  const token = await call("POST", "/tokens", { description: "x" }, again);
  await call("GET", "/tokens", undefined, again);
  await call("PATCH", `/tokens/${token.id}`, { expiresInDays: 9 }, again);
  await call("DELETE", `/tokens/${token.id}`, undefined, again);
  await call("POST", "/namespaces", { name: "acme", owner: "alice" });
  await call("GET", "/namespaces");
  await call("GET", "/namespaces", undefined, again);
  await call("GET", "/namespaces/acme");
  await call("PATCH", "/namespaces/acme", { visibility: "public" });
  expect((await api("DELETE", MEMBER, undefined, { send })).status).toBe(409);
  await call("PUT", `${MEMBER}?confirm=last-owner`, { role: "reader" });
  await call("GET", "/namespaces/acme/members");
  // An invalid token is enough: its rules are looked up before it is verified.
  const idToken = `e30.${btoa(JSON.stringify({ iss: "https://nobody.example", sub: "x" }))}.x`;
  const body = { token: idToken, namespaces: ["acme"] };
  expect((await api("POST", "/oidc/exchange", body, { as: null, send })).status).toBe(401);
  expect((await logIn("oidc", idToken, "repository:acme/app:pull", send)).status).toBe(401);
  await call("DELETE", MEMBER);
  await call("POST", ROBOTS, { name: "ci", scopes });
  await call("GET", ROBOTS);
  await call("GET", `${ROBOTS}/ci`);
  await call("PATCH", `${ROBOTS}/ci`, { scopes });
  const second = await call("POST", `${ROBOTS}/ci/tokens`, {});
  await call("PATCH", `${ROBOTS}/ci/tokens/${second.id}`, { expiresInDays: 9 });
  await call("DELETE", `${ROBOTS}/ci/tokens/${second.id}`);
  await call("DELETE", `${ROBOTS}/ci`);
  const rule = {
    issuer: "https://issuer.example",
    audience: "https://registry.test",
    claims: { sub: ["me"] },
  };
  await call("POST", RULES, { name: "x", ...rule, scopes });
  await call("GET", RULES);
  await call("GET", `${RULES}/x`);
  await call("PATCH", `${RULES}/x`, { lifetime: 60 });
  await call("DELETE", `${RULES}/x`);
  await call("DELETE", "/namespaces/acme");
  await call("DELETE", "/users/alice");
});

test("no statement walks through a table", async () => {
  expect(statements.size).toBeGreaterThanOrEqual(40);
  for (const sql of statements) {
    expect(tableScans(await planOf(sql)), sql).toEqual([]);
  }
});

test("what the triggers count, they count by an index", async () => {
  const { results } = await env.DB.prepare(
    `SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND sql LIKE '%count(*)%'`,
  ).all<{ sql: string }>();
  const counts = results.flatMap(({ sql }) => sql.match(/SELECT count\(\*\)[^)]+/g) ?? []);
  expect(counts).toHaveLength(6);
  for (const sql of counts) {
    const [line = "", ...others] = await planOf(sql.replaceAll(/NEW\.\w+/g, "?1"));
    expect(line, sql).toMatch(/^SEARCH .+ USING (COVERING INDEX|PRIMARY KEY)/);
    expect(others).toEqual([]);
  }
});

test("those namespaces are looked up by name that the caller's patterns begin with", async () => {
  const sql = [...statements].find((statement) => statement.includes("namespaces r"));
  expect(await planOf(sql ?? "")).toContainEqual(
    expect.stringMatching(/^SEARCH namespaces USING .*\(name>\? AND name<\?\)/),
  );
});

function call(method: string, path: string, body?: unknown, as = ADMIN): Promise<{ id: string }> {
  return done(method, path, body, { send, as });
}
