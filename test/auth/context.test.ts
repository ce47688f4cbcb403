import { expect, test } from "vitest";
import { addressOf } from "../../src/auth-context.ts";

const TOLD = { "cf-connecting-ip": "192.0.2.9" };

/** workerd sets `clientIp` to the client's address on its own socket; Cloudflare does not set it. */
function request(headers: Record<string, string>, clientIp?: string): Request {
  return new Request("https://registry.test/", { headers, ...(clientIp && { cf: { clientIp } }) });
}

test.each([
  ["Cloudflare says it", undefined, TOLD, "192.0.2.9"],
  ["nobody says it", undefined, {}, "local"],
  ["an IPv4 peer", "198.51.100.1:51234", {}, "198.51.100.1"],
  ["an IPv6 peer", "[2001:db8::1]:51234", {}, "2001:db8::1"],
  ["a peer elsewhere does not speak for others", "198.51.100.1:51234", TOLD, "198.51.100.1"],
  ["nor by IPv6", "[2001:db8::1]:51234", TOLD, "2001:db8::1"],
  ["a peer that begins like this machine", "[::1:2]:51234", TOLD, "::1:2"],
  ["a proxy on this machine speaks for others", "127.0.0.1:51234", TOLD, "192.0.2.9"],
  ["a proxy on this machine, by IPv6", "[::1]:51234", TOLD, "192.0.2.9"],
  ["a proxy on this machine, by both", "[::ffff:127.0.0.1]:51234", TOLD, "192.0.2.9"],
  ["this machine itself", "127.0.0.1:51234", {}, "127.0.0.1"],
])("the address of a request: %s", (_, clientIp, headers, expected) => {
  expect(addressOf(request(headers, clientIp))).toBe(expected);
});
