/** A year: what browsers and clients ask of https names that mean it (RFC 6797 § 6.1.1). */
const HSTS = "max-age=31536000";
/**
 * Whatever somebody pushed may be opened in a browser: it loads nothing, runs nothing, and belongs to no origin that could
 * read this one's cookies or answers.
 */
const POLICY = "default-src 'none'; sandbox";

/** The headers of every answer, refusals and 304s too. */
export function addCommonHeaders({ headers }: Response, url: URL, requestId: string): void {
  headers.set("x-request-id", requestId);
  // What does not say otherwise may change at any moment: lists, an upload's state, that something is not there.
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set("docker-distribution-api-version", "registry/2.0");
  headers.set("x-content-type-options", "nosniff");
  headers.set("content-security-policy", POLICY);
  if (url.protocol === "https:") headers.set("strict-transport-security", HSTS);
}
