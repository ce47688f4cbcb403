import { RegistryError } from "../../oci/errors.ts";
import { secretIn } from "./cookie.ts";

/**
 * The page that had a browser send a request: "own" is one of this origin, or the address bar; "unknown" is for programs,
 * and browsers from before 2023.
 */
export type Source = "own" | "foreign" | "unknown";

/**
 * Tells which page a request comes from, which keeps other sites from using a cookie (CSRF). A page cannot set either
 * header: `Sec-Fetch-Site` (W3C Fetch Metadata § 2.3) decides, and where a browser sends none, `Origin` (RFC 6454 § 7).
 * @param origin the origin that the request was sent to
 */
export function sourceOf(headers: Headers, origin: string): Source {
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin" || site === "none" ? "own" : "foreign";
  const from = headers.get("origin");
  if (from === null) return "unknown";
  return from === origin ? "own" : "foreign";
}

/**
 * What a route does with a session's cookie: it authenticates the request, and one of no session is perhaps dropped; it is
 * about to be replaced by a sign-in; or it means nothing.
 */
export type CookieUse =
  | "authenticates"
  | "authenticates or is dropped"
  | "is replaced"
  | "is ignored";

/**
 * Returns the secret of the session that the request is to be authenticated by; null for none. A cookie counts only
 * without an Authorization header, and only from pages of this origin. A sign-in has to come from none of another's.
 * @throws CROSS_ORIGIN
 */
export function sessionSecret(headers: Headers, origin: string, use: CookieUse): string | null {
  if (use === "is ignored") return null;
  const isSignIn = use === "is replaced";
  const secret = isSignIn || headers.has("authorization") ? null : secretIn(headers);
  const source = sourceOf(headers, origin);
  if (secret === null && (!isSignIn || source !== "foreign")) return null;
  if (secret !== null && source === "own") return secret;
  throw new RegistryError("CROSS_ORIGIN", {
    message:
      source === "foreign"
        ? `the request was sent by a page that is not of ${origin}: Sec-Fetch-Site or Origin says so`
        : `a request with the cookie of a session has to say that it comes from ${origin}, by Sec-Fetch-Site or Origin; programs send an Authorization header instead`,
  });
}
