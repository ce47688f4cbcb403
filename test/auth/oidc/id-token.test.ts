import {
  base64url,
  type CryptoKey,
  decodeJwt,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { lookupOf, type Verification, verifyIdToken } from "../../../src/auth/oidc/id-token.ts";
import { compare, type TrustRule } from "../../../src/auth/oidc/trust.ts";
import { checkRule } from "../../../src/auth/oidc/trust-check.ts";
import { explain } from "../../../src/auth/oidc/workload.ts";

interface Key {
  readonly kid: string;
  readonly alg: string;
  readonly secret: CryptoKey;
  readonly public: CryptoKey;
  readonly jwk: JWK;
}

const AUDIENCE = "https://registry.example";
const CLAIMS = {
  sub: "repo:acme/app:ref:refs/heads/main",
  aud: AUDIENCE,
  repository: "acme/app",
  repository_id: "123",
  repository_owner_id: "7",
  ref: "refs/heads/main",
  event_name: "push",
};
const ORIGIN_COUNT = 1_000_000;

let rsa: Key;
let other: Key;
let elliptic: Key;

beforeAll(async () => {
  rsa = await makeKey("RS256", "one");
  other = await makeKey("RS256", "two");
  elliptic = await makeKey("ES256", "curve");
});

beforeEach(() => {
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => Issuer.answer(url, init));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

type Judgement = Verification & { readonly rules?: readonly TrustRule[] };

/** Another party's server. Each has an address of its own, so that nothing cached of one reaches the next test. */
class Issuer {
  static readonly #all = new Map<string, Issuer>();
  readonly url = `https://issuer-${Math.floor(Math.random() * ORIGIN_COUNT)}-${Issuer.#all.size}.example`;
  readonly requests: string[] = [];
  keys: readonly Key[] = [rsa];
  configuration: () => Response | Promise<Response> = () =>
    Response.json({ issuer: this.url, jwks_uri: `${this.url}/keys` });
  keySet: (init: RequestInit) => Response | Promise<Response> = () =>
    Response.json({ keys: this.keys.map(({ jwk }) => jwk) });

  constructor() {
    Issuer.#all.set(this.url, this);
  }

  static async answer(address: string, init: RequestInit): Promise<Response> {
    const { origin, pathname } = new URL(address);
    const issuer = Issuer.#all.get(origin);
    if (issuer === undefined) throw new Error(`nobody is at ${origin}`);
    expect(init.redirect).toBe("manual");
    issuer.requests.push(pathname);
    return pathname === "/keys" ? issuer.keySet(init) : issuer.configuration();
  }

  rule(change: Partial<TrustRule> = {}): TrustRule {
    return { ...PUSH_RULE, issuer: this.url, ...change };
  }

  /** A good token, but for the changes; undefined takes a claim away. */
  async token(change: Record<string, unknown> = {}, key: Key = rsa): Promise<string> {
    return this.sign(change, key.secret, { alg: key.alg, kid: key.kid });
  }

  async sign(
    change: Record<string, unknown>,
    secret: CryptoKey | Uint8Array,
    header: { readonly alg: string; readonly kid?: string },
  ): Promise<string> {
    return new SignJWT(this.claims(change)).setProtectedHeader(header).sign(secret);
  }

  claims(change: Record<string, unknown> = {}): Record<string, unknown> {
    const iat = seconds();
    const claims = { iss: this.url, iat, nbf: iat - 5, exp: iat + 300, ...CLAIMS, ...change };
    return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
  }

  /** The token, and then which of the rules take it. */
  async verify(token: string, ...given: TrustRule[]): Promise<Judgement> {
    const rules = given.length === 0 ? [this.rule()] : given;
    const verified = await verifyIdToken(token, rules, { insecure: false });
    if (!verified.ok) return verified;
    const compared = compare(rules, verified.claims);
    if (compared.matching.length > 0) return { ...verified, rules: compared.matching };
    const { message, records } = explain(verified.claims.sub, compared.mismatches);
    return { ok: false, message, reason: records.map(({ detail }) => detail).join() };
  }
}

const PUSH_RULE: TrustRule = {
  id: "acme+app",
  issuer: "https://token.actions.githubusercontent.com",
  audience: AUDIENCE,
  claims: { repository_id: ["123"], ref: ["refs/heads/*"] },
  scopes: [{ repositories: "acme/*", actions: ["pull", "push"] }],
  lifetime: 3600,
};

async function makeKey(alg: string, kid: string): Promise<Key> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid, use: "sig" };
  return { kid, alg, secret: pair.privateKey, public: pair.publicKey, jwk };
}

function seconds(): number {
  return Math.floor(Date.now() / 1000);
}

