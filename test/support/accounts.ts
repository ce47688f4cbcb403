/** Robots, workloads and secrets, straight into the database; people are in principals.ts. */
import { env } from "cloudflare:workers";
import { SignJWT } from "jose";
import type { Scope } from "../../src/auth/policy/access.ts";
import { newSecret } from "../../src/auth/login/secret.ts";
import { selectorOf } from "../../src/auth/oidc/trust.ts";
import { revoke } from "../../src/db/revocations.ts";
import { HOST, RegistryClient, type Send } from "./client.ts";

export interface Secret {
  readonly id: string;
  readonly secret: string;
}

interface Owner {
  readonly user?: string;
  readonly robot?: string;
  /** Of a user's. */
  readonly scopes?: readonly Scope[];
  /** Milliseconds since 1970. */
  readonly expires?: number;
}

export async function addSecret({ user, robot, scopes, expires }: Owner): Promise<Secret> {
  const { secret, hash } = await newSecret();
  const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
  await env.DB.prepare(
    `INSERT INTO tokens (id, user, robot, hash, description, scopes, expires_at, created_at)
     VALUES (?1, ?2, ?3, ?4, '', ?5, ?6, 0)`,
  )
    .bind(
      id,
      user ?? null,
      robot ?? null,
      hash,
      scopes === undefined ? null : JSON.stringify(scopes),
      expires ?? null,
    )
    .run();
  return { id, secret };
}

/** @returns its name */
export async function addRobot(namespace: string, scopes: readonly Scope[]): Promise<string> {
  const name = `${namespace}+r${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
  await env.DB.prepare(
    `INSERT INTO robots (name, namespace, description, scopes, created_at) VALUES (?1, ?2, '', ?3, 0)`,
  )
    .bind(name, namespace, JSON.stringify(scopes))
    .run();
  return name;
}

interface Rule {
  readonly issuer: string;
  readonly audience: string;
  readonly claims: Readonly<Record<string, readonly string[]>>;
  readonly scopes: readonly Scope[];
  readonly lifetime?: number;
}

/** @returns its name */
export async function addRule(namespace: string, rule: Rule): Promise<string> {
  const name = `${namespace}+w${crypto.getRandomValues(new Uint8Array(4)).toHex()}`;
  const { issuer, audience, claims, scopes, lifetime = 600 } = rule;
  await env.DB.prepare(
    `INSERT INTO trust_rules (name, namespace, issuer, audience, claims, scopes, lifetime, selector, created_at)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)`,
  )
    .bind(
      name,
      namespace,
      issuer,
      audience,
      JSON.stringify(claims),
      JSON.stringify(scopes),
      lifetime,
      selectorOf(rule),
    )
    .run();
  return name;
}

export async function makePublic(repository: string): Promise<void> {
  await env.DB.prepare(`UPDATE repositories SET visibility = 'public' WHERE name = ?1`)
    .bind(repository)
    .run();
}

/** @param subject `user:<name>`, `token:<id>`, `robot:<name>` or `rule:<name>` */
export async function takeBack(subject: string): Promise<void> {
  await revoke(env.DB, subject).run();
}

/** A caller at an address of its own: failures of others are not held against it. */
export function from(address: string, send: Send): Send {
  return (request) => {
    request.headers.set("cf-connecting-ip", address);
    return send(request);
  };
}

/** One of the addresses set aside for benchmarks, at random. */
export function anyAddress(): string {
  const [a, b] = crypto.getRandomValues(new Uint8Array(2));
  return `198.18.${a}.${b}`;
}

interface Forged {
  readonly repository: string;
  readonly actions?: readonly string[];
  readonly name?: string;
  readonly dependsOn?: readonly string[];
  /** When it was signed and when it ends, in milliseconds from now. */
  readonly signed?: number;
  readonly ends?: number;
  readonly key?: string;
}

/** A registry token as the registry would have signed it at another time. @returns the Authorization header */
export async function signAsRegistry(token: Forged): Promise<string> {
  const { repository, actions = ["pull", "push", "delete"], name = "admin" } = token;
  const {
    dependsOn = [`user:${name}`],
    signed = -1_000,
    ends = 300_000,
    key = env.TOKEN_KEY,
  } = token;
  const now = Date.now();
  const jwt = await new SignJWT({
    access: [{ type: "repository", name: repository, actions }],
    refused: [],
    sources: "granted",
    via: "password",
    dependsOn,
    subject: null,
    grantedAt: now + signed,
  })
    .setProtectedHeader({ alg: "HS256", typ: "JWT", kid: await keyId(key) })
    .setIssuer(HOST)
    .setAudience(HOST)
    .setSubject(name)
    .setIssuedAt(Math.floor((now + signed) / 1000))
    .setExpirationTime(Math.floor((now + ends) / 1000))
    .sign(new TextEncoder().encode(key));
  return `Bearer ${jwt}`;
}

export async function keyId(key: string): Promise<string> {
  const id = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`kid:${key}`));
  return new Uint8Array(id, 0, 8).toHex();
}

/** The token service, asked as containerd does. */
export function logIn(
  username: string,
  password: string,
  scope = "",
  send?: Send,
): Promise<Response> {
  const client = new RegistryClient({
    authorization: null,
    ...(send === undefined ? {} : { send }),
  });
  const form = { grant_type: "password", service: HOST, scope, username, password };
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return client.request("POST", "/token", { headers, body: new URLSearchParams(form).toString() });
}
