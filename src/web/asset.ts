import type { Context } from "../http/context.ts";
import { RegistryError } from "../oci/errors.ts";

/** A year, the longest that caches keep anything: a file's name has the hash of its bytes. */
const FOREVER = "public, max-age=31536000, immutable";

/**
 * Answers a static asset. A name that is not there is 404, never a page: a browser may keep what an old page's script
 * had for an answer.
 * @throws ROUTE_UNKNOWN
 */
export async function asset({ request, url, assets }: Context): Promise<Response> {
  const found = await assets.fetch(new URL(url.pathname, url), {
    method: request.method,
    headers: conditions(request.headers),
  });
  if (found.status === 304) return new Response(null, { status: 304, headers: kept(found) });
  if (!found.ok) throw new RegistryError("ROUTE_UNKNOWN");
  return new Response(found.body, { headers: kept(found) });
}

function conditions(given: Headers): Record<string, string> {
  const etag = given.get("if-none-match");
  return etag === null ? {} : { "if-none-match": etag };
}

function kept({ headers }: Response): Headers {
  const answered = new Headers({ "cache-control": FOREVER });
  for (const name of ["content-type", "etag"]) {
    const value = headers.get(name);
    if (value !== null) answered.set(name, value);
  }
  return answered;
}
