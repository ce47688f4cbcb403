/** A client of the management API, and checks of what a refused request leaves in the database. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { refusalsOf } from "../../src/api/openapi.ts";
import { matchRoute } from "../../src/match.ts";
import type { Refusal } from "../../src/oci/errors.ts";
import { ADMIN, basic, RegistryClient, type Send, withSettings } from "./client.ts";
import { leavesNothing } from "./storage.ts";

export const PASSWORD = "a password that is long enough";

export interface CallOptions {
  /** The Authorization header; the administrator's by default. */
  readonly as?: string | null;
  readonly headers?: Record<string, string>;
  readonly send?: Send;
}

/**
 * Makes a call. A refusal has to be one that the endpoint declares, so its document lists all of them.
 * @param body sent as JSON; a string as it is
 */
export async function api(
  method: string,
  path: string,
  body?: unknown,
  { as = ADMIN, headers = {}, send }: CallOptions = {},
): Promise<Response> {
  const client = new RegistryClient({ authorization: as, ...(send === undefined ? {} : { send }) });
  const json = body === undefined ? {} : { "content-type": "application/json" };
  const response = await client.request(method, `/api/v1${path}`, {
    headers: { ...json, ...headers },
    body: body === undefined || typeof body === "string" ? (body ?? null) : JSON.stringify(body),
  });
  if (response.status >= 400 && method !== "HEAD") await requireDeclared(method, path, response);
  return response;
}

async function requireDeclared(method: string, path: string, response: Response): Promise<void> {
  const { code } = await response.clone().json<{ code: Refusal | "UNKNOWN" }>();
  if (code === "UNKNOWN" || code === "ROUTE_UNKNOWN" || code === "METHOD_UNSUPPORTED") return;
  const url = new URL(`https://registry.test/api/v1${path}`);
  const { route } = matchRoute(new Request(url, { method }), url);
  expect(refusalsOf(route as Endpoint), `what ${method} ${route.path} refuses`).toContain(code);
}

/** Makes a call that succeeds. @returns its body */
export async function done<T = Record<string, unknown>>(
  method: string,
  path: string,
  body?: unknown,
  options?: CallOptions,
): Promise<T> {
  const response = await api(method, path, body, options);
  expect(response.ok, `${method} ${path}: ${await response.clone().text()}`).toBe(true);
  return response.status === 204 ? ({} as T) : response.json<T>();
}

/** Checks that a refusal has the form of RFC 9457, and returns its content. */
export async function problem(response: Response): Promise<{ status: number; code: string }> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  const body = await response.json<{ status: number; code: string; detail: string }>();
  expect(body).toMatchObject({ type: "about:blank", title: expect.any(String) });
  expect(body.status).toBe(response.status);
  expect(body.detail).not.toBe("");
  return { status: response.status, code: body.code };
}

/** Makes a call that is refused, and changes nothing. */
export async function refused(
  method: string,
  path: string,
  body?: unknown,
  options?: CallOptions,
): Promise<{ status: number; code: string }> {
  return problem(await leavesNothing(() => api(method, path, body, options)));
}

/** Lists the actions in the audit log for a reference. */
export async function audited(reference: string): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT action FROM audit WHERE reference = ?1 AND outcome = 'done' ORDER BY id`,
  )
    .bind(reference)
    .all<{ action: string }>();
  return results.map(({ action }) => action);
}

/** Returns a name that is not in use yet. */
export function unused(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 8)}`;
}

export interface Person {
  readonly name: string;
  readonly authorization: string;
}

export async function makeUser(options: { readonly admin?: boolean } = {}): Promise<Person> {
  const name = unused("user");
  await done("POST", "/users", { name, password: PASSWORD, ...options });
  return { name, authorization: basic(name, PASSWORD) };
}

/** Makes a namespace with an owner. */
export async function makeNamespace(): Promise<{ namespace: string; owner: Person }> {
  const owner = await makeUser();
  const namespace = unused("space");
  await done("POST", "/namespaces", { name: namespace, owner: owner.name });
  return { namespace, owner };
}

/** @returns the secret */
export async function makeToken(
  { authorization }: Person,
  options: Record<string, unknown> = {},
): Promise<string> {
  const body = { description: "test", ...options };
  return (await done<{ secret: string }>("POST", "/tokens", body, { as: authorization })).secret;
}

/** Returns the status of starting a push with these credentials, with a token that was requested for it. */
export async function pushes(authorization: string, repository: string): Promise<number> {
  const client = new RegistryClient({ repository, authorization, send: withSettings({}) });
  const answer = await client.get(
    `/token?service=registry.test&scope=repository:${repository}:pull,push`,
  );
  if (answer.status !== 200) return answer.status;
  const { token } = await answer.json<{ token: string }>();
  return pushesWith(`Bearer ${token}`, repository);
}

/** Pushes with a registry token, in a Worker that has just read the revocations. */
export async function pushesWith(bearer: string, repository: string): Promise<number> {
  const client = new RegistryClient({
    repository,
    authorization: bearer,
    send: withSettings({}),
  });
  return (await client.request("POST", "blobs/uploads/")).status;
}

/** @returns the Authorization header of a registry token for pushing */
export function pushToken(authorization: string, repository: string): Promise<string> {
  const client = new RegistryClient({ repository, authorization });
  return client.token(`repository:${repository}:pull,push`);
}
