import type { Command } from "commander";
import { plain, plainJson, plainLines } from "./terminal.ts";

/** A table's columns: title → what a row has there. */
export type Columns<T> = Readonly<Record<string, (item: T) => string>>;

export interface Listing<T> {
  readonly items: AsyncIterable<T>;
  readonly columns: Columns<T>;
  /** What is said when there are none. */
  readonly none: string;
}

/** What goes to standard output: for people, or with --json what the API answered. */
export class Output {
  readonly #json: boolean;

  constructor(command: Command) {
    this.#json = command.optsWithGlobals<{ json?: true }>().json === true;
  }

  get isJson(): boolean {
    return this.#json;
  }

  /** An answer, or what it means. */
  answer(answer: unknown, text: string): void {
    if (this.#json) printJson(answer);
    else print(text);
  }

  /** Where the API answers nothing. */
  done(text: string): void {
    if (!this.#json) print(text);
  }

  async list<T>({ items, columns, none }: Listing<T>): Promise<void> {
    const all = await Array.fromAsync(items);
    if (this.#json) printJson({ items: all, next: null });
    else print(all.length === 0 ? none : table(all, columns));
  }
}

export function print(text: string): void {
  process.stdout.write(`${plainLines(text)}\n`);
}

function printJson(value: unknown): void {
  process.stdout.write(`${plainJson(JSON.stringify(value, null, 2))}\n`);
}

export function table<T>(items: readonly T[], columns: Columns<T>): string {
  const cells = Object.values(columns);
  const rows = items.map((item) => cells.map((cell) => plain(cell(item))));
  return aligned([Object.keys(columns), ...rows]);
}

/** Lines of `name  value`; what is empty is left out. */
export function details(values: Readonly<Record<string, string>>): string {
  const rows = Object.entries(values).filter(([, value]) => value !== "");
  return aligned(rows.map(([name, value]) => [name, plain(value)]));
}

function aligned(rows: readonly (readonly string[])[]): string {
  const [first = []] = rows;
  const widths = first.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  const lines = rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  "));
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** Of an API's time the day. */
export function date(text: string | null): string {
  return text === null ? "never" : text.slice(0, 10);
}

export function time(text: string): string {
  return text.slice(0, 19).replace("T", " ");
}

/** How long something holds, as the end of a sentence. */
export function until(text: string | null): string {
  return text === null ? "for ever" : `until ${date(text)}`;
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), units.length - 1);
  const amount = count / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}
