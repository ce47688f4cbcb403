/** Changing the key that signs tokens, without a token that stops to hold. */
import { env } from "cloudflare:workers";
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { expect, test } from "vitest";
import { addRule, keyId, signAsRegistry } from "../../support/accounts.ts";
import { HOST, RegistryClient, refusal, type Send, withSettings } from "../../support/client.ts";
import { uniqueRepository } from "../../support/images.ts";
import { newNamespace } from "../../support/principals.ts";

const NEXT = "the key that is to come, of more than thirty-two bytes";
const repository = uniqueRepository();
const before = withSettings({});
const during = withSettings({ TOKEN_KEY_NEXT: NEXT });
const after = withSettings({ TOKEN_KEY: NEXT });

function tokenOf(send: Send): Promise<string> {
  return new RegistryClient({ repository, send }).token(`repository:${repository}:pull,push`);
}

async function pushes(authorization: string, send: Send): Promise<number> {
  const client = new RegistryClient({ repository, authorization, send });
  const response = await client.request("POST", "blobs/uploads/");
  if (response.status === 202) return 202;
  expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  return (await refusal(response)).status;
}

function kidOf(authorization: string): string | undefined {
  return decodeProtectedHeader(authorization.slice("Bearer ".length)).kid;
}

test("a token names its key by a hash, of which nothing leads back to it", async () => {
  const kid = kidOf(await tokenOf(before));
  expect(kid).toBe(await keyId(env.TOKEN_KEY));
  expect(kid).toMatch(/^[0-9a-f]{16}$/);
});

test("with TOKEN_KEY_NEXT new tokens are signed with it, and those from before still hold", async () => {
  const old = await tokenOf(before);
  const young = await tokenOf(during);
  expect(kidOf(young)).toBe(await keyId(NEXT));
  expect(kidOf(young)).not.toBe(kidOf(old));
  expect(await pushes(old, during)).toBe(202);
  expect(await pushes(young, during)).toBe(202);
});

test("after the switch what the next key signed holds, and what the old one signed does not", async () => {
  expect(await pushes(await tokenOf(during), after)).toBe(202);
  expect(await pushes(await tokenOf(before), after)).toBe(401);
});

test("before the change nothing signed with the next key holds", async () => {
  expect(await pushes(await tokenOf(during), before)).toBe(401);
});

test("a token that names one key and is signed with the other is refused", async () => {
  const claims = decodeJwt((await tokenOf(before)).slice("Bearer ".length));
  for (const [named, signing] of [
    [env.TOKEN_KEY, NEXT],
    [NEXT, env.TOKEN_KEY],
  ] as const) {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", typ: "JWT", kid: await keyId(named) })
      .sign(new TextEncoder().encode(signing));
    expect(await pushes(`Bearer ${token}`, during)).toBe(401);
  }
});

test.each<[string, Record<string, unknown>]>([
  ["no kid", { kid: undefined }],
  ["an unknown kid", { kid: "0".repeat(16) }],
  ["an empty kid", { kid: "" }],
  ["a kid that is no text", { kid: 1 }],
  ["no typ", { typ: undefined }],
  ["a workload's credential's typ", { typ: "slipway-credential+jwt" }],
  ["a typ of its own", { typ: "at+jwt" }],
  ["a critical extension", { crit: ["x"], x: 1 }],
])("a token with %s is refused, though its signature is right", async (_, header) => {
  const good = (await signAsRegistry({ repository })).slice("Bearer ".length);
  expect(await pushes(`Bearer ${good}`, before)).toBe(202);
  const parts = { alg: "HS256", typ: "JWT", kid: await keyId(env.TOKEN_KEY), ...header };
  const signed = await signByHand(parts, decodeJwt(good));
  expect(await pushes(`Bearer ${signed}`, before)).toBe(401);
});

