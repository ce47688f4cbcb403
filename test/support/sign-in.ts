/** Sessions of people, by the API or straight into the database. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Session } from "../../src/api/schema/sessions.ts";
import { ADMIN as ADMIN_NAME, adminMark } from "../../src/auth/login/admin.ts";
import { newSessionSecret } from "../../src/auth/login/secret.ts";
import { COOKIE } from "../../src/auth/sign-in/cookie.ts";
import { LONGEST_MS } from "../../src/auth/sign-in/session.ts";
import { HOST, INITIATOR, type Send } from "./client.ts";
import { api, PASSWORD } from "./management.ts";

/** What a page of this origin sends by itself. */
export const FROM_A_PAGE = { "sec-fetch-site": "same-origin", origin: INITIATOR };

export interface Browser {
  readonly id: string;
  readonly secret: string;
  /** The headers of a request by a page of this origin, with the cookie. */
  readonly headers: Record<string, string>;
}

export function browserOf(id: string, secret: string): Browser {
  return { id, secret, headers: { ...FROM_A_PAGE, cookie: `${COOKIE}=${secret}` } };
}

interface SignIn {
  readonly password?: string;
  readonly headers?: Record<string, string>;
  readonly send?: Send;
}

/** Signs in, as the console does. */
export function trySignIn(
  name: string,
  { password = PASSWORD, headers = {}, ...more }: SignIn = {},
): Promise<Response> {
  const sent = { ...FROM_A_PAGE, ...headers };
  return api("POST", "/sessions", { name, password }, { as: null, headers: sent, ...more });
}

export async function signIn(name: string, options: SignIn = {}): Promise<Browser> {
  const response = await trySignIn(name, options);
  expect(response.status, await response.clone().text()).toBe(201);
  const { id } = await response.json<Session>();
  return browserOf(id, secretOf(response));
}

/** Returns the secret that an answer sets as the cookie; "" if it takes the cookie away. */
export function secretOf(response: Response): string {
  const cookie = response.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^__Host-slipway=/);
  return cookie.slice(`${COOKIE}=`.length, cookie.indexOf(";"));
}

interface Times {
  /** Milliseconds since 1970. */
  readonly seenAt?: number;
  readonly expiresAt?: number;
}

/** Adds a session that nobody signed in for. */
export async function addSession(user: string, times: Times = {}): Promise<Browser> {
  const { secret, hash } = await newSessionSecret();
  const id = crypto.getRandomValues(new Uint8Array(8)).toHex();
  const now = Date.now();
  const { seenAt = now, expiresAt = now + LONGEST_MS } = times;
  const signing = { key: env.TOKEN_KEY, nextKey: null, service: HOST };
  const isAdmin = user === ADMIN_NAME;
  const about = { adminPassword: env.ADMIN_PASSWORD, signing } as Parameters<typeof adminMark>[0];
  await env.DB.prepare(
    `INSERT INTO sessions (hash, id, user, mark, address, agent, created_at, seen_at, expires_at)
     VALUES (?1, ?2, ?3, ?4, '192.0.2.1', 'a browser', ?5, ?6, ?7)`,
  )
    .bind(hash, id, user, isAdmin ? await adminMark(about) : null, now, seenAt, expiresAt)
    .run();
  return browserOf(id, secret);
}
