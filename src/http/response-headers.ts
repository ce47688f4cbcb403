/** A year, in seconds: the usual lifetime for hosts that always use https (RFC 6797 § 6.1.1). */
const HSTS = "max-age=31536000";
/**
 * Pushed content may be opened in a browser. This policy stops it from loading or running anything, and gives it an
 * origin of its own, which cannot read this origin's cookies or answers.
 */
const POLICY = "default-src 'none'; sandbox";

/** Adds the headers that every answer has, also a refusal and a 304. */
export function addCommonHeaders({ headers }: Response, url: URL, requestId: string): void {
  headers.set("x-request-id", requestId);
  // Answers without a policy of their own may change at any moment: lists, an upload's state, a 404.
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  headers.set("docker-distribution-api-version", "registry/2.0");
  headers.set("x-content-type-options", "nosniff");
  if (!headers.has("content-security-policy")) headers.set("content-security-policy", POLICY);
  if (url.protocol === "https:") headers.set("strict-transport-security", HSTS);
}
