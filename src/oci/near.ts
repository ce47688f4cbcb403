/** Near misses: words that may well be slips of known ones. */

const MAX_EDITS = 2;

/** The known word that is at most two edits away, or begins as the word does; null where none is. */
export function closest(word: string, known: readonly string[]): string | null {
  const near = known
    .filter((one) => word.startsWith(one) || Math.abs(word.length - one.length) <= MAX_EDITS)
    .map((one) => ({ one, edits: word.startsWith(one) && one.length > 2 ? 1 : edits(word, one) }))
    .filter(({ one, edits: count }) => count <= MAX_EDITS && count < one.length)
    .toSorted((a, b) => a.edits - b.edits);
  return near[0]?.one ?? null;
}

/** Optimal string alignment: insertions, deletions, substitutions, and neighbours that changed places. */
function edits(a: string, b: string): number {
  let [before, last]: number[][] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + same);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) least = Math.min(least, at(before, j - 2) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return at(last, b.length);
}

function at(row: readonly number[] | undefined, index: number): number {
  return row?.[index] ?? 0;
}
