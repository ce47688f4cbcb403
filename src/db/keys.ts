import type { Digest } from "../oci/digest.ts";

/**
 * Every key of the bucket:
 *
 *     blobs/<upload>-<n>       a blob that the upload's n-th writer began
 *     manifests/<digest>-<n>   a manifest too big for its row
 *     exports/<chain>/…        what an index has written of itself, below
 *
 * An upload's name is random and a writer's number is given out once, and the number of a manifest is random too: no object is
 * ever written twice, so one that is deleted is never another's.
 */
export function uploadKey(upload: string, writer: number): string {
  return `blobs/${upload}-${writer}`;
}

export function manifestKey(digest: Digest): string {
  return `manifests/${digest}-${crypto.randomUUID()}`;
}

/**
 * An index writes its history under the name of its chain, which no other index has:
 *
 *     exports/<chain>/changes/<first>-<last>.jsonl   what changed, by the numbers of the changes
 *     exports/<chain>/full/<id>/<n>.jsonl            a full export, page by page
 *     exports/<chain>/full/<id>/done.json            it is complete
 *
 * Numbers have twelve digits, so that the order of the keys is theirs.
 */
export const EXPORTS = "exports/";

export function changesPrefix(chain: string): string {
  return `${EXPORTS}${chain}/changes/`;
}

export function changesKey(chain: string, first: number, last: number): string {
  return `${changesPrefix(chain)}${padded(first)}-${padded(last)}.jsonl`;
}

/** The numbers of the first and the last change; null for what is no such key. */
export function changesIn(key: string): { readonly first: number; readonly last: number } | null {
  const [, first, last] = /\/changes\/(\d{12})-(\d{12})\.jsonl$/.exec(key) ?? [];
  return first === undefined ? null : { first: Number(first), last: Number(last) };
}

export function fullPrefix(chain: string, id = ""): string {
  return `${EXPORTS}${chain}/full/${id === "" ? "" : `${id}/`}`;
}

export function fullKey(chain: string, id: string, n: number): string {
  return `${fullPrefix(chain, id)}${padded(n)}.jsonl`;
}

export function fullDoneKey(chain: string, id: string): string {
  return `${fullPrefix(chain, id)}done.json`;
}

function padded(number: number): string {
  return String(number).padStart(12, "0");
}
