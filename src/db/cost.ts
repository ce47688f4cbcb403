/**
 * The bytes that a row counts for in a namespace's usage: about what it takes with its indexes. The triggers in
 * db/migrations use the same number.
 */
export const ROW_BYTES = 512;

/**
 * Returns the bytes that a manifest counts for: its own bytes, its row, and a row for each distinct digest that it
 * names.
 */
export function costOf(size: number, references: readonly { readonly digest: string }[]): number {
  return size + ROW_BYTES * (1 + new Set(references.map(({ digest }) => digest)).size);
}