/** Moves the clock alone. */
function wait(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

function refusal(verification: Verification): string {
  if (verification.ok) throw new Error("the token was accepted");
  return verification.reason;
}

async function refused(change: Record<string, unknown>, ...rules: TrustRule[]): Promise<string> {
  const issuer = new Issuer();
  const ofIssuer = rules.map((rule) => ({ ...rule, issuer: issuer.url }));
  return refusal(await issuer.verify(await issuer.token(change), ...ofIssuer));
}

function issued(iat: number): Record<string, unknown> {
  return { iat, nbf: undefined, exp: iat + 300 };
}

/** The body is as good as that of a 200: the status alone is to be the reason. */
async function moved(good: Response | Promise<Response>, to: string): Promise<Response> {
  return new Response((await good).body, { status: 302, headers: { location: to } });
}

function matching(claims: Record<string, unknown>, change: Partial<TrustRule> = {}): boolean {
  const rules = [{ ...PUSH_RULE, ...change }];
  return compare(rules, { ...CLAIMS, ...claims }).matching.length === 1;
}

function is(value: unknown, pattern: string): boolean {
  return matching({ it: value }, { claims: { it: [pattern] } });
}

const UNREACHED = "the issuer's keys could not be fetched: ";

// The token

test("a good token: the rules that it satisfies, its claims, and when it ends", async () => {
  const issuer = new Issuer();
  const rule = issuer.rule();
  const stranger = issuer.rule({ id: "acme+other", claims: { repository_id: ["124"] } });
  const token = await issuer.token();
  const verified = await issuer.verify(token, rule, stranger);
  expect(verified).toMatchObject({ ok: true, rules: [rule], claims: CLAIMS });
  expect(verified.ok && verified.claims["exp"]).toBe(decodeJwt(token).exp);
  expect(issuer.requests).toEqual(["/.well-known/openid-configuration", "/keys"]);
});

test("ES256 is as good as RS256, and an issuer may end in a slash", async () => {
  const issuer = new Issuer();
  const url = `${issuer.url}/`;
  issuer.keys = [rsa, elliptic];
  issuer.configuration = () => Response.json({ issuer: url, jwks_uri: `${issuer.url}/keys` });
  const token = await issuer.token({ iss: url }, elliptic);
  expect((await issuer.verify(token, issuer.rule({ issuer: url }))).ok).toBe(true);
  expect(issuer.requests[0]).toBe("/.well-known/openid-configuration");
});

test("lookupOf: what the token claims, or null for what is no JWT", async () => {
  const issuer = new Issuer();
  expect(lookupOf(await issuer.token())?.issuer).toBe(issuer.url);
  const nameless = [await issuer.token({ iss: undefined }), await issuer.token({ iss: ["x"] })];
  const big = await issuer.token({ padding: "x".repeat(16 * 1024) });
  for (const token of ["", "x", "a.b.c", "a.b.c.d.e", ...nameless, big]) {
    expect(lookupOf(token)).toBeNull();
    expect((await issuer.verify(token)).ok).toBe(false);
  }
  expect(issuer.requests).toEqual([]);
});

test("an issuer that no rule names is never asked for keys", async () => {
  const issuer = new Issuer();
  const token = await issuer.token();
  const reason = "no trust rule for this issuer";
  expect(refusal(await verifyIdToken(token, [], { insecure: false }))).toBe(reason);
  expect(refusal(await issuer.verify(token, issuer.rule({ issuer: `${issuer.url}/` })))).toBe(
    reason,
  );
  expect(refusal(await issuer.verify(token, new Issuer().rule()))).toBe(reason);
  expect(issuer.requests).toEqual([]);
});

test("another issuer's token: its keys are not the rule's issuer's", async () => {
  const [mine, theirs] = [new Issuer(), new Issuer()];
  theirs.keys = [other];
  const token = await theirs.token({ iss: mine.url }, other);
  expect(refusal(await mine.verify(token))).toContain("no key");
  expect(theirs.requests).toEqual([]);
});

test("wrong or missing audience: the reason says for whom the token is, in bounded length", async () => {
  expect(await refused({ aud: "https://github.com/acme" })).toBe(
    `no trust rule matches: acme+app: "aud" is "https://github.com/acme", the rule wants "${AUDIENCE}"`,
  );
  expect(await refused({ aud: undefined })).toContain('no "aud"');
  expect(await refused({ aud: `${AUDIENCE}/` })).toContain(`"aud" is "${AUDIENCE}/"`);
  expect((await refused({ aud: ["x".repeat(9_000), "\n"] })).length).toBeLessThan(400);
  expect(await refused({ aud: [{ x: AUDIENCE }] })).toContain('"aud" is malformed');
});

test("audience: one of several suffices, and rules for another one do not match", async () => {
  const issuer = new Issuer();
  const rules = [
    issuer.rule(),
    issuer.rule({ id: "acme+other", audience: "https://other.example" }),
  ];
  const verified = await issuer.verify(await issuer.token({ aud: ["x", AUDIENCE] }), ...rules);
  expect(verified).toMatchObject({ ok: true, rules: [rules[0]] });
});

test("alg none is refused before a key is asked for", async () => {
  const issuer = new Issuer();
  const token = new UnsecuredJWT(issuer.claims()).encode();
  expect(refusal(await issuer.verify(token))).toBe("the token is not signed with RS256 or ES256");
  const [, payload] = token.split(".");
  const header = base64url.encode('{"alg":"None","kid":"one"}');
  expect((await issuer.verify(`${header}.${payload}.`)).ok).toBe(false);
  expect(issuer.requests).toEqual([]);
});

test("HS256 with the public key as its secret is refused", async () => {
  const issuer = new Issuer();
  const secrets = [await exportSPKI(rsa.public), JSON.stringify(rsa.jwk), rsa.jwk.n ?? ""];
  for (const secret of secrets) {
    const bytes = new TextEncoder().encode(secret);
    const token = await issuer.sign({}, bytes, { alg: "HS256", kid: "one" });
    expect(refusal(await issuer.verify(token))).toContain("not signed with RS256");
  }
});

test("a symmetric key in the issuer's set is of no use", async () => {
  const issuer = new Issuer();
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const jwk = { kty: "oct", kid: "one", k: base64url.encode(bytes) };
  issuer.keySet = () => Response.json({ keys: [jwk] });
  const token = await issuer.sign({}, bytes, { alg: "HS256", kid: "one" });
  expect((await issuer.verify(token)).ok).toBe(false);
  expect(refusal(await issuer.verify(await issuer.token()))).toContain("no key");
});

test("other algorithms of the right key are refused too", async () => {
  const issuer = new Issuer();
  const { privateKey, publicKey } = await generateKeyPair("PS256", { extractable: true });
  issuer.keySet = async () =>
    Response.json({ keys: [{ ...(await exportJWK(publicKey)), kid: "one" }] });
  const token = await issuer.sign({}, privateKey, { alg: "PS256", kid: "one" });
  expect(refusal(await issuer.verify(token))).toContain("not signed with RS256");
});

test("a key whose type does not fit the token's algorithm is no key", async () => {
  const issuer = new Issuer();
  issuer.keySet = () => Response.json({ keys: [{ ...elliptic.jwk, kid: "one" }] });
  expect(refusal(await issuer.verify(await issuer.token()))).toContain("no key");
});

test("a forged key under the issuer's kid, also one that the header brings along, is refused", async () => {
  const issuer = new Issuer();
  const reason = "the token's signature is not by the issuer's key";
  const forged = await issuer.sign({}, other.secret, { alg: "RS256", kid: "one" });
  expect(refusal(await issuer.verify(forged))).toBe(reason);
  const header = { alg: "RS256", kid: "one", jwk: other.jwk, jku: "https://evil.example/keys" };
  expect(refusal(await issuer.verify(await issuer.sign({}, other.secret, header)))).toBe(reason);
});

test("a changed payload, also one after a good token was seen, is refused", async () => {
  const issuer = new Issuer();
  const token = await issuer.token();
  expect((await issuer.verify(token)).ok).toBe(true);
  const [header, , signature] = token.split(".");
  const payload = base64url.encode(JSON.stringify(issuer.claims({ ref: "refs/heads/x" })));
  expect(refusal(await issuer.verify(`${header}.${payload}.${signature}`))).toContain("signature");
});

test("an RSA key of 1024 bits is refused, not an internal error", async () => {
  const issuer = new Issuer();
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 1024 };
  const pair = (await crypto.subtle.generateKey(
    { ...algorithm, publicExponent: new Uint8Array([1, 0, 1]) },
    true,
    ["sign", "verify"],
  )) as CryptoKeyPair;
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: "one" };
  issuer.keySet = () => Response.json({ keys: [jwk] });
  const [head, body] = [{ alg: "RS256", kid: "one" }, issuer.claims()].map((part) =>
    base64url.encode(JSON.stringify(part)),
  );
  const bytes = new TextEncoder().encode(`${head}.${body}`);
  const signature = await crypto.subtle.sign(algorithm.name, pair.privateKey, bytes);
  const token = `${head}.${body}.${base64url.encode(new Uint8Array(signature))}`;
  expect(refusal(await issuer.verify(token))).toBe("the issuer's key for the token cannot be used");
});

