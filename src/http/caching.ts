import type { Digest } from "../oci/digest.ts";

/**
 * What a digest names never changes. `private`, because who may read it is decided anew each time; `no-transform`, because
 * a proxy that compresses would drop Content-Length, which clients rely on.
 */
export function immutable(digest: Digest): Record<string, string> {
  return {
    "cache-control": "private, max-age=31536000, immutable, no-transform",
    etag: `"${digest}"`,
  };
}

/** What a tag names may change at any time: a copy has to be checked before it is used. */
export function revalidated(digest: Digest): Record<string, string> {
  return { "cache-control": "private, no-cache, no-transform", etag: `"${digest}"` };
}

/** RFC 9110 § 13.1.2, by weak comparison: a proxy may have weakened the tag. */
export function ifNoneMatch(request: Request, digest: Digest): boolean {
  const header = request.headers.get("if-none-match");
  if (header === null) return false;
  return header
    .split(",")
    .map((tag) => tag.trim().replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === `"${digest}"`);
}
