/** Rules of other namespaces for the same ID token must change nothing. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { anyAddress, logIn, from } from "../support/accounts.ts";
import { basic, withSettings } from "../support/client.ts";
import { AUDIENCE, type Issuer, makeTrustRule, startIssuer } from "../support/issuer.ts";
import { api, done, makeNamespace, pushes } from "../support/management.ts";

const CLAIMS = { sub: "repo:acme/app", repository_id: "123", aud: AUDIENCE };
/** The longest pattern has 255 characters, with the namespace. */
const LONG = 180;

interface Exchanged {
  readonly password: string;
  readonly rules: string[];
}

let issuer: Issuer;

beforeEach(async () => {
  issuer = await startIssuer();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

/** A namespace with a rule of these properties that takes the token. */
function makeRule(change: Record<string, unknown> = {}) {
  return makeTrustRule(issuer, { claims: { repository_id: ["123"] }, ...change });
}

/** Rules by the hundred, straight into the database. */
async function addRules(namespace: string, count: number, scopes: unknown): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
     INSERT INTO trust_rules
       (name, namespace, issuer, selector, audience, claims, scopes, lifetime, created_at)
     SELECT ?1 || '+' || printf('%064d', i), ?1, ?3, 'repository_id=123', ?4,
       '{"repository_id":["123"]}', ?5, 600, 0 FROM n`,
  )
    .bind(namespace, count, issuer.url, AUDIENCE, JSON.stringify(scopes))
    .run();
}

function longScopes(namespace: string) {
  return Array.from({ length: 20 }, (_, i) => ({
    repositories: `${namespace}/${"x".repeat(LONG)}${i}/*`,
    actions: ["pull", "push"],
  }));
}

async function exchange(...namespaces: string[]): Promise<Exchanged> {
  const token = await issuer.sign(CLAIMS);
  return done<Exchanged>("POST", "/oidc/exchange", { token, namespaces }, { as: null });
}

/** Returns the refusal that the sender of the token gets. */
async function refusalOf(body: Record<string, unknown>): Promise<string> {
  const headers = { "cf-connecting-ip": anyAddress() };
  const response = await api("POST", "/oidc/exchange", body, { as: null, headers });
  expect(response.status).toBe(401);
  return (await response.json<{ detail: string }>()).detail;
}

test("rules of another namespace that take the same token make its login no longer", async () => {
  const { namespace, repository } = await makeRule();
  const before = await exchange(namespace);
  const evil = await makeNamespace();
  const as = evil.owner.authorization;
  for (const name of ["a", "b", "c"]) {
    const rule = {
      name,
      issuer: issuer.url,
      audience: AUDIENCE,
      claims: { repository_id: ["123"] },
      scopes: longScopes(evil.namespace),
    };
    await done("POST", `/namespaces/${evil.namespace}/trust-rules`, rule, { as });
  }
  const after = await exchange(namespace);
  expect(after.password).toHaveLength(before.password.length);
  expect(after.rules).toEqual([`${namespace}+ci`]);
  expect(await pushes(basic("oidc", after.password), repository)).toBe(202);
});

test("an exchange leaves nothing in the log of a namespace that it does not name, right or wrong", async () => {
  const { namespace } = await makeRule();
  const stranger = await makeRule();
  await exchange(namespace);
  const token = await issuer.sign({ ...CLAIMS, repository_id: "9" });
  await refusalOf({ token, namespaces: [namespace] });
  const { results } = await env.DB.prepare(`SELECT action FROM audit WHERE namespace = ?1`)
    .bind(stranger.namespace)
    .all<{ action: string }>();
  expect(results.map(({ action }) => action)).toEqual(["namespace.create", "rule.create"]);
});

test("hundreds of others' rules for the token keep it neither from its own nor from logging in", async () => {
  const { namespace, repository } = await makeRule();
  for (let i = 0; i < 6; i++) {
    const evil = await makeNamespace();
    await addRules(evil.namespace, 100, [
      { repositories: `${evil.namespace}/*`, actions: ["pull"] },
    ]);
  }
  const { rules, password } = await exchange(namespace);
  expect(rules).toEqual([`${namespace}+ci`]);
  expect(await pushes(basic("oidc", password), repository)).toBe(202);
  const token = await issuer.sign(CLAIMS);
  expect(await pushes(basic("oidc", token), repository)).toBe(202);
  expect((await logIn("oidc", token)).status).toBe(200);
});

test("a namespace's own hundred rules, of the longest names and scopes, are one login", async () => {
  const { namespace, owner } = await makeNamespace();
  await addRules(namespace, 99, longScopes(namespace));
  const rule = {
    name: "z".repeat(64),
    issuer: issuer.url,
    audience: AUDIENCE,
    claims: { repository_id: ["123"] },
    scopes: [{ repositories: `${namespace}/app`, actions: ["push"] }],
  };
  const as = owner.authorization;
  await done("POST", `/namespaces/${namespace}/trust-rules`, rule, { as });
  const { password, rules } = await exchange(namespace);
  expect(rules).toHaveLength(100);
  expect(password.length).toBeLessThanOrEqual(16 * 1024);
  expect(await pushes(basic("oidc", password), `${namespace}/app`)).toBe(202);
  expect(await pushes(basic("oidc", password), `${namespace}/${"x".repeat(LONG)}7/app`)).toBe(202);
});

test("a login that would be longer than a password is refused when it is asked for, and says why", async () => {
  const namespaces: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { namespace } = await makeNamespace();
    await addRules(namespace, 100, [{ repositories: `${namespace}/*`, actions: ["pull"] }]);
    namespaces.push(namespace);
  }
  const token = await issuer.sign(CLAIMS);
  const response = await api("POST", "/oidc/exchange", { token, namespaces }, { as: null });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({
    code: "FIELD_INVALID",
    detail:
      "the ID token satisfies 300 rules, more than a login of 16384 characters can name: name fewer namespaces",
  });
});

test("what other namespaces ask for is told to nobody who does not name them", async () => {
  const audience = `https://secret-${crypto.randomUUID()}.example`;
  const other = await makeRule({ audience, claims: { repository_id: ["123"], ref: ["hidden"] } });
  const { namespace } = await makeRule();
  const token = await issuer.sign({ ...CLAIMS, aud: "https://wrong.example" });
  const send = from(anyAddress(), withSettings({}));
  const scope = `repository:${namespace}/app:pull,push`;
  const told = [
    await refusalOf({ token, namespaces: [namespace] }),
    await (await logIn("oidc", token, scope, send)).text(),
    await (await logIn("oidc", token, "", send)).text(),
  ];
  for (const text of told) {
    expect(text).toContain("no trust rule accepts the ID token");
    for (const secret of [audience, "hidden", other.namespace]) expect(text).not.toContain(secret);
  }
});

test("each namespace that an exchange names has to take the token, and is named where it does not", async () => {
  const one = await makeRule();
  const two = await makeRule({ claims: { repository_id: ["123"], ref: ["refs/heads/main"] } });
  const { namespace: three } = await makeNamespace();
  const token = await issuer.sign({ ...CLAIMS, ref: "refs/heads/x" });
  const namespaces = [one.namespace, two.namespace, three];
  expect(await refusalOf({ token, namespaces })).toBe(
    `no trust rule accepts the ID token of "repo:acme/app": ${two.namespace}+ci: "ref" is "refs/heads/x", the rule wants "refs/heads/main"; ${three}: no rule for tokens of this issuer`,
  );
});

/** Makes scopes of that many namespaces. */
function more(count: number): string {
  return Array.from({ length: count }, (_, i) => `repository:n${i}/x:pull`).join(" ");
}

test("an ID token itself is a login for ten namespaces at a time", async () => {
  const { repository } = await makeRule();
  const token = await issuer.sign(CLAIMS);
  const scope = `repository:${repository}:push`;
  expect((await logIn("oidc", token, `${scope} ${more(9)}`)).status).toBe(200);
  const refused = await logIn("oidc", token, `${scope} ${more(10)}`);
  expect(refused.status).toBe(400);
  expect(await refused.text()).toContain("at most 10 namespaces at a time");
});