test("times: expired, also within the tolerance, and with none or no number as exp", async () => {
  const expired = "the token has expired";
  expect(await refused({ exp: seconds() - 300 })).toBe(expired);
  expect(await refused({ exp: seconds() - 5 })).toBe(expired);
  expect(await refused({ exp: undefined })).toBe('the token has no "exp"');
  expect(await refused({ exp: String(seconds() + 300) })).toBe('the token\'s "exp" is wrong');
});

test("times: not issued yet, not valid yet, valid for more than a day", async () => {
  const now = seconds();
  expect(await refused(issued(now + 60))).toBe("the token was issued in the future");
  expect(await refused({ nbf: now + 60 })).toBe('the token\'s "nbf" is wrong');
  expect(await refused({ exp: now + 24 * 3600 + 60 })).toBe(
    "the token is valid for more than 24 hours",
  );
  expect(await refused({ iat: now - 24 * 3600 })).toContain("more than 24 hours");
  const issuer = new Issuer();
  for (const change of [issued(now + 20), { nbf: now + 20 }, { exp: now + 24 * 3600 - 5 }]) {
    expect((await issuer.verify(await issuer.token(change))).ok).toBe(true);
  }
});

test("a token without iat or sub, or with a sub that is no text, is refused", async () => {
  expect(await refused({ iat: undefined })).toBe('the token has no "iat"');
  expect(await refused({ sub: undefined })).toBe('the token has no "sub"');
  for (const sub of ["", 7, ["x"], null]) expect(await refused({ sub })).toContain("malformed");
});

