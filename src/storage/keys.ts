import type { Digest } from "../oci/digest.ts";

/**
 * Every key of the bucket:
 *
 *     blobs/<upload id>-<n>    a blob that the upload's n-th writer began
 *     manifests/<digest>       a manifest too big for its row
 *
 * An upload id is random and a writer's number is given out once, so no blob's object is ever written twice.
 */
export function uploadKey(upload: string, writer: number): string {
  return `blobs/${upload}-${writer}`;
}

export function manifestKey(digest: Digest): string {
  return `manifests/${digest}`;
}
