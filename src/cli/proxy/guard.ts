/** Who may use the proxy: programs of this machine, and no web page. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { basic } from "../remote/basic.ts";

/** The name with which clients log in where the proxy holds the credential. */
export const PROXY_USER = "slipway";

export interface Refusal {
  readonly status: number;
  readonly code: "DENIED" | "NAME_UNKNOWN" | "UNAUTHORIZED" | "UNAVAILABLE";
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The names of this machine; Docker Desktop's engine, in its own machine, has another for it. */
const NAMES = ["localhost", "127.0.0.1", "[::1]", "host.docker.internal"];

/**
 * Refuses what a page in a browser could send: its own requests carry `Origin`, and those to a name that it has pointed at
 * this machine (DNS rebinding) carry that name.
 * @param secret what clients have to log in with; null where they bring credentials of the registry
 */
export function refusalOf(
  headers: IncomingHttpHeaders,
  path: string,
  { port, secret }: { readonly port: number; readonly secret: string | null },
): Refusal | null {
  const { host = "", origin, authorization = "" } = headers;
  if (origin !== undefined || headers["sec-fetch-site"] === "cross-site") {
    return denied("slipway proxy answers no web page");
  }
  // Clients leave out the usual port.
  const suffix = port === 80 ? "" : `:${port}`;
  if (!NAMES.some((name) => host.toLowerCase() === name + suffix)) {
    return denied(`slipway proxy is localhost${suffix}, and "${host}" is not`);
  }
  const served = secret === null ? /^\/(?:v2|token)(?:[/?]|$)/ : /^\/v2(?:[/?]|$)/;
  // A registry resolves "..", so a path with it is another than it seems.
  const isPlain = URL.parse(path, "http://proxy")?.pathname === path.split("?", 1)[0];
  if (!isPlain || !served.test(path)) {
    const message =
      "slipway proxy serves /v2/ alone, and /token; the rest is at the registry itself";
    return { status: 404, code: "NAME_UNKNOWN", message };
  }
  if (secret === null || isEqual(authorization, proxyAuthorization(secret))) return null;
  const message = `log in with: docker login localhost:${port} -u ${PROXY_USER}, and the secret of slipway proxy`;
  return {
    status: 401,
    code: "UNAUTHORIZED",
    message,
    headers: { "www-authenticate": 'Basic realm="slipway proxy"' },
  };
}

/** The header of a client that knows the secret. */
export function proxyAuthorization(secret: string): string {
  return basic({ user: PROXY_USER, password: secret });
}

function denied(message: string): Refusal {
  return { status: 403, code: "DENIED", message };
}

/** Compares hashes, which have one length, so that the time says nothing. */
function isEqual(given: string, wanted: string): boolean {
  const [a, b] = [given, wanted].map((text) => createHash("sha256").update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}
