/** What a row of the index counts for in a namespace's bytes, about what it takes with its indexes. */
export const ROW_BYTES = 512;

/** What a manifest counts for: its bytes, its row, and a row for each thing that it names. */
export function costOf(size: number, references: readonly { readonly digest: string }[]): number {
  return size + ROW_BYTES * (1 + new Set(references.map(({ digest }) => digest)).size);
}
