/** The model's results as a table (Markdown) and as JSON. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../local.ts";
import type { Counts } from "./chain.ts";
import type { Measured } from "./run.ts";

/** The most waits in a row, beyond its bytes, that a pull of one platform's image may have. */
const MOST = { "pull, cold": 3, "pull, warm": 1 };

export interface Located extends Measured {
  readonly place: string;
}

/** @returns the pulls that wait for more than they may, in words */
export function tooMany(results: readonly Located[]): string[] {
  return results.flatMap(({ place, client, work, inARow }) => {
    const most = work === "pull, cold" || work === "pull, warm" ? MOST[work] : Infinity;
    if (inARow <= most) return [];
    return `${client}, ${place}: ${work} waits ${inARow} times in a row, ${most} are allowed`;
  });
}

const HEAD = [
  "place",
  "client",
  "what",
  "time",
  "requests",
  "waits in a row",
  "of these",
  "cache in a row",
  "with the client's rounds",
  "calls waited for",
];

export function printModel(results: readonly Located[]): void {
  const rows = results.map((result) => [
    result.place,
    result.client,
    result.work,
    `${(result.milliseconds / 1000).toFixed(2)} s`,
    String(result.requests),
    String(result.inARow),
    inWords({ ...result.chain, cache: 0 }),
    String(result.chain.cache),
    String(result.inTime),
    inWords(result.calls),
  ]);
  console.log(markdown(HEAD, rows));
}

/** @returns where it was written */
export async function writeResults(name: string, report: unknown): Promise<string> {
  const folder = join(ROOT, "results");
  await mkdir(folder, { recursive: true });
  const file = join(folder, name);
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

/** A table, its columns as wide as they must be. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, i) => (cells[i] ?? "").padEnd(width)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

const NAMES = { d1: "D1", r2: "R2", object: "DO", queue: "queue", cache: "cache" };

function inWords(counts: Counts): string {
  const services = Object.keys(NAMES) as (keyof Counts)[];
  const words = services.filter((service) => counts[service] > 0);
  return words.map((service) => `${counts[service]} ${NAMES[service]}`).join(", ") || "–";
}
