import { RegistryError } from "../oci/errors.ts";
import type { Route } from "./route.ts";

/**
 * Refuses plain HTTP on Cloudflare, where a custom domain serves it unless "Always Use HTTPS" is on. A challenge would
 * make the client send its password in clear, and a redirect would come after that. Routes without credentials are
 * answered.
 * @throws REQUEST_INVALID
 */
export function requireTls(request: Request, url: URL, { login }: Route): void {
  if (url.protocol !== "http:" || login === "none" || !isOnCloudflare(request, url)) return;
  throw new RegistryError("REQUEST_INVALID", {
    message: `this registry speaks HTTPS alone: use https://${url.host}, and change any password or token that was sent without`,
  });
}

/** Returns whether the request came through Cloudflare's network, which names its location, not a local workerd. */
function isOnCloudflare(request: Request, { hostname }: URL): boolean {
  // Checked first: reading `cf` parses it, which costs a local warm pull a tenth of its time.
  if (!isDomain(hostname)) return false;
  const cf = (request.cf ?? {}) as { readonly colo?: string; readonly clientIp?: string };
  return cf.colo !== undefined && cf.clientIp === undefined;
}

/** Returns whether the host is a domain, as on Cloudflare; `wrangler dev` sets a location too, but on local hosts. */
function isDomain(hostname: string): boolean {
  return /\.[a-z][a-z0-9-]*$/.test(hostname) && !hostname.endsWith(".localhost");
}
