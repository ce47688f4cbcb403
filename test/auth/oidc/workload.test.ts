/** CI without a stored secret: an ID token, or its exchanged credential, as the password of "oidc". */
import { env } from "cloudflare:workers";
import { type CryptoKey, decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { scopeGrants } from "../../../src/auth/policy/access.ts";
import { sign } from "../../../src/auth/login/jwt.ts";
import { signCredential, verifyCredential, verifyToken } from "../../../src/auth/login/token.ts";
import { addRule, anyAddress, from, logIn, makePublic, takeBack } from "../../support/accounts.ts";
import {
  basic,
  HOST,
  RegistryClient,
  refusal,
  type Send,
  withSettings,
} from "../../support/client.ts";
import { blob } from "../../support/images.ts";
import { newNamespace } from "../../support/principals.ts";
import { laterMoment } from "../../support/waits.ts";

const ISSUER = "https://ci.example";
const SIGNING = { key: env.TOKEN_KEY, nextKey: null, service: HOST };
const UNAUTHORIZED = { status: 401, code: "UNAUTHORIZED" };
const RULE = {
  issuer: ISSUER,
  audience: HOST,
  claims: { project: ["acme/app"], ref: ["refs/heads/*"] },
};

let secret: CryptoKey;
let jwk: JWK;
let namespace: string;
let rule: string;

beforeAll(async () => {
  const pair = await generateKeyPair("ES256", { extractable: true });
  secret = pair.privateKey;
  jwk = { ...(await exportJWK(pair.publicKey)), kid: "one", use: "sig", alg: "ES256" };
});

beforeEach(async () => {
  vi.stubGlobal("fetch", (url: string) => Promise.resolve(answer(url)));
  await env.DB.prepare(`DELETE FROM trust_rules`).run();
  namespace = await newNamespace();
  const scopes = [{ repositories: `${namespace}/app`, actions: ["push" as const] }];
  rule = await addRule(namespace, { ...RULE, scopes });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function answer(url: string): Response {
  if (url === `${ISSUER}/.well-known/openid-configuration`) {
    return Response.json({ issuer: ISSUER, jwks_uri: `${ISSUER}/keys` });
  }
  if (url === `${ISSUER}/keys`) return Response.json({ keys: [jwk] });
  throw new Error(`nobody is at ${url}`);
}

function idToken(claims: Record<string, unknown> = {}): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const usual = { iss: ISSUER, aud: HOST, sub: "project:acme/app", iat, exp: iat + 300 };
  return new SignJWT({ ...usual, project: "acme/app", ref: "refs/heads/main", ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .sign(secret);
}

function scope(...actions: string[]): string {
  return `repository:${namespace}/app:${actions.join(",")}`;
}

/** A newly started Worker, with requests from a new address. */
function stranger(): Send {
  return from(anyAddress(), withSettings({}));
}

interface Claims {
  readonly sub: string;
  readonly exp: number;
  readonly iat: number;
  readonly access: unknown;
  readonly via: string;
  readonly dependsOn: string[];
  readonly subject: string;
}

/** Returns the subject that is revoked with an exchanged credential. */
function itself(password: string): string {
  return `credential:${decodeJwt(password.slice("slpo_".length)).jti}`;
}

async function claimsOf(response: Response): Promise<Claims> {
  expect(response.status, await response.clone().text()).toBe(200);
  return decodeJwt<Claims>((await response.json<{ token: string }>()).token);
}

/** Makes a credential as POST /api/v1/oidc/exchange gives it to a workload of the rule. */
async function credential(change: { readonly until?: number; readonly grantedAt?: number } = {}) {
  const { until = seconds() + 600, grantedAt = Date.now() } = change;
  const grants = scopeGrants([{ repositories: `${namespace}/app`, actions: ["push"] }]);
  const workload = {
    ruleGrants: [{ rule, grants, until }],
    subject: "project:acme/app",
    grantedAt,
  };
  return (await signCredential(workload, SIGNING)).token;
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

test("docker login -u oidc with an ID token gives exactly the rule's scopes, in the rule's name", async () => {
  const other = `repository:${namespace}/other:pull,push`;
  const client = new RegistryClient({ authorization: basic("oidc", await idToken()) });
  const query = `scope=${scope("pull", "push", "delete")}&scope=${other}&scope=registry:catalog:*`;
  const claims = await claimsOf(await client.get(`/token?service=${HOST}&${query}`));
  expect(claims).toMatchObject({
    sub: `oidc:${rule}`,
    via: "oidc",
    dependsOn: [`rule:${rule}`],
    subject: "project:acme/app",
    access: [
      { type: "repository", name: `${namespace}/app`, actions: ["pull", "push"] },
      { type: "registry", name: "catalog", actions: ["*"] },
    ],
    catalog: { grants: [`${namespace}/app`], limits: null },
  });
});

test("the token that it gives pushes there, and nowhere else", async () => {
  const response = await logIn("oidc", await idToken(), scope("pull", "push"));
  const { token } = await response.json<{ token: string }>();
  const client = new RegistryClient({
    repository: `${namespace}/app`,
    authorization: `Bearer ${token}`,
  });
  await client.pushBlob(blob());
  expect((await client.in(`${namespace}/b`).request("POST", "blobs/uploads/")).status).toBe(401);
});

test("several rules that match add up, and all of them are what the token rests on", async () => {
  const scopes = [{ repositories: `${namespace}/b`, actions: ["pull" as const] }];
  const second = await addRule(namespace, { ...RULE, scopes, lifetime: 60 });
  const both = `${scope("push")} repository:${namespace}/b:pull`;
  const claims = await claimsOf(await logIn("oidc", await idToken(), both));
  expect(claims.dependsOn.toSorted()).toEqual([`rule:${rule}`, `rule:${second}`].toSorted());
  expect(claims.access).toHaveLength(2);
  expect(claims.exp - claims.iat).toBeLessThanOrEqual(60);
});

test("rules of others that pin no claim, however many, do not keep a token from its own", async () => {
  const insert = env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
     INSERT INTO trust_rules
       (name, namespace, issuer, selector, audience, claims, scopes, lifetime, created_at)
     SELECT ?1 || '+r' || i, ?1, ?2, '', ?3, '{"project":["acme/x*"]}', '[]', 600, 0 FROM n`,
  );
  for (let i = 0; i < 6; i++) await insert.bind(await newNamespace(), ISSUER, HOST).run();
  const claims = await claimsOf(await logIn("oidc", await idToken(), scope("push")));
  expect(claims.dependsOn).toEqual([`rule:${rule}`]);
});

test.each<[string, () => Promise<string>]>([
  ["of another project", () => idToken({ project: "acme/other" })],
  ["of another branch's kind", () => idToken({ ref: "refs/tags/v1" })],
  ["for another audience", () => idToken({ aud: "other.test" })],
  ["that has expired", () => idToken({ iat: 1, exp: 2 })],
  ["of an issuer without a rule", () => idToken({ iss: "https://else.example" })],
  ["of this registry", () => idToken({ iss: HOST })],
  ["that is nonsense", () => Promise.resolve("a.b.c")],
  ["that is nothing", () => Promise.resolve("")],
])("an ID token %s is refused, at /token and on /v2/", async (_, make) => {
  const token = await make();
  const send = stranger();
  const client = new RegistryClient({ authorization: basic("oidc", token), send });
  expect(await refusal(await logIn("oidc", token, scope("push"), send))).toEqual(UNAUTHORIZED);
  expect(await refusal(await client.get("/v2/"))).toEqual(UNAUTHORIZED);
});

test("an ID token is nobody else's password, and no Bearer token", async () => {
  const token = await idToken();
  const send = stranger();
  expect((await logIn("admin", token, "", send)).status).toBe(401);
  expect((await logIn("", token, "", send)).status).toBe(401);
  const client = new RegistryClient({ authorization: `Bearer ${token}`, send });
  expect((await client.get("/v2/")).status).toBe(401);
});

test("a workload pulls what is public like everyone", async () => {
  const open = new RegistryClient({ repository: `${namespace}/open` });
  const { digest, bytes } = await open.pushBlob(blob());
  await makePublic(open.repository);
  for (const password of [await idToken(), await credential()]) {
    expect(await open.as(basic("oidc", password)).pullBlob(digest)).toEqual(bytes);
  }
});

test("an exchanged credential is a password and a Bearer token, for the rule's scopes", async () => {
  const password = await credential();
  expect(password).toMatch(/^slpo_ey/);
  const claims = await claimsOf(await logIn("oidc", password, scope("pull", "push", "delete")));
  expect(claims).toMatchObject({
    sub: `oidc:${rule}`,
    dependsOn: [itself(password), `rule:${rule}`],
    access: [{ type: "repository", name: `${namespace}/app`, actions: ["pull", "push"] }],
  });
  for (const authorization of [basic("oidc", password), `Bearer ${password}`]) {
    const client = new RegistryClient({ repository: `${namespace}/app`, authorization });
    const { digest } = await client.pushBlob(blob());
    expect((await client.request("DELETE", `blobs/${digest}`)).status).toBe(403);
    expect((await client.in(`${namespace}/b`).request("POST", "blobs/uploads/")).status).toBe(403);
  }
});

test("what a credential is exchanged for ends no later than the credential", async () => {
  const expires = Math.floor(Date.now() / 1000) + 90;
  const password = await credential({ until: expires });
  expect((await claimsOf(await logIn("oidc", password))).exp).toBe(expires);
});

test("a credential that has expired is refused", async () => {
  const password = await credential();
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 601_000 });
  const client = new RegistryClient({ authorization: `Bearer ${password}`, send: stranger() });
  expect(await refusal(await logIn("oidc", password, "", stranger()))).toEqual(UNAUTHORIZED);
  expect(await refusal(await client.get("/v2/"))).toEqual(UNAUTHORIZED);
});

test("a credential whose rule was changed is refused, for pulls too", async () => {
  const password = await credential();
  await takeBack(`rule:${rule}`);
  const client = new RegistryClient({ authorization: `Bearer ${password}`, send: stranger() });
  expect(await refusal(await logIn("oidc", password, "", stranger()))).toEqual(UNAUTHORIZED);
  expect(await refusal(await client.get("tags/list"))).toEqual(UNAUTHORIZED);
});

test("a token that was made of a credential after its revocation, where that was not known yet, is revoked as well", async () => {
  const send = stranger();
  const password = await credential();
  expect((await logIn("oidc", password, "", send)).status).toBe(200);
  await takeBack(`rule:${rule}`);
  await laterMoment();
  const response = await logIn("oidc", password, scope("pull", "push"), send);
  expect(response.status).toBe(200);
  const { token } = await response.json<{ token: string }>();
  const client = new RegistryClient({
    repository: `${namespace}/app`,
    authorization: `Bearer ${token}`,
    send: stranger(),
  });
  const refused = await client.request("POST", "blobs/uploads/");
  expect(refused.headers.get("www-authenticate")).toContain('error="invalid_token"');
  expect(await refusal(refused)).toEqual(UNAUTHORIZED);
});

test.each(["admin", "", "oidc:acme+ci", "OIDC"])(
  "a credential with the name %j is refused",
  async (name) => {
    const response = await logIn(name, await credential(), "", stranger());
    expect(await refusal(response)).toEqual(UNAUTHORIZED);
  },
);

test("a registry token is no credential, and a credential no registry token", async () => {
  const password = await credential();
  const response = await logIn("oidc", password, scope("push"));
  const { token } = await response.json<{ token: string }>();
  const send = stranger();
  const bare = password.slice("slpo_".length);
  expect((await logIn("oidc", `slpo_${token}`, scope("push"), send)).status).toBe(401);
  for (const authorization of [`Bearer slpo_${token}`, `Bearer ${bare}`]) {
    const client = new RegistryClient({ repository: `${namespace}/app`, authorization, send });
    expect((await client.request("POST", "blobs/uploads/")).status).toBe(401);
  }
});

test("a credential signed for another host, or with another key, is refused", async () => {
  const ruleGrants = [{ rule, grants: [], until: seconds() + 600 }];
  for (const change of [{ service: "other.test" }, { key: "x".repeat(40) }]) {
    const workload = { ruleGrants, subject: "x", grantedAt: Date.now() };
    const { token } = await signCredential(workload, { ...SIGNING, ...change });
    expect((await logIn("oidc", token, "", stranger())).status).toBe(401);
  }
});

test("a rule that another namespace makes for the same token changes nothing here: not the name, the time, the rights", async () => {
  const before = await claimsOf(await logIn("oidc", await idToken(), scope("push")));
  const foreign = await newNamespace();
  const theirs = await addRule(foreign, {
    issuer: ISSUER,
    audience: HOST,
    claims: { project: ["acme/app"] },
    scopes: [{ repositories: `${foreign}/*`, actions: ["push"] }],
    lifetime: 60,
  });
  const after = await claimsOf(await logIn("oidc", await idToken(), scope("push")));
  for (const claim of ["sub", "dependsOn", "access"] as const)
    expect(after[claim]).toEqual(before[claim]);
  const grants = scopeGrants([{ repositories: `${foreign}/*`, actions: ["push"] }]);
  const own = {
    rule,
    grants: scopeGrants([{ repositories: `${namespace}/app`, actions: ["push"] }]),
    until: seconds() + 600,
  };
  const ruleGrants = [{ rule: theirs, grants, until: seconds() + 60 }, own];
  const both = { ruleGrants, subject: "project:acme/app", grantedAt: Date.now() };
  const { token: password } = await signCredential(both, SIGNING);
  const claims = await claimsOf(await logIn("oidc", password, scope("push")));
  const dependsOn = [itself(password), `rule:${rule}`];
  expect(claims).toMatchObject({ sub: `oidc:${rule}`, dependsOn });
  expect(claims.exp).toBeGreaterThan(seconds() + 500);
  await laterMoment();
  await takeBack(`rule:${theirs}`);
  expect((await logIn("oidc", password, scope("push"), stranger())).status).toBe(200);
});

test("a workload pulls what is public elsewhere, and is denied the rest there: it is not refused as unknown", async () => {
  const elsewhere = `${await newNamespace()}/base`;
  const admin = new RegistryClient({ repository: elsewhere });
  await admin.pushBlob(blob());
  const asked = `repository:${elsewhere}:pull,push`;
  for (const password of [await idToken(), await credential()]) {
    const before = await logIn("oidc", password, asked);
    expect(before.status).toBe(200);
    expect((await claimsOf(before)).access).toEqual([]);
  }
  await makePublic(elsewhere);
  const exchanged = await credential();
  for (const [password, own] of [
    [await idToken(), []],
    [exchanged, [itself(exchanged)]],
  ] as const) {
    const { access, dependsOn } = await claimsOf(await logIn("oidc", password, asked));
    expect(access).toEqual([{ type: "repository", name: elsewhere, actions: ["pull"] }]);
    expect(dependsOn).toEqual([...own, `public:${elsewhere}`]);
  }
});

test("what another version signed with other claims has expired: it is not forged", async () => {
  const expires = seconds() + 600;
  const header = { sub: "oidc", expires };
  const password = await sign({ rule }, { ...header, typ: "slipway-credential+jwt" }, SIGNING);
  const token = await sign({ access: [] }, { ...header, typ: "JWT" }, SIGNING);
  expect(await verifyCredential(`slpo_${password.token}`, SIGNING)).toBe("expired");
  expect(await verifyToken(token.token, SIGNING)).toBe("expired");
});
