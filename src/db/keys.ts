import type { Digest } from "../oci/digest.ts";

/**
 * Makes the keys of the bucket:
 *
 *     blobs/<upload>-<n>       a blob that the upload's n-th writer began
 *     manifests/<digest>-<n>   a manifest too big for its row
 *     exports/<backup id>/…    the backup of a database, below
 *
 * An upload's name is random, a writer's number is given out once, and the number of a manifest is random too. So no
 * key is ever used twice, and the key of a deleted object never belongs to another one.
 */
export function uploadKey(upload: string, writer: number): string {
  return `blobs/${upload}-${writer}`;
}

export function manifestKey(digest: Digest): string {
  return `manifests/${digest}-${crypto.randomUUID()}`;
}

/**
 * A database writes its backup under its backup id, which no other database has:
 *
 *     exports/<backup id>/changes/<first>-<last>.jsonl   changed rows, by the numbers of the changes
 *     exports/<backup id>/full/<id>/<n>.jsonl            a full export, page by page
 *     exports/<backup id>/full/<id>/done.json            marks the full export as complete
 *
 * Numbers have twelve digits, so that keys sort in their order.
 */
export const EXPORTS = "exports/";

export function changesPrefix(backupId: string): string {
  return `${EXPORTS}${backupId}/changes/`;
}

export function changesKey(backupId: string, first: number, last: number): string {
  return `${changesPrefix(backupId)}${padded(first)}-${padded(last)}.jsonl`;
}

/** Returns the numbers of the first and the last change in a key; null for any other key. */
export function changesIn(key: string): { readonly first: number; readonly last: number } | null {
  const [, first, last] = /\/changes\/(\d{12})-(\d{12})\.jsonl$/.exec(key) ?? [];
  return first === undefined ? null : { first: Number(first), last: Number(last) };
}

export function fullPrefix(backupId: string, id = ""): string {
  return `${EXPORTS}${backupId}/full/${id === "" ? "" : `${id}/`}`;
}

export function fullKey(backupId: string, id: string, n: number): string {
  return `${fullPrefix(backupId, id)}${padded(n)}.jsonl`;
}

export function fullDoneKey(backupId: string, id: string): string {
  return `${fullPrefix(backupId, id)}done.json`;
}

function padded(number: number): string {
  return String(number).padStart(12, "0");
}