test("the caller's clock is the one that counts", async () => {
  const issuer = new Issuer();
  const token = await issuer.token();
  const now = new Date(Date.now() + 301_000);
  const late = await verifyIdToken(token, [issuer.rule()], { insecure: false, now });
  expect(refusal(late)).toBe("the token has expired");
  wait(400_000);
  const early = new Date(Date.now() - 400_000);
  expect((await verifyIdToken(token, [issuer.rule()], { insecure: false, now: early })).ok).toBe(
    true,
  );
  expect((await issuer.verify(token)).ok).toBe(false);
});

test("a refusal tells which claim did not fit, and never the token", async () => {
  const issuer = new Issuer();
  const token = await issuer.token({ ref: "refs/tags/v1\n" });
  const reason = refusal(await issuer.verify(token));
  expect(reason).toBe(
    'no trust rule matches: acme+app: "ref" is "refs/tags/v1\\n", the rule wants "refs/heads/*"',
  );
  for (const part of token.split(".")) expect(reason).not.toContain(part);
});

// The issuer's keys

test("keys are fetched once, and anew after an hour", async () => {
  const issuer = new Issuer();
  for (let i = 0; i < 3; i++) expect((await issuer.verify(await issuer.token())).ok).toBe(true);
  expect(issuer.requests).toHaveLength(2);
  wait(3_599_000);
  expect((await issuer.verify(await issuer.token())).ok).toBe(true);
  expect(issuer.requests).toHaveLength(2);
  wait(2_000);
  issuer.keys = [other];
  expect((await issuer.verify(await issuer.token())).ok).toBe(false);
  expect(issuer.requests).toHaveLength(4);
});

test("rotation: an unknown kid fetches the keys anew, but not again within the cooldown", async () => {
  const issuer = new Issuer();
  expect((await issuer.verify(await issuer.token())).ok).toBe(true);
  issuer.keys = [rsa, other];
  const rotated = async () => issuer.verify(await issuer.token({}, other));
  expect(refusal(await rotated())).toContain("no key");
  expect(issuer.requests).toHaveLength(2);
  wait(31_000);
  expect((await rotated()).ok).toBe(true);
  expect(issuer.requests).toEqual(["/.well-known/openid-configuration", "/keys", "/keys"]);
  const unknown = await issuer.sign({}, other.secret, { alg: "RS256", kid: "three" });
  for (let i = 0; i < 5; i++) expect((await issuer.verify(unknown)).ok).toBe(false);
  expect(issuer.requests).toHaveLength(3);
});

test("a token without kid needs an issuer with one key only", async () => {
  const issuer = new Issuer();
  const token = await issuer.sign({}, rsa.secret, { alg: "RS256" });
  expect((await issuer.verify(token)).ok).toBe(true);
  const ambiguous = new Issuer();
  ambiguous.keys = [rsa, other];
  const unnamed = await ambiguous.sign({}, rsa.secret, { alg: "RS256" });
  expect(refusal(await ambiguous.verify(unnamed))).toContain("which of the issuer's keys");
});

test("requests that come at once each fetch for themselves: none waits for another's", async () => {
  const issuer = new Issuer();
  const token = await issuer.token();
  const all = await Promise.all([1, 2, 3].map(() => issuer.verify(token)));
  expect(all.every(({ ok }) => ok)).toBe(true);
  expect(issuer.requests).toHaveLength(6);
});

test("at most 50 issuers are kept: the oldest is fetched anew", async () => {
  const issuers = Array.from({ length: 51 }, () => new Issuer());
  for (const issuer of issuers) await issuer.verify(await issuer.token());
  const [first, second, last] = [issuers[0], issuers[1], issuers[50]];
  await last?.verify(await last.token());
  expect(last?.requests).toHaveLength(2);
  await second?.verify(await second.token());
  expect(second?.requests).toHaveLength(2);
  await first?.verify(await first.token());
  expect(first?.requests).toHaveLength(4);
});

test("the issuer that was fetched last goes last of those that are kept, though it was known before", async () => {
  const issuers = Array.from({ length: 50 }, () => new Issuer());
  for (const issuer of issuers) await issuer.verify(await issuer.token());
  const [first] = issuers;
  wait(3_601_000);
  await first?.verify(await first.token());
  const next = new Issuer();
  await next.verify(await next.token());
  await first?.verify(await first.token());
  expect(first?.requests).toHaveLength(4);
});

test("an issuer's server that failed is left in peace for 30 s, and then asked anew, discovery included", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const issuer = new Issuer();
  const { configuration, keySet } = issuer;
  issuer.configuration = () => new Response("down", { status: 503 });
  const verified = async () => issuer.verify(await issuer.token());
  expect(refusal(await verified())).toBe(
    `${UNREACHED}"${issuer.url}/.well-known/openid-configuration" answered 503`,
  );
  for (let i = 0; i < 100; i++) expect(refusal(await verified())).toContain("answered 503");
  expect(issuer.requests).toHaveLength(1);
  wait(30_000);
  issuer.configuration = () => Response.json({ issuer: issuer.url, jwks_uri: `${issuer.url}/x` });
  expect(refusal(await verified())).toContain(UNREACHED);
  wait(30_000);
  issuer.configuration = configuration;
  issuer.keySet = () => Promise.reject(new Error("connection lost"));
  expect(refusal(await verified())).toBe(`${UNREACHED}"${issuer.url}/keys" could not be reached`);
  issuer.keySet = keySet;
  wait(30_000);
  expect((await verified()).ok).toBe(true);
});

