/** All principals that may send a request to namespace `acme`, with their credentials. */
import { env } from "cloudflare:workers";
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from "jose";
import { vi } from "vitest";
import { hashPassword } from "../../../src/auth/login/password.ts";
import { newSecret } from "../../../src/auth/login/secret.ts";
import { basic, INITIATOR } from "../../support/client.ts";
import { addSession, browserOf } from "../../support/sign-in.ts";

export const PRINCIPALS = [
  "anonymous",
  "outsider",
  "reader",
  "writer",
  "maintainer",
  "owner",
  "administrator",
  "robot that may pull",
  "robot of another repository",
  "robot that administers",
  "token of the owner that may pull",
  "token that expired",
  "token that was deleted",
  "user that was deleted",
  "wrong password",
  "session of the outsider",
  "session of the reader",
  "session of the writer",
  "session of the maintainer",
  "session of the owner",
  "session of the administrator",
  "session that ended",
  "session that never was",
  "workload that may push",
  "workload without the claim",
  "workload of a pull request",
  "workload with another audience",
  "workload of another issuer",
  "workload with a forged signature",
  "workload with alg none",
  "workload with the public key as an HMAC key",
] as const;
export type Principal = (typeof PRINCIPALS)[number];

const ISSUER = "https://issuer.example";
const CLAIMS = { sub: "repo:acme/app", repository_id: "42", event_name: "push", ref: "main" };
const PASSWORD = "a password that is long enough";
const YEAR = 365 * 86_400_000;

function insert(sql: string, ...values: (string | number | null)[]): D1PreparedStatement {
  return env.DB.prepare(sql).bind(...values);
}

/** Makes all of them. @returns the headers of each, for a login */
export async function makePrincipals(): Promise<Record<Principal, Record<string, string>>> {
  const known = Object.entries(await makeCredentials()).map(([name, authorization]) => [
    name,
    authorization === null ? {} : { authorization },
  ]);
  return { ...Object.fromEntries(known), ...(await sessions()) } as Record<
    Principal,
    Record<string, string>
  >;
}

type WithSession = Extract<Principal, `session ${string}`>;

async function by(user: string): Promise<Record<string, string>> {
  return (await addSession(user)).headers;
}

async function sessions(): Promise<Record<WithSession, Record<string, string>>> {
  return {
    "session of the outsider": await by("outsider"),
    "session of the reader": await by("reader"),
    "session of the writer": await by("writer"),
    "session of the maintainer": await by("maintainer"),
    "session of the owner": await by("owner"),
    "session of the administrator": await by("admin"),
    "session that ended": (await addSession("owner", { seenAt: 0 })).headers,
    "session that never was": browserOf("", `slps_${"a".repeat(43)}`).headers,
  };
}

