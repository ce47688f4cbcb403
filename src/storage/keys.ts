import type { Digest } from "../oci/digest.ts";

/**
 * Every key of the bucket:
 *
 *     blobs/<upload id>        a blob whose parts arrived over one or more requests
 *     blobs/<upload id>-<n>    a blob that the upload's n-th finishing request wrote in one piece
 *     manifests/<digest>       a manifest too big for its row
 *
 * An upload id is random and a finishing request's number is given out once, so no blob's object is ever written twice.
 */
export function uploadKey(upload: string): string {
  return `blobs/${upload}`;
}

export function attemptKey(upload: string, attempt: number): string {
  return `blobs/${upload}-${attempt}`;
}

export function manifestKey(digest: Digest): string {
  return `manifests/${digest}`;
}