test("the issuer being down during a rotation spares those whose key is known", async () => {
  const issuer = new Issuer();
  await issuer.verify(await issuer.token());
  wait(31_000);
  issuer.keySet = () => new Response(null, { status: 500 });
  expect(refusal(await issuer.verify(await issuer.token({}, other)))).toContain("answered 500");
  expect((await issuer.verify(await issuer.token())).ok).toBe(true);
});

test("discovery: the configuration of another issuer is refused", async () => {
  const issuer = new Issuer();
  issuer.configuration = () =>
    Response.json({ issuer: "https://evil.example", jwks_uri: `${issuer.url}/keys` });
  const reason = refusal(await issuer.verify(await issuer.token()));
  expect(reason).toBe(`${UNREACHED}its configuration is that of "https://evil.example"`);
  expect(issuer.requests).toHaveLength(1);
});

test("discovery: keys come from a public https address only", async () => {
  const elsewhere = ["http://issuer.example/keys", "https://127.0.0.1/keys", "https://[::1]/keys"];
  for (const uri of [...elsewhere, "https://db.internal/keys", "https://a:b@x.example/", "keys"]) {
    const issuer = new Issuer();
    issuer.configuration = () => Response.json({ issuer: issuer.url, jwks_uri: uri });
    const reason = refusal(await issuer.verify(await issuer.token()));
    expect(reason).toContain(`${UNREACHED}${JSON.stringify(uri)} `);
    expect(issuer.requests).toHaveLength(1);
  }
});

test("http is spoken by an insecure deployment only, to the rule's issuer as well", async () => {
  const issuer = new Issuer();
  const http = issuer.url.replace("https:", "http:");
  vi.stubGlobal("fetch", (url: string, init: RequestInit) =>
    Issuer.answer(url.replace("http:", "https:"), init),
  );
  issuer.configuration = () => Response.json({ issuer: http, jwks_uri: `${http}/keys` });
  const token = await issuer.token({ iss: http });
  const rules = [issuer.rule({ issuer: http })];
  const secure = await verifyIdToken(token, rules, { insecure: false });
  expect(refusal(secure)).toContain("does not begin with https://");
  expect(issuer.requests).toEqual([]);
  vi.useFakeTimers({ toFake: ["Date"] });
  wait(30_000);
  expect((await verifyIdToken(token, rules, { insecure: true })).ok).toBe(true);
});

test("whether there is a rule is told to nobody whose token is not the issuer's", async () => {
  const issuer = new Issuer();
  const forged = await issuer.token({}, other);
  const without = await verifyIdToken(forged, [], { insecure: false });
  const withRule = await issuer.verify(forged);
  issuer.configuration = () => new Response("down", { status: 503 });
  const unreachable = new Issuer();
  unreachable.configuration = () => new Response("down", { status: 503 });
  const down = await unreachable.verify(await unreachable.token());
  const told = [without, withRule, down].map((one) => (one.ok ? "" : one.message));
  expect(new Set(told).size).toBe(1);
  expect(told[0]).toContain("audit log");
});

test("redirects are not followed, neither to a configuration nor to keys", async () => {
  const [first, second] = [new Issuer(), new Issuer()];
  const { configuration } = first;
  const { keySet } = second;
  first.configuration = () =>
    moved(configuration(), `${second.url}/.well-known/openid-configuration`);
  expect(refusal(await first.verify(await first.token()))).toContain("answered 302");
  second.keySet = (init) => moved(keySet(init), `${first.url}/keys`);
  expect(refusal(await second.verify(await second.token()))).toContain("answered 302");
  expect([first.requests, second.requests].flat()).toHaveLength(3);
});

test("an answer that does not end is read no further than 256 KiB", async () => {
  const issuer = new Issuer();
  let sent = 0;
  const chunk = new Uint8Array(16 * 1024).fill(0x20);
  const pull = (controller: ReadableStreamDefaultController) => {
    sent += chunk.byteLength;
    // A guard for the test alone: without the limit it would never end.
    if (sent > 4_000_000) controller.close();
    else controller.enqueue(chunk);
  };
  issuer.keySet = () => new Response(new ReadableStream({ pull }));
  const reason = refusal(await issuer.verify(await issuer.token()));
  expect(reason).toBe(`${UNREACHED}the answer is longer than 256 KiB`);
  expect(sent).toBeLessThan(400_000);
});

test("an oversized key set is refused though it is a good one", async () => {
  const issuer = new Issuer();
  const padding = "x".repeat(256 * 1024);
  issuer.keySet = () => Response.json({ keys: [rsa.jwk], padding });
  expect(refusal(await issuer.verify(await issuer.token()))).toContain("longer than 256 KiB");
});

