/** Near misses: words that are taken as they are, but may well be slips. */
import type { Api } from "./api.ts";
import { CliError } from "./error.ts";
import { canAsk, confirm } from "./prompt.ts";
import { warn } from "./report.ts";

const MAX_EDITS = 2;
const MAX_NAMESPACES = 1000;

/** Asks whether something is meant; where nobody can be asked, it is done with a warning. */
export async function doubt(text: string): Promise<void> {
  if (!canAsk()) return warn(text);
  if (await confirm(`${text} Go on?`)) return;
  throw new CliError("nothing was changed", { code: "CANCELLED" });
}

/** The known word that is at most two edits away, or begins as the word does; null where none is. */
export function closest(word: string, known: readonly string[]): string | null {
  const near = known
    .map((one) => ({ one, edits: word.startsWith(one) && one.length > 2 ? 1 : edits(word, one) }))
    .filter(({ one, edits: count }) => count <= MAX_EDITS && count < one.length)
    .toSorted((a, b) => a.edits - b.edits);
  return near[0]?.one ?? null;
}

/** Doubts the names of namespaces that the caller does not know, such as that in "acem/*". */
export async function doubtNamespaces(
  api: Api,
  names: readonly string[],
  consequence: string,
): Promise<void> {
  const literal = new Set(names.filter((name) => name !== "" && !name.includes("*")));
  if (literal.size === 0) return;
  const known: string[] = [];
  for await (const { name } of api.list<{ readonly name: string }>("/namespaces")) {
    known.push(name);
    literal.delete(name);
    // Of more than that, nobody waits for all.
    if (literal.size === 0 || known.length === MAX_NAMESPACES) return;
  }
  for (const name of literal) {
    const other = closest(name, known);
    const guess = other === null ? "" : ` Did you mean ${other}?`;
    await doubt(`There is no namespace ${name} that you have a role in${consequence}.${guess}`);
  }
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
