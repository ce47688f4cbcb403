import type { Digest } from "../oci/digest.ts";

/**
 * Every key of the bucket:
 *
 *     blobs/<upload id>-<n>    a blob that the upload's n-th writer began
 *     manifests/<digest>-<n>   a manifest too big for its row
 *
 * An upload id is random and a writer's number is given out once, and the number of a manifest is random too: no object is
 * ever written twice, so one that is deleted is never another's.
 */
export function uploadKey(upload: string, writer: number): string {
  return `blobs/${upload}-${writer}`;
}

export function manifestKey(digest: Digest): string {
  return `manifests/${digest}-${crypto.randomUUID()}`;
}