function encode(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Signs a token that no library would sign. */
async function signByHand(header: object, claims: object): Promise<string> {
  const parts = [header, claims].map((part) =>
    encode(new TextEncoder().encode(JSON.stringify(part))),
  );
  const input = new TextEncoder().encode(parts.join("."));
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const secret = new TextEncoder().encode(env.TOKEN_KEY);
  const key = await crypto.subtle.importKey("raw", secret, algorithm, false, ["sign"]);
  const signature = new Uint8Array(await crypto.subtle.sign("HMAC", key, input));
  return `${parts.join(".")}.${encode(signature)}`;
}

test("the signer of these tests makes good tokens too", async () => {
  const good = (await signAsRegistry({ repository })).slice("Bearer ".length);
  const header = { alg: "HS256", typ: "JWT", kid: await keyId(env.TOKEN_KEY) };
  expect(await pushes(`Bearer ${await signByHand(header, decodeJwt(good))}`, before)).toBe(202);
});

test.each<[string, Record<string, unknown>]>([
  ["rights that no registry token has", { access: [entry("own"), entry("maintain")] }],
  ["a pattern for a name", { access: [{ type: "repository", name: "*", actions: ["push"] }] }],
  ["another type", { access: [{ type: "user", name: repository, actions: ["push"] }] }],
])("a signed token with %s gives none of it", async (_, claims) => {
  const good = decodeJwt((await signAsRegistry({ repository })).slice("Bearer ".length));
  const header = { alg: "HS256", typ: "JWT", kid: await keyId(env.TOKEN_KEY) };
  const token = await signByHand(header, { ...good, ...claims });
  const client = new RegistryClient({ repository, authorization: `Bearer ${token}` });
  expect((await client.request("POST", "blobs/uploads/")).status).toBe(401);
  expect((await client.get("/v2/_catalog")).status).toBe(401);
  const headers = { "content-type": "application/json" };
  const path = `/api/v1/repositories/${repository}`;
  const patch = await client.request("PATCH", path, { headers, body: "{}" });
  expect(patch.status).toBe(403);
});

test("a registry token and a credential are told apart by their type alone, whatever they claim", async () => {
  const namespace = await newNamespace();
  const here = `${namespace}/app`;
  const rule = await addRule(namespace, {
    issuer: "https://issuer.example",
    audience: HOST,
    claims: { sub: ["x"] },
    scopes: [{ repositories: here, actions: ["push"] }],
  });
  const good = decodeJwt((await signAsRegistry({ repository: here })).slice("Bearer ".length));
  const claims = { ...good, jti: "x", subject: "x", rules: [rule] };
  const signed = async (typ: string) =>
    signByHand({ alg: "HS256", typ, kid: await keyId(env.TOKEN_KEY) }, claims);
  const [token, credential] = [await signed("JWT"), await signed("slipway-credential+jwt")];
  const status = async (value: string) => {
    const client = new RegistryClient({ repository: here, authorization: `Bearer ${value}` });
    return (await client.request("POST", "blobs/uploads/")).status;
  };
  expect(await status(token)).toBe(202);
  expect(await status(`slpo_${credential}`)).toBe(202);
  expect(await status(`slpo_${token}`)).toBe(401);
  expect(await status(credential)).toBe(401);
});

function entry(action: string) {
  return { type: "repository", name: repository, actions: [action] };
}

test.each([
  "sub",
  "exp",
  "via",
  "dependsOn",
  "subject",
  "grantedAt",
  "access",
  "refused",
  "sources",
  "iss",
  "aud",
])("a signed token without %j is refused", async (claim) => {
  const good = decodeJwt((await signAsRegistry({ repository })).slice("Bearer ".length));
  const header = { alg: "HS256", typ: "JWT", kid: await keyId(env.TOKEN_KEY) };
  const token = await signByHand(header, { ...good, [claim]: undefined });
  expect(await pushes(`Bearer ${token}`, before)).toBe(401);
});

test("a token holds for the host that it was asked of, and for no other of the same Worker", async () => {
  const token = await tokenOf(before);
  const request = new Request(`https://other.test/v2/${repository}/tags/list`, {
    headers: { authorization: token },
  });
  expect((await before(request)).status).toBe(401);
});
