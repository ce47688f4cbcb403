import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ADMIN, RegistryClient, withSettings } from "../support/client.ts";
import { blob } from "../support/images.ts";

// The Worker runs in the tests' isolate, so both share a console, which still prints.
const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
  for (const level of ["log", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((line: unknown) => void lines.push(String(line)));
  }
});
afterEach(() => vi.restoreAllMocks());

test("each request is one line of JSON with what is known of it", async () => {
  const client = new RegistryClient({ send: withSettings({}) });
  const { digest, bytes } = blob();
  const response = await client.request("POST", `blobs/uploads/?digest=${digest}`, { body: bytes });
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    requestId: response.headers.get("x-request-id"),
    method: "POST",
    route: "/v2/:name+/blobs/uploads",
    repository: client.repository,
    actor: "admin",
    status: 201,
    bytesIn: bytes.length,
    duration: expect.any(Number),
  });
});

test("a refusal's line has its code, and the actor only if it is known", async () => {
  const client = new RegistryClient({ send: withSettings({}), authorization: null });
  await client.get("manifests/latest");
  const entry: unknown = JSON.parse(lines[0] ?? "");
  expect(entry).toMatchObject({ status: 401, actor: null, error: "UNAUTHORIZED" });
});

test("a request to nowhere is logged without a route", async () => {
  await new RegistryClient({ send: withSettings({}) }).get("/nowhere?secret=hunter2");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ status: 404, route: null });
  expect(lines[0]).not.toContain("hunter2");
});

test("no line has a password, a token or a header of a request", async () => {
  const client = new RegistryClient({ send: withSettings({}) });
  const token = await client.token(`repository:${client.repository}:pull`);
  await client.as(token).get("tags/list");
  await client.as("Basic c2VjcmV0OnNlY3JldA==").get("tags/list");
  await client.as("Bearer secret.secret.secret").get("tags/list");
  const log = lines.join("\n");
  expect(lines.length).toBeGreaterThanOrEqual(2);
  for (const secret of [env.ADMIN_PASSWORD, env.TOKEN_KEY, token.slice(7), ADMIN.slice(6)]) {
    expect(log).not.toContain(secret);
  }
  expect(log).not.toMatch(/secret/i);
});

test("a missing setting is an error of the deployment, named in the log and not in the answer", async () => {
  const client = new RegistryClient({ send: withSettings({ TOKEN_KEY: "short" }) });
  const response = await client.get("/v2/");
  expect(response.status).toBe(500);
  expect(await response.text()).not.toContain("TOKEN_KEY");
  expect(lines[0]).toContain("TOKEN_KEY");
});
