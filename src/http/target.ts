import { RegistryError } from "../oci/errors.ts";

/** The target of a request, read from its request line, its Host and its X-Forwarded-Proto. */
export interface Target {
  readonly url: URL;
  /** Whether the request names the host; HTTP/1.0 need not. */
  readonly isNamed: boolean;
  /** Why the request can't be served, or null. With a fault the URL holds what could be read. */
  readonly fault: RegistryError | null;
}

/** Replaces a missing host; no registry can have this name (RFC 6761 § 6.4). */
const NAMELESS = "nameless.invalid";
/** A name, an IPv4 address or an IPv6 one in brackets, and a port (RFC 9110 § 7.2): safe in URLs and challenges. */
const AUTHORITY = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i;

/**
 * Reads the target of a request. On Cloudflare the URL is absolute. `npm start` passes the request line unchanged, so
 * that a health check by HTTP/1.0 without a Host is answered, and a wrong header is refused here in the spec's form,
 * not by the runtime.
 */
export function targetOf({ url: target, headers }: Request): Target {
  const [, scheme, authority, rest] = ABSOLUTE.exec(target) ?? [];
  if (scheme !== undefined && authority !== undefined && rest !== undefined) {
    return compose(scheme.toLowerCase(), authority, rest === "" ? "/" : rest);
  }
  const host = headers.get("host");
  return compose(
    schemeOf(headers.get("x-forwarded-proto")),
    host === "" ? null : host,
    target === "*" ? "/" : target,
  );
}

/** Reads the client's scheme. Each proxy appends the one it was called with, so the first is the client's. */
function schemeOf(forwarded: string | null): string {
  const [first = ""] = (forwarded ?? "").split(",", 1);
  return first.trim().toLowerCase() || "http";
}

function compose(scheme: string, authority: string | null, path: string): Target {
  const isNamed = authority !== null;
  const isHttp = scheme === "http" || scheme === "https";
  const isHost = !isNamed || AUTHORITY.test(authority);
  const origin = `${isHttp ? scheme : "http"}://`;
  const url = path.startsWith("/")
    ? URL.parse(origin + (isNamed && isHost ? authority : NAMELESS) + path)
    : null;
  const isWhole = isHttp && isHost && url !== null;
  return {
    url: url ?? new URL(`http://${NAMELESS}/`),
    isNamed,
    fault: isWhole ? null : malformed(isHttp ? "Host" : "scheme"),
  };
}

function malformed(part: "Host" | "scheme"): RegistryError {
  const message =
    part === "scheme"
      ? "this registry speaks http and https: the scheme, or what X-Forwarded-Proto says first, is another"
      : "malformed request target or Host: send one Host header with the registry's name";
  return new RegistryError("REQUEST_INVALID", { message });
}

/** Refuses a request without a Host where the answer needs the name, such as a challenge. */
export function unnamed(): RegistryError {
  return new RegistryError("REQUEST_INVALID", { message: "send a Host header" });
}