test("a server that does not answer, or stops in the middle, is waited for 5 seconds", async () => {
  const asked: number[] = [];
  let latest = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
    asked.push(milliseconds);
    latest = new AbortController();
    return latest.signal;
  });
  // The time is over as soon as the answer is waited for.
  const hang = () => {
    setTimeout(() => latest.abort(new DOMException("timed out", "TimeoutError")));
    return new Promise<never>(() => {});
  };
  const hanging = new Issuer();
  hanging.keySet = () => new Response(new ReadableStream({ pull: hang }, { highWaterMark: 0 }));
  const reason = refusal(await hanging.verify(await hanging.token()));
  expect(reason).toBe(`${UNREACHED}"${hanging.url}/keys" took more than 5 s`);
  const silent = new Issuer();
  silent.keySet = ({ signal }) => {
    void hang();
    return new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  };
  expect(refusal(await silent.verify(await silent.token()))).toContain("took more than 5 s");
  expect(asked).toEqual([5_000, 5_000, 5_000, 5_000]);
});

test("what is no key set is a failure of the issuer, not of the token", async () => {
  for (const body of ["<html>", "[]", '{"keys":{}}', '{"keys":[7]}', ""]) {
    const issuer = new Issuer();
    issuer.keySet = () => new Response(body);
    expect(refusal(await issuer.verify(await issuer.token()))).toContain(UNREACHED);
  }
  const issuer = new Issuer();
  issuer.configuration = () => Response.json({ issuer: issuer.url });
  expect(refusal(await issuer.verify(await issuer.token()))).toContain("lacks issuer or jwks_uri");
});

// The rules

test("a name that was taken over by another repository does not match", async () => {
  const claims = { repository: ["acme/app"], repository_id: ["123"] };
  expect(await refused({ repository_id: "999" }, { ...PUSH_RULE, claims })).toContain(
    '"repository_id" is "999"',
  );
});

test("all claims must match, each by any of its patterns; * also stands for slashes", () => {
  const claims = { repository_id: ["5", "123"], ref: ["refs/tags/*", "refs/heads/release/*"] };
  expect(matching({ ref: "refs/heads/release/2/x" }, { claims })).toBe(true);
  expect(matching({ ref: "refs/heads/main" }, { claims })).toBe(false);
  expect(matching({ ref: "refs/tags/v1", repository_id: "1234" }, { claims })).toBe(false);
  expect(matching({ ref: "x/refs/tags/v1" }, { claims })).toBe(false);
});

test("claims that are no text: what they are compared as", () => {
  expect(is(42, "42")).toBe(true);
  expect(is(true, "true")).toBe(true);
  expect(is(["dev", "ops"], "ops")).toBe(true);
  expect(is(["dev", 7, false], "false")).toBe(true);
  for (const value of [undefined, null, {}, { ops: true }, [], [["ops"]], [{}], [null]]) {
    expect(is(value, "*")).toBe(false);
  }
  expect(is(["dev", "ops"], "dev,ops")).toBe(false);
  expect(is({ toString: "x" }, "*")).toBe(false);
});

test("numbers that JSON cannot hold exactly match nothing", () => {
  const claims = { id: ["9007199254740992"] };
  expect(matching(JSON.parse('{"id":9007199254740993}'), { claims })).toBe(false);
});

test("a rule for another audience is not satisfied, whatever else the token says", () => {
  expect(matching({ aud: ["https://other.example"] })).toBe(false);
  expect(matching({ aud: ["https://other.example", AUDIENCE] })).toBe(true);
  expect(matching({}, { audience: "https://registry.*" })).toBe(false);
});

test("a missing claim never matches, nor do those that every object inherits; no claims match no token", () => {
  expect(matching({}, { claims: { environment: ["*"] } })).toBe(false);
  expect(matching({}, { claims: { constructor: ["*"] } })).toBe(false);
  expect(matching({}, { claims: { ref: [] } })).toBe(false);
  expect(matching({}, { claims: {} })).toBe(false);
});

const OUTSIDERS = [
  "pull_request",
  "pull_request_target",
  "pull_request_review",
  "pull_request_review_comment",
  "issue_comment",
  "issues",
  "discussion_comment",
  "workflow_run",
  "deployment_status",
  "merge_group",
  "an_event_of_tomorrow",
  "",
];

test.each(OUTSIDERS)("event %j: a rule for more than pull matches only if it names it", (event) => {
  const token = { event_name: event, ref: "refs/heads/main" };
  const base = PUSH_RULE.claims;
  expect(matching(token)).toBe(false);
  expect(matching(token, { claims: { ...base, event_name: ["*e*", "*"] } })).toBe(false);
  expect(matching(token, { claims: { ...base, event_name: ["push", event] } })).toBe(true);
  expect(matching(token, { scopes: [{ repositories: "*", actions: ["pull"] }] })).toBe(true);
  for (const action of ["push", "delete", "admin"] as const) {
    const scopes = [
      { repositories: "*", actions: ["pull" as const] },
      { repositories: "a", actions: [action] },
    ];
    expect(matching(token, { scopes })).toBe(false);
  }
});

test("naming one of the outsiders' events allows none of the others", () => {
  const claims = { ...PUSH_RULE.claims, event_name: ["pull_request", "*"] };
  expect(matching({ event_name: "pull_request" }, { claims })).toBe(true);
  expect(matching({ event_name: "pull_request_target" }, { claims })).toBe(false);
});

