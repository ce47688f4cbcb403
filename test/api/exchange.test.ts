import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { signAsRegistry } from "../support/accounts.ts";
import { basic, withSettings } from "../support/client.ts";
import { AUDIENCE, type Issuer, makeTrustRule, startIssuer } from "../support/issuer.ts";
import {
  api,
  done,
  problem,
  pushes,
  pushesWith,
  pushToken,
  refused,
  unused,
} from "../support/management.ts";

const CLAIMS = { sub: "job:1", project: "7", aud: AUDIENCE };
const UNAUTHORIZED = { status: 401, code: "UNAUTHORIZED" };
const PATH = "/oidc/exchange";
const CREDENTIAL = "/oidc/credential";

interface Credential {
  readonly username: string;
  readonly password: string;
  readonly expiresAt: string;
}

let issuer: Issuer;

beforeEach(async () => {
  issuer = await startIssuer();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A rule that lets jobs of project 7 push to `<namespace>/app`. */
function makeRule(change: Record<string, unknown> = {}) {
  return makeTrustRule(issuer, { claims: { project: ["7"] }, ...change });
}

function exchange(token: string, ...namespaces: string[]): Promise<Credential> {
  return done<Credential>("POST", PATH, { token, namespaces }, { as: null });
}

test("a token of a trusted issuer gets a password that does what the rule says", async () => {
  const { namespace, repository } = await makeRule({ lifetime: 120 });
  const given = { token: await issuer.sign(CLAIMS), namespaces: [namespace] };
  const response = await api("POST", PATH, given, { as: null });
  expect(response.status).toBe(200);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const credential = await response.json<Credential>();
  expect(credential).toEqual({
    username: "oidc",
    password: expect.stringMatching(/^slpo_/),
    expiresAt: expect.any(String),
    rules: [`${namespace}+ci`],
    scopes: [{ repositories: repository, actions: ["pull", "push"] }],
  });
  const seconds = (Date.parse(credential.expiresAt) - Date.now()) / 1000;
  expect(seconds).toBeGreaterThan(110);
  expect(seconds).toBeLessThanOrEqual(120);
  const login = basic("oidc", credential.password);
  expect(await pushes(login, repository)).toBe(202);
  expect(await pushes(login, `${namespace}/other`)).toBe(403);
  expect(await pushes(basic("admin", credential.password), repository)).toBe(401);
  const as = `Bearer ${credential.password}`;
  expect(await done("GET", "/me", undefined, { as })).toMatchObject({
    name: `oidc:${namespace}+ci`,
    via: "oidc",
    admin: false,
    roles: [],
    expires: credential.expiresAt,
  });
  const forbidden = { status: 403, code: "DENIED" };
  const body = { description: "mine" };
  expect(await refused("POST", "/tokens", body, { as })).toEqual(forbidden);
});

test("the log has who exchanged what, and never the token", async () => {
  const { namespace } = await makeRule();
  await exchange(await issuer.sign(CLAIMS), namespace);
  const { results } = await env.DB.prepare(
    `SELECT actor, subject, via, namespace, detail, outcome FROM audit
     WHERE action = 'oidc.exchange' AND reference = ?1`,
  )
    .bind(`${namespace}+ci`)
    .all();
  expect(results).toEqual([
    {
      actor: `oidc:${namespace}+ci`,
      subject: "job:1",
      via: "oidc",
      namespace,
      detail: null,
      outcome: "done",
    },
  ]);
});

test("every rule that matches in a namespace named gives its rights, each for as long as it says", async () => {
  const one = await makeRule({ lifetime: 3600 });
  const two = await makeRule({ lifetime: 60 });
  const token = await issuer.sign(CLAIMS);
  const credential = await exchange(token, one.namespace, two.namespace);
  expect(credential).toMatchObject({
    rules: [`${one.namespace}+ci`, `${two.namespace}+ci`],
  });
  expect(Date.parse(credential.expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
  const login = basic("oidc", credential.password);
  expect(await pushes(login, one.repository)).toBe(202);
  expect(await pushes(login, two.repository)).toBe(202);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
  expect(await pushes(login, one.repository)).toBe(202);
  expect(await pushes(login, two.repository)).toBe(403);
  vi.useRealTimers();
});

test.each([
  ["of another project", () => issuer.sign({ ...CLAIMS, project: "8" })],
  ["for another audience", () => issuer.sign({ ...CLAIMS, aud: "https://other.test" })],
  ["that has expired", () => issuer.sign(CLAIMS, -300)],
  ["of an issuer that nobody trusts", async () => (await startIssuer()).sign(CLAIMS)],
  ["that another one signed", async () => (await startIssuer(issuer.url)).sign(CLAIMS)],
  ["that was changed", async () => `${(await issuer.sign(CLAIMS)).slice(0, -8)}AAAAAAAA`],
  ["that is none", () => Promise.resolve("nonsense")],
  ["that is empty", () => Promise.resolve("")],
  ["that is too long", () => Promise.resolve("x".repeat(20_000))],
])("a token %s is refused", async (name, make) => {
  const { namespace } = await makeRule();
  // Its keys are known by now, where another one is to sign for it.
  if (name === "that another one signed") await exchange(await issuer.sign(CLAIMS), namespace);
  const body = { token: await make(), namespaces: [namespace] };
  const headers = { "cf-connecting-ip": "203.0.113.1" };
  const answer = await refused("POST", PATH, body, { as: null, headers });
  expect(answer).toEqual(UNAUTHORIZED);
});

test("a credential is no ID token, and not exchanged again", async () => {
  const { namespace } = await makeRule();
  const { password } = await exchange(await issuer.sign(CLAIMS), namespace);
  const body = { token: password, namespaces: [namespace] };
  const again = await refused("POST", PATH, body, { as: null });
  expect(again).toEqual(UNAUTHORIZED);
});

test("too many failures are told to wait", async () => {
  const limited = { TOKEN_LIMIT: { limit: () => Promise.resolve({ success: false }) } };
  const send = withSettings(limited as never);
  const headers = { "cf-connecting-ip": "203.0.113.2" };
  const body = { token: "nonsense", namespaces: ["acme"] };
  const response = await api("POST", PATH, body, { as: null, send, headers });
  expect(response.headers.get("retry-after")).toBe("60");
  expect(await problem(response)).toEqual({ status: 429, code: "TOO_MANY_REQUESTS" });
});

test.each(["PATCH", "DELETE"])("%s of the rule ends what was exchanged by it", async (method) => {
  const { namespace, as, path, repository } = await makeRule();
  const { password } = await exchange(await issuer.sign(CLAIMS), namespace);
  const login = basic("oidc", password);
  const bearer = await pushToken(login, repository);
  expect(await pushesWith(bearer, repository)).toBe(202);
  const change = method === "PATCH" ? { claims: { project: ["8"] } } : undefined;
  await done(method, path, change, { as });
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(login, repository)).toBe(401);
  const body = { token: await issuer.sign(CLAIMS), namespaces: [namespace] };
  expect(await refused("POST", PATH, body, { as: null })).toEqual(UNAUTHORIZED);
});

test("a credential is ended by whoever sends it, with what was signed by it, and by no other", async () => {
  const { namespace, repository } = await makeRule();
  const token = await issuer.sign(CLAIMS);
  const { password } = await exchange(token, namespace);
  const other = await exchange(token, namespace);
  const bearer = await pushToken(basic("oidc", password), repository);
  expect(await pushesWith(bearer, repository)).toBe(202);
  const as = `Bearer ${password}`;
  await done("DELETE", CREDENTIAL, undefined, { as });
  expect(await pushesWith(bearer, repository)).toBe(401);
  expect(await pushes(basic("oidc", password), repository)).toBe(401);
  expect(await refused("DELETE", CREDENTIAL, undefined, { as })).toEqual(UNAUTHORIZED);
  expect(await pushes(basic("oidc", other.password), repository)).toBe(202);
  // As Docker sends it.
  await done("DELETE", CREDENTIAL, undefined, { as: basic("oidc", other.password) });
  expect(await pushes(basic("oidc", other.password), repository)).toBe(401);
});

test("a registry token that is older than the listed revocations of credentials is looked up", async () => {
  const minute = 60_000;
  await env.DB.prepare("INSERT INTO revocations VALUES ('credential:ended', ?1)")
    .bind(Date.now() - 90 * minute)
    .run();
  const repository = unused("app");
  const statusWith = async (credential: string) => {
    const dependsOn = [`credential:${credential}`];
    const token = await signAsRegistry({ repository, dependsOn, signed: -120 * minute });
    return pushesWith(token, repository);
  };
  expect(await statusWith("ended")).toBe(401);
  expect(await statusWith("other")).toBe(202);
});

test("each namespace's log has who ended a credential, once", async () => {
  const one = await makeRule();
  const two = await makeRule();
  const { password } = await exchange(await issuer.sign(CLAIMS), one.namespace, two.namespace);
  await done("DELETE", CREDENTIAL, undefined, { as: `Bearer ${password}` });
  const { results } = await env.DB.prepare(
    `SELECT actor, subject, via, namespace, reference, outcome FROM audit
     WHERE action = 'oidc.revoke' AND namespace IN (?1, ?2) ORDER BY id`,
  )
    .bind(one.namespace, two.namespace)
    .all();
  const by = { subject: "job:1", via: "oidc", outcome: "done" };
  const expected = [one, two].map(({ namespace }) => {
    const reference = `${namespace}+ci`;
    return { ...by, actor: `oidc:${reference}`, namespace, reference };
  });
  expect(results).toHaveLength(2);
  expect(results).toEqual(expect.arrayContaining(expected));
});

test("a credential of which no rule is left is ended, too", async () => {
  const short = await makeRule({ lifetime: 60 });
  const long = await makeRule({ lifetime: 3600 });
  const token = await issuer.sign(CLAIMS);
  const { password } = await exchange(token, short.namespace, long.namespace);
  await done("DELETE", long.path, undefined, { as: long.as });
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
  const as = `Bearer ${password}`;
  const response = await api("DELETE", CREDENTIAL, undefined, { as });
  expect(response.status).toBe(204);
  vi.useRealTimers();
  const { results } = await env.DB.prepare(
    `SELECT actor, namespace, reference FROM audit WHERE action = 'oidc.revoke' AND request_id = ?1`,
  )
    .bind(response.headers.get("x-request-id"))
    .all();
  expect(results).toEqual([{ actor: "oidc", namespace: null, reference: "oidc" }]);
  expect(await refused("GET", "/me", undefined, { as })).toEqual(UNAUTHORIZED);
});

test("what was not exchanged for an ID token is not ended so", async () => {
  const { namespace, repository, as: owner } = await makeRule();
  const idToken = await issuer.sign(CLAIMS);
  const { password } = await exchange(idToken, namespace);
  const bearer = await pushToken(basic("oidc", password), repository);
  const forbidden = { status: 403, code: "DENIED" };
  for (const as of [owner, basic("oidc", idToken), bearer]) {
    expect(await refused("DELETE", CREDENTIAL, undefined, { as })).toEqual(forbidden);
  }
  expect(await pushes(basic("oidc", password), repository)).toBe(202);
});

test("the token is wanted, and the namespaces that the login is for", async () => {
  const invalid = { status: 400, code: "FIELD_INVALID" };
  const token = await issuer.sign(CLAIMS);
  const eleven = Array.from({ length: 11 }, (_, i) => `n${i}`);
  for (const body of [
    {},
    { token: 1, namespaces: ["acme"] },
    { token, namespaces: ["acme"], audience: "y" },
    { token, namespaces: [] },
    { token, namespaces: eleven },
    { token, namespaces: ["acme/app"] },
    { token, namespaces: "acme" },
    ["x"],
    null,
  ]) {
    expect(await refused("POST", PATH, body, { as: null })).toEqual(invalid);
  }
  const response = await api("POST", PATH, { token }, { as: null });
  expect(await response.json()).toMatchObject({
    status: 400,
    detail: 'namespaces: name the 1 to 10 namespaces that the login is for, such as ["acme"]',
  });
});
