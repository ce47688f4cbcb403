/** A misspelt field of a query would be ignored as a filter, so it is refused, everywhere by the same code. */
import { expect, test, vi } from "vitest";
import { ROUTES } from "../../src/routes.ts";
import { ATTEMPTS } from "../properties/matrix/requests.ts";
import { ADMIN, RegistryClient } from "../support/client.ts";
import { AUDIENCE, makeTrustRule, startIssuer } from "../support/issuer.ts";
import { done } from "../support/management.ts";
import { newUser } from "../support/principals.ts";

const paths = ROUTES.flatMap(({ method, path }) => {
  const attempt = ATTEMPTS[`${method} ${path}`];
  return path.startsWith("/api/v1/") && attempt !== undefined
    ? [[method, attempt.path] as const]
    : [];
});

/** Returns credentials of a caller who may: what the built-in administrator may not, it is told first. */
async function callerOf(path: string): Promise<string> {
  if (path === "/api/v1/me/password") return (await newUser()).authorization;
  return path === "/api/v1/oidc/credential" ? exchanged() : ADMIN;
}

async function exchanged(): Promise<string> {
  const issuer = await startIssuer();
  const { namespace } = await makeTrustRule(issuer, { claims: { project: ["7"] } });
  const token = await issuer.sign({ sub: "job:1", project: "7", aud: AUDIENCE });
  const body = { token, namespaces: [namespace] };
  const { password } = await done<{ password: string }>("POST", "/oidc/exchange", body, {
    as: null,
  });
  vi.unstubAllGlobals();
  return `Bearer ${password}`;
}

test.each(paths)("%s %s refuses a field that it does not know", async (method, path) => {
  const client = new RegistryClient({ authorization: await callerOf(path) });
  const query = path.includes("?") ? "&" : "?";
  const response = await client.request(method, `${path}${query}nonsense=1`);
  const problem = await response.json<{ code: string; detail: string }>();
  expect(response.status).toBe(400);
  expect(problem.code).toBe("FIELD_INVALID");
  expect(problem.detail).toContain("nonsense: is no field of this query");
});

test("a field is refused after it is known that the caller may ask at all", async () => {
  const nobody = new RegistryClient({ authorization: null });
  expect((await nobody.get("/api/v1/audit?nonsense=1")).status).toBe(401);
});

test("a field that comes twice is refused, and the refusal of another names those that there are", async () => {
  const client = new RegistryClient({ authorization: ADMIN });
  const twice = await client.get("/api/v1/users?limit=1&limit=2");
  expect(twice.status).toBe(400);
  expect(await twice.text()).toContain("limit: give it once");
  const other = await client.get("/api/v1/users?limt=1");
  expect(await other.text()).toContain("it has: limit, after");
});
