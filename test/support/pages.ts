/** The pages that people read, and the commands that they show. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(import.meta.dirname, "../..");

export interface Page {
  /** From the root of the checkout. */
  readonly path: string;
  readonly text: string;
}

/** README and its like, docs, and the pages beside the source. */
export function pages(): Page[] {
  const top = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
  const below = ["docs", "src"].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join(folder, name)),
  );
  return [...top, ...below].map(page);
}

export function page(path: string): Page {
  return { path, text: readFileSync(join(ROOT, path), "utf8") };
}

/** The part of a page below a heading, up to the next one. */
export function section(text: string, heading: string): string {
  const [, after = ""] = text.split(`\n## ${heading}\n`);
  return after.split(/^## /m)[0] ?? "";
}

/** The lines of a page's shell blocks. */
export function shellLines(text: string): string[] {
  const blocks = [...text.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, block = ""]) => block);
  const lines = blocks.flatMap((block) => block.replaceAll("\\\n", " ").split("\n"));
  return lines.filter((line) => line.trim() !== "");
}

/** The commands of a line: what `|`, `&&` and `<(…)` are between, each as its words, as a shell reads them. */
export function commandsIn(line: string): string[][] {
  const commands: string[][] = [[]];
  const tokens = line
    .replaceAll(/ >\s*\S+/g, "")
    .matchAll(/\s+|(#.*)|(\|\|?|&&|;|<\(|\))|((?:'[^']*'|"[^"]*"|[^\s'"|;&<)])+)/g);
  for (const [, comment, separator, word] of tokens) {
    if (comment !== undefined) break;
    if (separator !== undefined) commands.push([]);
    if (word !== undefined) commands.at(-1)?.push(word.replaceAll(/['"]/g, ""));
  }
  const named = commands.filter((words) => words.length > 0);
  return named.map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))));
}
