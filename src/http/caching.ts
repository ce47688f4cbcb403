import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";

/**
 * Headers for content read by digest, which never changes. `private`, because the right to read it is checked on each
 * request; `no-transform`, because a proxy that compresses would drop Content-Length, which clients need.
 */
export function immutable(digest: Digest): Record<string, string> {
  return {
    "cache-control": "private, max-age=31536000, immutable, no-transform",
    etag: `"${digest}"`,
  };
}

/** Headers for content read by tag, which may change at any time: a client has to check its copy before each use. */
export function revalidated(digest: Digest): Record<string, string> {
  return { "cache-control": "private, no-cache, no-transform", etag: `"${digest}"` };
}

/**
 * Evaluates the conditions of a GET or HEAD, in the order of RFC 9110 § 13.2.2. Dates are ignored: content here has
 * none.
 * @returns whether the client has the content already, so that the answer is 304
 * @throws VERSION_MISMATCH when If-Match names other content
 */
export function isNotModified({ headers }: Request, digest: Digest): boolean {
  const match = headers.get("if-match");
  // Strong comparison (§ 13.1.1).
  if (match !== null && !entries(match).some((tag) => tag === "*" || tag === `"${digest}"`)) {
    throw new RegistryError("VERSION_MISMATCH", {
      message: "If-Match names none of this content's tags",
      detail: { digest },
    });
  }
  const noneMatch = headers.get("if-none-match");
  if (noneMatch === null) return false;
  // Weak comparison (§ 13.1.2): a proxy may have weakened the tag.
  return entries(noneMatch)
    .map((tag) => tag.replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === `"${digest}"`);
}

/** Returns the Range header, or null when If-Range names other content: all of it is sent then (RFC 9110 § 13.1.5). */
export function rangeOf({ headers }: Request, digest: Digest): string | null {
  const validator = headers.get("if-range");
  return validator === null || validator.trim() === `"${digest}"` ? headers.get("range") : null;
}

/** Splits a list of entity tags. A comma only separates, since digests have none. */
function entries(list: string): string[] {
  return list.split(",").map((tag) => tag.trim());
}
