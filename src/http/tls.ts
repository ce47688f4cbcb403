import { RegistryError } from "../oci/errors.ts";
import type { Route } from "./route.ts";

/**
 * Refuses plain HTTP on Cloudflare, where a custom domain answers it unless "Always Use HTTPS" is on: a challenge would have
 * the password sent in clear, and a redirect would come after that. What takes no credentials is answered.
 * @throws REQUEST_INVALID
 */
export function requireTls(request: Request, url: URL, { access, path }: Route): void {
  const takesCredentials = access !== "none" || path === "/token" || path.startsWith("/api/");
  if (url.protocol !== "http:" || !takesCredentials || !isOnCloudflare(request, url)) return;
  throw new RegistryError("REQUEST_INVALID", {
    message: `this registry speaks HTTPS alone: use https://${url.host}, and change any password or token that was sent without`,
  });
}

/** Whether the request came by Cloudflare's network, which names its location, and not by a socket of workerd's on a machine. */
function isOnCloudflare(request: Request, { hostname }: URL): boolean {
  // First: to read `cf` is to parse it, which costs a warm pull on a machine a tenth of its time.
  if (!isDomain(hostname)) return false;
  const cf = (request.cf ?? {}) as { readonly colo?: string; readonly clientIp?: string };
  return cf.colo !== undefined && cf.clientIp === undefined;
}

/** Cloudflare answers for domains; `wrangler dev`, which gives requests a location too, for names and addresses of a machine. */
function isDomain(hostname: string): boolean {
  return /\.[a-z][a-z0-9-]*$/.test(hostname) && !hostname.endsWith(".localhost");
}
