import type { Command } from "commander";
import { columnsOf, laidOut } from "./sentence.ts";
import {
  type Column,
  type Columns,
  details,
  Shown,
  styled,
  table,
  type View,
  WHOLE,
} from "./table.ts";
import { plainJson, plainLines } from "./terminal.ts";

export type { Columns };

export interface Listing<T> {
  readonly items: AsyncIterable<T>;
  readonly columns: Columns<T>;
  /** The sentence where there are none. */
  readonly none: string;
}

/** Standard output: text for people, or with --json the API's answer. */
export class Output {
  readonly #json: boolean;
  readonly view: View;

  constructor(command: Command) {
    const { json, wide } = command.optsWithGlobals<{ json?: true; wide?: true }>();
    this.#json = json === true;
    this.view = viewOf(process.stdout, wide === true);
  }

  get isJson(): boolean {
    return this.#json;
  }

  /** Prints an answer, or what it means, in paragraphs. */
  answer(answer: unknown, ...paragraphs: readonly (string | Shown)[]): void {
    if (this.#json) printJson(answer);
    else print(...paragraphs);
  }

  table<T>(items: readonly T[], columns: Columns<T>): Shown {
    return table(items, columns, this.view);
  }

  details(values: Readonly<Record<string, string>>): Shown {
    return details(values, this.view);
  }

  /** A title over what was laid out already. */
  titled(title: string, text: string): Shown {
    return new Shown(`${this.view.isColoured ? styled("bold", title) : title}\n${text}`);
  }

  async list<T>({ items, columns, none }: Listing<T>): Promise<void> {
    const all = await Array.fromAsync(items);
    if (this.#json) printJson({ items: all, next: null });
    else print(all.length === 0 ? none : this.table(all, columns));
  }
}

function viewOf(stdout: NodeJS.WriteStream, wide: boolean): View {
  if (!stdout.isTTY) return WHOLE;
  const width = wide ? null : columnsOf(stdout);
  // It knows NO_COLOR and TERM=dumb (nodejs.org/api/tty.html).
  return { width, isColoured: stdout.hasColors() };
}

/** Prints paragraphs, each safe to look at; empty ones are left out. */
export function print(...paragraphs: readonly (string | Shown)[]): void {
  const columns = columnsOf(process.stdout);
  const texts = paragraphs.map((one) =>
    one instanceof Shown ? one.text : laidOut(plainLines(one), columns),
  );
  process.stdout.write(`${texts.filter((text) => text !== "").join("\n\n")}\n`);
}

function printJson(value: unknown): void {
  process.stdout.write(`${plainJson(JSON.stringify(value, null, 2))}\n`);
}

/** The day of a time as the API writes it. */
export function date(text: string | null): string {
  return text === null ? "never" : text.slice(0, 10);
}

interface Account {
  readonly disabledAt: string | null;
  readonly disabledBy: string | null;
}

/** Empty for an account that can log in. */
export function disabledSince({ disabledAt, disabledBy }: Account): string {
  return disabledAt === null ? "" : `${date(disabledAt)} by ${disabledBy ?? ""}`;
}

/** Such as "2026-12-24 12:34:56"; a table says in its title that it is UTC. */
export function time(text: string): string {
  return text.slice(0, 19).replace("T", " ");
}

/** A time by itself, or in a sentence. */
export function timeUtc(text: string): string {
  return `${time(text)} UTC`;
}

/** The end of something that holds, as the end of a sentence. */
export function until(text: string | null): string {
  return text === null ? "for ever" : `until ${date(text)}`;
}

export function bytes(count: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(Math.floor(Math.log2(Math.max(count, 1)) / 10), units.length - 1);
  const amount = count / 1024 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${units[power]}`;
}

/** The API counts no further in a repository (openapi.json). */
const MAX_COUNTED = 10_000;

/** A number that the API counts up to a bound; null is beyond it. */
export function counted(count: number | null): string {
  return count === null ? `more than ${MAX_COUNTED.toLocaleString("en")}` : String(count);
}

/** A size that the API adds up as long as there are not too many parts. */
export function size(count: number | null): string {
  return count === null ? "not counted" : bytes(count);
}

/** "sha256:1a2b3c4d5e6f", as long as it takes to tell manifests apart; commands take it as well. */
export function shortDigest(digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return `${algorithm}:${hex.slice(0, 12)}`;
}

/** A column of digests. */
export function digestColumn<T>(digestOf: (item: T) => string): Column<T> {
  return { value: digestOf, short: (item) => shortDigest(digestOf(item)), isFixed: true };
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The age of a time, as far as that is quicker to read than the day. */
export function ago(text: string, now = Date.now()): string {
  const age = now - Date.parse(text);
  if (age < MINUTE_MS) return "just now";
  if (age < HOUR_MS) return `${Math.floor(age / MINUTE_MS)} min ago`;
  if (age < DAY_MS) return `${Math.floor(age / HOUR_MS)} h ago`;
  if (age < 60 * DAY_MS) return `${Math.floor(age / DAY_MS)} d ago`;
  return date(text);
}

/** A column of times that lie in the past; its title ends with "(UTC)" where the times are whole. */
export function timeColumn<T>(shortTitle: string, timeOf: (item: T) => string): Column<T> {
  return {
    value: (item) => time(timeOf(item)),
    short: (item) => ago(timeOf(item)),
    shortTitle,
    isFixed: true,
  };
}

/** A column of platforms; a terminal shows the first, and how many more there are. */
export function platformsColumn<T extends { readonly platforms: readonly string[] }>(): Column<T> {
  return {
    value: ({ platforms }) => platforms.join(","),
    short: ({ platforms: [first = "", ...others] }) =>
      others.length === 0 ? first : `${first} +${others.length}`,
    isFixed: true,
  };
}

/** A column of sizes that the API adds up unless there are too many parts. */
export function sizeColumn<T extends { readonly size: number | null }>(): Column<T> {
  return { value: (item) => size(item.size), isFixed: true };
}