test("an event is named by its own claim only", () => {
  const claims = { repository_id: ["123"], environment: ["pull_request"] };
  const token = { environment: "pull_request", event_name: "pull_request" };
  expect(matching(token, { claims })).toBe(false);
});

test.each(["push", "release", "schedule", "workflow_dispatch", "repository_dispatch"])(
  "event %s: who causes it may write anyway",
  (event_name) => {
    expect(matching({ event_name })).toBe(true);
  },
);

test("an event that is no text is nobody's", () => {
  expect(matching({ event_name: ["push"] })).toBe(false);
  expect(matching({ event_name: { toString: 1 } })).toBe(false);
  expect(matching({ event_name: null })).toBe(false);
});

function gitlab(source: string): Record<string, unknown> {
  return { project_id: "9", pipeline_source: source };
}

test("GitLab: merge requests, and child pipelines that may be theirs, are to be named", () => {
  const base = { project_id: ["9"] };
  for (const source of ["merge_request_event", "external_pull_request_event", "parent_pipeline"]) {
    expect(matching(gitlab(source), { claims: base })).toBe(false);
    const named = { ...base, pipeline_source: [source] };
    expect(matching(gitlab(source), { claims: named })).toBe(true);
    expect(matching(gitlab(source), { claims: { ...base, pipeline_source: ["*_*"] } })).toBe(false);
  }
  expect(matching(gitlab("push"), { claims: base })).toBe(true);
});

test("a subject of pull requests is one, whatever the event claim says", () => {
  const sub = "repo:acme/app:pull_request";
  const id = { repository_id: ["123"] };
  expect(matching({ sub }, { claims: id })).toBe(false);
  expect(matching({ sub }, { claims: { ...id, sub: ["repo:acme/app:*"] } })).toBe(false);
  expect(matching({ sub }, { claims: { ...id, sub: ["repo:acme/*:pull_request"] } })).toBe(false);
  const literal = { claims: { ...id, sub: [sub] } };
  expect(matching({ sub, event_name: "pull_request" }, literal)).toBe(true);
  expect(matching({ sub, event_name: "pull_request_target" }, literal)).toBe(false);
});

test("a pull request's token is refused with the event as the reason", async () => {
  expect(await refused({ event_name: "pull_request_target" })).toContain(
    'the event "pull_request_target" may run outsiders\' code',
  );
});

// The making of a rule

const GITHUB = "https://token.actions.githubusercontent.com";
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

test.each([
  {},
  { issuer: `${GITHUB}/octo-inc` },
  { issuer: "https://ghes.example/_services/token" },
  { issuer: "https://accounts.example/", claims: { sub: ["x"] } },
  { issuer: "https://gitlab.com", claims: { namespace_id: ["9"], ref: ["main"] } },
  { claims: { repository_owner_id: ["7", "8"], repository: ["acme/*"] } },
  { claims: Object.fromEntries([["repository_id", ["1"]], ...many(19, (i) => [`c${i}`, ["x"]])]) },
  { issuer: "https://issuer.example", audience: "https://github.com/acme" },
  {
    issuer: "https://gitlab.com",
    audience: "https://gitlab.community",
    claims: { project_id: ["1"] },
  },
  { lifetime: 60 },
  { issuer: "https://homelan.example", claims: { sub: ["x"] } },
  { issuer: "https://test.localhost.example", claims: { sub: ["x"] } },
] as Partial<TrustRule>[])("checkRule: %j is in order", (change) => {
  expect(checkRule({ ...PUSH_RULE, ...change }, { insecure: false })).toBeNull();
});

