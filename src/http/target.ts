import { RegistryError } from "../oci/errors.ts";

/** What a request asks for, by its request line, its Host and what a proxy says of it. */
export interface Target {
  readonly url: URL;
  /** Whether the client says by which name it reached this registry; HTTP/1.0 need not. */
  readonly isNamed: boolean;
  /** Why the request can't be served, or null: the URL is then as much of it as can be read. */
  readonly fault: RegistryError | null;
}

/** Stands in for a name; no registry can have it (RFC 6761 § 6.4). */
const NAMELESS = "nameless.invalid";
/** A name, an IPv4 address or an IPv6 one in brackets, and a port (RFC 9110 § 7.2): nothing that a URL or a challenge would need quoted. */
const AUTHORITY = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
const ABSOLUTE = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/i;

/**
 * On Cloudflare the URL is absolute. The socket of `npm start` hands on the request line as it came, so that a health check of
 * HTTP/1.0 without a Host is answered, and a wrong header is refused here, in the form of the spec, instead of by the runtime.
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

/** Each proxy adds what it was spoken to in: the first one has the client. */
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

/** For what only a name makes possible, such as a challenge. */
export function unnamed(): RegistryError {
  return new RegistryError("REQUEST_INVALID", { message: "send a Host header" });
}
