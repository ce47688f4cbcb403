/** Near misses: words that are taken as they are, but may well be slips. */
import { closest } from "../oci/near.ts";
import type { Api } from "./api.ts";
import { CliError } from "./error.ts";
import { canAsk, confirm } from "./prompt.ts";
import { warn } from "./report.ts";

const MAX_NAMESPACES = 1000;

/** Asks whether something is meant; where nobody can be asked, it is done with a warning. */
export async function doubt(text: string): Promise<void> {
  if (!canAsk()) return warn(text);
  if (await confirm(`${text} Go on?`)) return;
  throw new CliError("nothing was changed", { code: "CANCELLED" });
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
