/** Headers on their way through: rules as pure functions. */
import type { IncomingHttpHeaders } from "node:http";

/**
 * RFC 9110 § 7.6.1: they are of one connection alone. `host` and `expect` are answered here. `authorization` is set anew,
 * as it may be for the proxy and not for the registry; so is what frames the body.
 */
const NOT_PASSED = new Set([
  "authorization",
  "connection",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export type Headers = Record<string, string | string[]>;

/** The headers that are passed on. */
export function endToEnd(headers: IncomingHttpHeaders): Headers {
  const named = new Set(headers.connection?.toLowerCase().split(/\s*,\s*/));
  const passed = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || NOT_PASSED.has(name) || named.has(name) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(passed);
}

/**
 * The registry's headers as the client is to see them: it asks for tokens here too, since it may not reach the registry,
 * or not speak https; and it follows each Location back to here.
 * @param origin the registry's
 * @param self this proxy's, as the client named it
 */
export function rewritten(headers: IncomingHttpHeaders, origin: string, self: string): Headers {
  const { location } = headers;
  const challenge = headers["www-authenticate"];
  return {
    ...endToEnd(headers),
    ...(location === undefined ? {} : { location: withoutOrigin(location, origin) }),
    ...(challenge === undefined
      ? {}
      : { "www-authenticate": challenge.replaceAll(`realm="${origin}/`, `realm="${self}/`) }),
  };
}

function withoutOrigin(location: string, origin: string): string {
  return location.startsWith(`${origin}/`) ? location.slice(origin.length) : location;
}

/** Says whether a request brings a body, by RFC 9112 § 6.3. */
export function hasBody(headers: IncomingHttpHeaders): boolean {
  const { "content-length": length = "0", "transfer-encoding": coding } = headers;
  return coding !== undefined || Number(length) > 0;
}

/** How many bytes a request brings; null where it comes in chunks. */
export function bodyBytesIn({ "content-length": length }: IncomingHttpHeaders): number | null {
  return length === undefined ? null : Number(length);
}

/** How many bytes the registry lets a request bring, where it says so. */
export function maxRequestBytesIn(headers: IncomingHttpHeaders): number | null {
  const told = Number(headers["oci-chunk-max-length"]);
  return Number.isInteger(told) && told > 0 ? told : null;
}
