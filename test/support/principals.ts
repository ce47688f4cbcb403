/** Users with roles, written directly into the database: for tests of their rights, not of how they got these. */
import { env } from "cloudflare:workers";
import type { Role, Scope } from "../../src/auth/policy/access.ts";
import { hashPassword } from "../../src/auth/login/password.ts";
import { newSecret } from "../../src/auth/login/secret.ts";
import { basic } from "./client.ts";

/** Makes a namespace that no other test has. */
export async function newNamespace(visibility: "private" | "public" = "private"): Promise<string> {
  const name = `n${crypto.getRandomValues(new Uint8Array(6)).toHex()}`;
  await env.DB.prepare(`INSERT INTO namespaces (name, visibility, created_at) VALUES (?1, ?2, 0)`)
    .bind(name, visibility)
    .run();
  return name;
}

export interface Person {
  readonly name: string;
  /** The Authorization header. */
  readonly authorization: string;
}

/** All users here have the same password, since its hash is slow. */
const PASSWORD = "a password of twelve and more";
const hashed = hashPassword(PASSWORD);

/** Makes a user that no other test has, with a role on each of the patterns; the namespaces must exist. */
export async function newUser(roles: Readonly<Record<string, Role>> = {}): Promise<Person> {
  const name = `u${crypto.getRandomValues(new Uint8Array(6)).toHex()}`;
  const members = Object.entries(roles).map(([pattern, role]) =>
    env.DB.prepare(
      `INSERT INTO members (user, namespace, pattern, role, created_at) VALUES (?1, ?2, ?3, ?4, 0)`,
    ).bind(name, pattern.split("/", 1)[0], pattern, role),
  );
  await env.DB.batch([
    env.DB.prepare(`INSERT INTO users (name, password, created_at) VALUES (?1, ?2, 0)`).bind(
      name,
      await hashed,
    ),
    ...members,
  ]);
  return { name, authorization: basic(name, PASSWORD) };
}

/** Makes a token of the user, limited to the scopes. @returns the Authorization header */
export async function newToken(user: string, scopes: readonly Scope[]): Promise<string> {
  const { secret, hash } = await newSecret();
  const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
  await env.DB.prepare(
    `INSERT INTO tokens (id, user, hash, description, scopes, created_at) VALUES (?1, ?2, ?3, '', ?4, 0)`,
  )
    .bind(id, user, hash, JSON.stringify(scopes))
    .run();
  return `Bearer ${secret}`;
}
