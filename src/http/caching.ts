import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";

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

/**
 * The conditions of a GET or HEAD, in the order of RFC 9110 § 13.2.2. Dates are passed over: content here has none.
 * @returns whether the client has the content already, so that 304 is the answer
 * @throws VERSION_MISMATCH where If-Match names other content
 */
export function isNotModified({ headers }: Request, digest: Digest): boolean {
  const match = headers.get("if-match");
  // By strong comparison (§ 13.1.1).
  if (match !== null && !entries(match).some((tag) => tag === "*" || tag === `"${digest}"`)) {
    throw new RegistryError("VERSION_MISMATCH", {
      message: "If-Match names none of this content's tags",
      detail: { digest },
    });
  }
  const noneMatch = headers.get("if-none-match");
  if (noneMatch === null) return false;
  // By weak comparison (§ 13.1.2): a proxy may have weakened the tag.
  return entries(noneMatch)
    .map((tag) => tag.replace(/^W\//, ""))
    .some((tag) => tag === "*" || tag === `"${digest}"`);
}

/** The Range header where it holds: If-Range wants exactly this content, else all of it (RFC 9110 § 13.1.5). */
export function rangeOf({ headers }: Request, digest: Digest): string | null {
  const validator = headers.get("if-range");
  return validator === null || validator.trim() === `"${digest}"` ? headers.get("range") : null;
}

/** Digests have no commas. */
function entries(list: string): string[] {
  return list.split(",").map((tag) => tag.trim());
}