async function makeCredentials(): Promise<Record<Exclude<Principal, WithSession>, string | null>> {
  const users = ["outsider", "reader", "writer", "maintainer", "owner"];
  const hash = await hashPassword(PASSWORD);
  const now = Date.now();
  await env.DB.batch([
    insert("INSERT INTO namespaces (name, created_at) VALUES ('acme', ?1), ('other', ?1)", now),
    insert("INSERT INTO repositories (name, created_at) VALUES ('acme/kept', ?1)", now),
    ...users.map((name) =>
      insert("INSERT INTO users (name, password, created_at) VALUES (?1, ?2, ?3)", name, hash, now),
    ),
    ...users
      .slice(1)
      .map((role) =>
        insert("INSERT INTO members VALUES (?1, 'acme', 'acme/*', ?1, ?2)", role, now),
      ),
    insert("INSERT INTO members VALUES ('outsider', 'other', 'other/*', 'owner', ?1)", now),
    ...[
      ["acme+puller", "acme/app", "pull"],
      ["acme+elsewhere", "acme/other", "admin"],
      ["acme+admin", "acme/*", "admin"],
    ].map(([name = "", pattern = "", action = ""]) =>
      insert(
        "INSERT INTO robots (name, namespace, description, scopes, created_at) VALUES (?1, 'acme', '', ?2, ?3)",
        name,
        JSON.stringify([{ repositories: pattern, actions: [action] }]),
        now,
      ),
    ),
    insert(
      "INSERT INTO trust_rules (name, namespace, issuer, selector, audience, claims, scopes, lifetime, created_at) VALUES ('acme+ci', 'acme', ?1, 'repository_id=42', ?2, ?3, ?4, 900, ?5)",
      ISSUER,
      INITIATOR,
      JSON.stringify({ repository_id: ["42"] }),
      JSON.stringify([{ repositories: "acme/*", actions: ["push"] }]),
      now,
    ),
  ]);
  const all = JSON.stringify([{ repositories: "acme/*", actions: ["pull"] }]);
  const token = async (column: "user" | "robot", owner: string, expires: number | null) => {
    const { secret, hash: kept } = await newSecret();
    const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
    await insert(
      `INSERT INTO tokens (id, ${column}, hash, description, scopes, expires_at, created_at) VALUES (?1, ?2, ?3, '', ?4, ?5, ?6)`,
      id,
      owner,
      kept,
      column === "user" ? all : null,
      expires,
      now,
    ).run();
    return basic(owner, secret);
  };
  return {
    anonymous: null,
    outsider: basic("outsider", PASSWORD),
    reader: basic("reader", PASSWORD),
    writer: basic("writer", PASSWORD),
    maintainer: basic("maintainer", PASSWORD),
    owner: basic("owner", PASSWORD),
    administrator: basic("admin", env.ADMIN_PASSWORD),
    "robot that may pull": await token("robot", "acme+puller", now + YEAR),
    "robot of another repository": await token("robot", "acme+elsewhere", null),
    "robot that administers": await token("robot", "acme+admin", null),
    "token of the owner that may pull": await token("user", "owner", now + YEAR),
    "token that expired": await token("user", "owner", now - 1000),
    "token that was deleted": basic("owner", (await newSecret()).secret),
    "user that was deleted": basic("gone", PASSWORD),
    "wrong password": basic("owner", `${PASSWORD}!`),
    ...(await workloads()),
  };
}

type Workload = Extract<Principal, `workload ${string}`>;

async function workloads(): Promise<Record<Workload, string>> {
  const keys = await generateKeyPair("RS256", { extractable: true });
  const foreign = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: "one", alg: "RS256", use: "sig" };
  serve(jwk);
  const claims = { ...CLAIMS, iss: ISSUER, aud: INITIATOR };
  const sign = (
    change: object = {},
    key: Parameters<SignJWT["sign"]>[0] = keys.privateKey,
    alg = "RS256",
  ) =>
    new SignJWT({ ...claims, ...change })
      .setProtectedHeader({ alg, kid: "one" })
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(key);
  const publicKey = new TextEncoder().encode(await exportSPKI(keys.publicKey));
  const none = new UnsecuredJWT(claims).setIssuedAt().setExpirationTime("1h").encode();
  const tokens: Record<Workload, string> = {
    "workload that may push": await sign(),
    "workload without the claim": await sign({ repository_id: "43" }),
    "workload of a pull request": await sign({ event_name: "pull_request" }),
    "workload with another audience": await sign({ aud: "https://other.test" }),
    "workload of another issuer": await sign({ iss: "https://other.example" }),
    "workload with a forged signature": await sign({}, foreign.privateKey),
    "workload with alg none": none,
    "workload with the public key as an HMAC key": await sign({}, publicKey, "HS256"),
  };
  return Object.fromEntries(
    Object.entries(tokens).map(([name, idToken]) => [name, basic("oidc", idToken)]),
  ) as Record<Workload, string>;
}

/** Serves the keys of the issuer, another party's server. */
function serve(jwk: JWK): void {
  const answers: Record<string, unknown> = {
    "/.well-known/openid-configuration": { issuer: ISSUER, jwks_uri: `${ISSUER}/keys` },
    "/keys": { keys: [jwk] },
  };
  vi.stubGlobal("fetch", (address: string) => {
    const { origin, pathname } = new URL(address);
    if (origin !== ISSUER) throw new Error(`nobody is at ${origin}`);
    return Promise.resolve(Response.json(answers[pathname]));
  });
}
