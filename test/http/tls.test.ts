/** Plain HTTP on Cloudflare: no challenge asks for a password there. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../../src/app.ts";
import { ADMIN, basic, ignore } from "../support/client.ts";

const CLOUDFLARE = { colo: "AMS" };

function ask(url: string, cf: object, authorization: string | null = null): Promise<Response> {
  const headers = new Headers(authorization === null ? {} : { authorization });
  return handle(new Request(url, { headers, cf: cf as CfProperties }), env, ignore);
}

test.each([
  ["a ping", "/v2/", null],
  ["a ping with credentials", "/v2/", ADMIN],
  ["a pull", "/v2/acme/app/manifests/v1", null],
  ["a token request", "/token", ADMIN],
  ["the management API", "/api/v1/me", basic("admin", "wrong")],
  ["what is listed for everyone", "/api/v1/repositories", null],
])(
  "on Cloudflare %s over plain HTTP is refused, and no challenge asks for credentials",
  async (_, path, who) => {
    const response = await ask(`http://registry.example.com${path}`, CLOUDFLARE, who);
    expect(response.status).toBe(400);
    expect(response.headers.has("www-authenticate")).toBe(false);
    expect(await response.text()).toContain("use https://registry.example.com");
  },
);

test("on Cloudflare the challenge over HTTPS names an https realm", async () => {
  const response = await ask("https://registry.example.com/v2/", CLOUDFLARE);
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toContain(
    'realm="https://registry.example.com/token"',
  );
});

test.each([
  ["this machine", "http://127.0.0.1:8787", { clientIp: "127.0.0.1:50000" }],
  ["a name in a network of one's own", "http://registry.lan", { clientIp: "192.0.2.9:50000" }],
  ["wrangler dev", "http://localhost:8787", CLOUDFLARE],
  ["wrangler dev by an address", "http://192.168.1.5:8787", CLOUDFLARE],
  ["wrangler dev by an IPv6 address", "http://[::1]:8787", CLOUDFLARE],
])("a registry of one's own answers plain HTTP: %s", async (_, initiator, cf) => {
  const response = await ask(`${initiator}/v2/`, cf);
  expect(response.status).toBe(401);
  expect(response.headers.get("www-authenticate")).toContain(`realm="${initiator}/token"`);
});