test.each([
  ["is no URL", { issuer: "github.com" }],
  ["does not begin with https", { issuer: "http://issuer.example" }],
  ["does not begin with https", { issuer: "ftp://issuer.example" }],
  ["query", { issuer: "https://issuer.example/?" }],
  ["query", { issuer: "https://issuer.example/?a=b" }],
  ["fragment", { issuer: "https://issuer.example/#a" }],
  ["credentials", { issuer: "https://a:b@issuer.example" }],
  ["credentials", { issuer: "https://a@issuer.example" }],
  ["not public", { issuer: "https://192.168.0.1" }],
  ["not public", { issuer: "https://0x7f.1" }],
  ["not public", { issuer: "https://2130706433" }],
  ["not public", { issuer: "https://[::1]" }],
  ["not public", { issuer: "https://localhost" }],
  ["not public", { issuer: "https://localhost./" }],
  ["not public", { issuer: "https://a.localhost:8443" }],
  ["not public", { issuer: "https://printer.local" }],
  ["not public", { issuer: "https://metadata.google.internal" }],
  ["not public", { issuer: "https://metadata" }],
  ["not public", { issuer: "https://dex.auth.svc" }],
  ["not public", { issuer: "https://dex.auth.svc.cluster" }],
  ["not public", { issuer: "https://gitlab.lan" }],
  ["not public", { issuer: "https://gitlab.corp" }],
  ["not public", { issuer: "https://nas.home" }],
  ["not public", { issuer: "https://nas.home.arpa" }],
  ["not public", { issuer: "https://localhost.localdomain" }],
  ["not public", { issuer: "https://issuer.test" }],
  ["not public", { issuer: "https://issuer.invalid" }],
  ["not public", { issuer: "https://hidden.onion" }],
  ["not public", { issuer: "https://127.0.0.1.nip.io" }],
  ["not public", { issuer: "https://10-0-0-1.sslip.io." }],
  ["not public", { issuer: "https://localtest.me" }],
  ["other than 443", { issuer: "https://issuer.example:22" }],
  ["other than 443", { issuer: "https://issuer.example:8443/x" }],
  ['to be written "https://gitlab.com"', { issuer: "https://gitlab.com/" }],
  ['to be written "https://gitlab.com"', { issuer: "https://GitLab.com" }],
  [`to be written "${GITHUB}"`, { issuer: `${GITHUB}/` }],
  [`to be written "${GITHUB}/octo-inc"`, { issuer: `${GITHUB}/octo-inc/` }],
  ["to be written", { issuer: "https://issuer.example:443" }],
  ["to be written", { issuer: "https://h.example/_services/token/" }],
  ["is to be written", { issuer: "https://Issuer.Example" }],
  ["is to be written", { issuer: "https://issuer.example/a/../b" }],
  ["is to be written", { issuer: " https://issuer.example" }],
  ["longer than 256", { issuer: `https://issuer.example/${"x".repeat(256)}` }],
  ["audience is empty", { audience: " " }],
  ["hold a *", { audience: "https://*" }],
  ["use the registry's own URL", { audience: "https://github.com/acme" }],
  [
    "use the registry's own URL",
    { issuer: `${GITHUB}/octo-inc`, audience: "https://github.com/octo-inc" },
  ],
  [
    "use the registry's own URL",
    { issuer: "https://gitlab.com", audience: "https://gitlab.com", claims: { project_id: ["1"] } },
  ],
  ["names no claim", { claims: {} }],
  ["names no claim", { claims: { iss: [GITHUB], aud: ["x"] } }],
  ["more than 20 claims", { claims: Object.fromEntries(many(21, (i) => [`c${i}`, ["x"]])) }],
  ["no name of a claim", { claims: { repository_id: ["1"], "": ["x"] } }],
  ["not 1 to 20 patterns", { claims: { repository_id: [] } }],
  ["not 1 to 20 patterns", { claims: { repository_id: many(21, String) } }],
  ["more than 256 characters", { claims: { repository_id: ["1"], ref: ["x".repeat(257)] } }],
  ["says nothing", { claims: { repository_id: ["1"], ref: ["main", "*"] } }],
  ["says nothing", { claims: { repository_id: ["1"], ref: ["**"] } }],
  ["neither repository_id", { claims: { repository: ["acme/app"] } }],
  ["neither repository_id", { claims: { sub: ["repo:acme/app:*"] } }],
  ["neither repository_id", { claims: { ref: ["refs/heads/main"] } }],
  ["neither repository_id", { issuer: `${GITHUB}/octo-inc`, claims: { sub: ["x"] } }],
  ["neither repository_id", { issuer: "https://token.actions.a.ghe.com", claims: { sub: ["x"] } }],
  [
    "neither repository_id",
    { issuer: "https://h.example/_services/token", claims: { sub: ["x"] } },
  ],
  ["numbers only", { claims: { repository_id: ["12*"] } }],
  ["numbers only", { claims: { repository_id: ["1"], repository_owner_id: ["7", "8*"] } }],
  ["neither project_id", { issuer: "https://gitlab.com", claims: { project_path: ["a/b"] } }],
  ["numbers only", { issuer: "https://gitlab.com", claims: { project_id: ["1*"] } }],
  ["lifetime", { lifetime: 59 }],
  ["lifetime", { lifetime: 3601 }],
  ["lifetime", { lifetime: 60.5 }],
  ["lifetime", { lifetime: Number.NaN }],
] as [string, Partial<TrustRule>][])("checkRule: %s: %j", (problem, change) => {
  const answer = checkRule({ ...PUSH_RULE, ...change }, { insecure: false });
  expect(answer).toContain(problem);
  expect(answer).toMatch(/^The .*\.$/);
});

test("checkRule: all claims together are at most 4 KiB of JSON", () => {
  for (const [count, character, problem] of [
    [15, "x", null],
    [16, "x", "The claims are more than 4096 bytes of JSON."],
    [6, "€", "The claims are more than 4096 bytes of JSON."],
  ] as const) {
    const ref = many(count, () => character.repeat(256));
    const claims = { repository_id: ["1"], ref };
    expect(checkRule({ ...PUSH_RULE, claims }, { insecure: false })).toBe(problem);
  }
});

test.each([
  ["http://localhost:8080", null],
  ["http://127.0.0.1:9/x", null],
  ["https://[::1]", null],
  ["http://dex:5556/dex", null],
  ["http://192.168.0.1", "not public"],
  ["http://a.internal", "not public"],
  ["http://a.example:8080", null],
  ["ftp://localhost", "does not begin"],
])("checkRule: insecure, %s", (issuer, problem) => {
  const rule = { ...PUSH_RULE, issuer, claims: { sub: ["x"] } };
  const answer = checkRule(rule, { insecure: true });
  if (problem === null) expect(answer).toBeNull();
  else expect(answer).toContain(problem);
});
