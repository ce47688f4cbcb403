import { decodeJwt } from "jose";
import { expect, test } from "vitest";
import {
  ADMIN,
  basic,
  HOST,
  RegistryClient,
  refusal,
  tokenPath,
  withSettings,
} from "../support/client.ts";
import { env } from "cloudflare:workers";

interface Answer {
  readonly token: string;
  readonly access_token: string;
  readonly expires_in: number;
  readonly issued_at: string;
  readonly refresh_token?: string;
}

interface Entry {
  readonly type: string;
  readonly name: string;
  readonly actions: string[];
}

const client = new RegistryClient();
const anonymous = client.as(null);
const UNAUTHORIZED = { status: 401, code: "UNAUTHORIZED" };

test("GET: answers a token under both names, how long it holds, and since when", async () => {
  const response = await client.get(`/token?service=${HOST}&scope=repository:a/b:pull`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  expect(response.headers.get("cache-control")).toContain("no-store");
  const answer = await response.json<Answer>();
  expect(answer.access_token).toBe(answer.token);
  expect(answer.expires_in).toBeGreaterThanOrEqual(300);
  expect(new Date(answer.issued_at).toISOString()).toBe(answer.issued_at);
});

test("GET: no refresh token, though one was asked for: Docker would drop the password", async () => {
  const query = `account=admin&client_id=docker&offline_token=true&service=${HOST}`;
  const response = await client.get(`/token?${query}`);
  expect(await response.json<Answer>()).not.toHaveProperty("refresh_token");
});

test("GET: the token's claims are those of the token protocol", async () => {
  const response = await client.get(`/token?service=${HOST}&scope=repository:a/b:pull,push`);
  const claims = decodeJwt((await response.json<Answer>()).token);
  expect(claims).toMatchObject({ iss: HOST, aud: HOST, sub: "admin", jti: expect.any(String) });
  expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBeGreaterThanOrEqual(300);
  expect(claims["access"]).toEqual([
    { type: "repository", name: "a/b", actions: ["pull", "push"] },
  ]);
});

test("POST: takes the credentials in a form, as containerd and BuildKit send them", async () => {
  const response = await post({
    grant_type: "password",
    client_id: "containerd-client",
    service: HOST,
    scope: "repository:a/b:pull repository:a/b:pull,push",
    username: "admin",
    password: env.ADMIN_PASSWORD,
  });
  expect(response.status).toBe(200);
  const answer = await response.json<Answer & { scope: string }>();
  expect(answer.scope).toBe("repository:a/b:pull,push");
  expect(accessOf(answer)).toEqual([
    { type: "repository", name: "a/b", actions: ["pull", "push"] },
  ]);
});

test("POST: a refresh token is refused with 401, so that clients log in with the password", async () => {
  const response = await post({ grant_type: "refresh_token", refresh_token: "x", service: HOST });
  expect(await refusal(response)).toEqual(UNAUTHORIZED);
});

test("POST: what is no form is refused with 400", async () => {
  const headers = { "content-type": "application/json" };
  const response = await anonymous.request("POST", "/token", { body: "{}", headers });
  expect((await refusal(response)).status).toBe(400);
});

test("POST: a form of megabytes is refused", async () => {
  const response = await post({ grant_type: "password", scope: "x".repeat(1_000_000) });
  expect((await refusal(response)).status).toBe(400);
});

test.each([
  ["a wrong password", basic("admin", "wrong")],
  ["a wrong name", basic("root", env.ADMIN_PASSWORD)],
  ["no password", basic("admin", "")],
  ["the password with more", basic("admin", `${env.ADMIN_PASSWORD}x`)],
  ["nonsense", "Basic %%%"],
  ["no colon", `Basic ${btoa("admin")}`],
  ["bytes that are not UTF-8", `Basic ${btoa("admin:\xff\xfe")}`],
  ["an empty value", "Basic"],
  ["another scheme", "Digest x"],
])(
  "credentials with %s are refused with 401, never answered with an anonymous token",
  async (_, authorization) => {
    const response = await client.as(authorization).get(`/token?service=${HOST}`);
    expect(await refusal(response)).toEqual(UNAUTHORIZED);
  },
);

test("POST: a wrong password is refused with 401", async () => {
  const response = await post({ grant_type: "password", username: "admin", password: "wrong" });
  expect(await refusal(response)).toEqual(UNAUTHORIZED);
});

test.each([
  ["repeated", ["repository:a/b:pull", "repository:c/d:push"]],
  ["joined by spaces", ["repository:a/b:pull repository:c/d:push"]],
  ["both, overlapping", ["repository:a/b:pull repository:c/d:push", "repository:a/b:pull"]],
])("scopes that are %s are all granted, each once", async (_, scopes) => {
  const access = await granted(client, ...scopes);
  expect(access).toEqual([
    { type: "repository", name: "a/b", actions: ["pull"] },
    { type: "repository", name: "c/d", actions: ["push"] },
  ]);
});

test("overlapping scopes of one repository are merged", async () => {
  const [entry, ...more] = await granted(client, "repository:a/b:pull", "repository:a/b:pull,push");
  expect(more).toEqual([]);
  expect(entry?.actions.toSorted()).toEqual(["pull", "push"]);
});

test("the action * means all of them", async () => {
  const [entry] = await granted(client, "repository:a/b:*");
  expect(entry?.actions.toSorted()).toEqual(["delete", "pull", "push"]);
});

test("a scope with a resource class is read: repository(plugin):a/b:pull", async () => {
  const [entry] = await granted(client, "repository(plugin):a/b:pull");
  expect(entry).toEqual({ type: "repository", name: "a/b", actions: ["pull"] });
});

test("the catalog is granted to everyone", async () => {
  for (const who of [client, anonymous]) {
    expect(await granted(who, "registry:catalog:*")).toEqual([
      { type: "registry", name: "catalog", actions: ["*"] },
    ]);
  }
});

test.each([
  "nonsense",
  "a:b",
  "unknown:a/b:pull",
  "repository:a/b:fly",
  "repository:UP:pull",
  ":::",
])("the scope %j, which nobody knows, is passed over without an error", async (scope) => {
  expect(await granted(client, scope, "repository:a/b:pull")).toEqual([
    { type: "repository", name: "a/b", actions: ["pull"] },
  ]);
});

test("without credentials there is a token, for nothing", async () => {
  expect(await granted(anonymous, "repository:a/b:pull,push")).toEqual([]);
});

test("PUBLIC_PULL: without credentials there is a token to pull, and no more", async () => {
  const send = withSettings({ PUBLIC_PULL: "true" });
  const everyone = new RegistryClient({ authorization: null, send });
  expect(await granted(everyone, "repository:a/b:pull,push,delete")).toEqual([
    { type: "repository", name: "a/b", actions: ["pull"] },
  ]);
});

test("a token endpoint's own challenge names no Basic", async () => {
  const response = await client.as(basic("admin", "wrong")).get("/token");
  expect(response.headers.get("www-authenticate") ?? "").not.toMatch(/basic/i);
});

test("the token endpoint takes the credentials of any user name's case as they are", async () => {
  expect((await client.as(basic("Admin", env.ADMIN_PASSWORD)).get("/token")).status).toBe(401);
  expect((await client.as(ADMIN.replace("Basic", "basic")).get("/token")).status).toBe(200);
});

function post(form: Record<string, string>): Promise<Response> {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(form).toString();
  return anonymous.request("POST", "/token", { body, headers });
}

async function granted(who: RegistryClient, ...scopes: string[]): Promise<Entry[]> {
  const response = await who.get(tokenPath(...scopes));
  expect(response.status).toBe(200);
  return accessOf(await response.json<Answer>());
}

function accessOf({ token }: Answer): Entry[] {
  return decodeJwt<{ access: Entry[] }>(token).access;
}

test.each([
  ["Bearer abc", "not Bearer"],
  ["Digest a=b", "not Digest"],
  ["Basic !", "malformed Basic credentials"],
])("an Authorization that is no login says what is wrong: %j", async (authorization, message) => {
  const response = await client.as(authorization).get(tokenPath());
  expect(response.status).toBe(401);
  const { errors } = await response.json<{ errors: { message: string }[] }>();
  expect(errors[0]?.message).toContain(message);
});

test("more scopes than one token can have are refused by GET and by POST", async () => {
  const scopes = Array.from({ length: 400 }, (_, i) => `repository:a/b${i}:pull`);
  const got = await client.get(tokenPath(...scopes));
  expect(await refusal(got)).toEqual({ status: 400, code: "UNSUPPORTED" });
  const body = new URLSearchParams(scopes.map((scope) => ["scope", scope]));
  body.set("grant_type", "password");
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const posted = await client.request("POST", "/token", { headers, body: body.toString() });
  expect(await refusal(posted)).toEqual({ status: 400, code: "UNSUPPORTED" });
});
