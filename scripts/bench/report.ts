/** The results as tables for people, as one JSON file for programs, and as a plot for the README. */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { ROOT } from "../local.ts";
import { figure, median, medianOf, type Result, ratios, type Series } from "./measure.ts";
import { type MemoryResult, memoryRows } from "./memory.ts";
import { plot } from "./plot.ts";
import { tool } from "./rates.ts";
import type { Size } from "./size.ts";
import { soakLines, type SoakResult } from "./soak.ts";
import { type Missing, SUBJECTS } from "./subjects.ts";
import { markdownTable, type Row, textTable } from "./table.ts";

export interface Report {
  readonly date: string;
  readonly short: boolean;
  readonly size: Size;
  /** Whether the run was complete: then its plot is the README's. */
  readonly whole: boolean;
  readonly seconds: number;
  /** The subjects that were not measured. */
  readonly missing: readonly Missing[];
  readonly results: readonly Result[];
  readonly memory: MemoryResult | null;
  readonly soak: SoakResult | null;
}

function machine(size: Size) {
  const [cpu] = cpus();
  return {
    platform: `${process.platform} ${release()} ${process.arch}`,
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memory: totalmem(),
    load: loadavg(),
    node: process.version,
    workerd: version("workerd"),
    miniflare: version("miniflare"),
    loadGenerator: tool(size),
  };
}

function version(name: string): string {
  const { resolve } = createRequire(import.meta.url);
  const manifest = JSON.parse(readFileSync(resolve(`${name}/package.json`), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

/** Returns one line about the machine and the run. */
function machineText(size: Size): string {
  const { cpu, cores, memory, platform, node, workerd, loadGenerator } = machine(size);
  const gibibytes = (memory / 1024 ** 3).toFixed(0);
  return `${cores} cores (${cpu}), ${gibibytes} GiB, ${platform}, Node ${node.slice(1)}, workerd ${workerd}, requests by ${loadGenerator}`;
}

/** @returns where it was written */
export async function writeReport(report: Report): Promise<readonly string[]> {
  const folder = join(ROOT, "results");
  await mkdir(folder, { recursive: true });
  const json = join(folder, "bench.json");
  const markdown = join(folder, "bench.md");
  await writeFile(
    json,
    `${JSON.stringify({ ...report, machine: machine(report.size) }, null, 2)}\n`,
  );
  await writeFile(markdown, markdownOf(report));
  const { results, whole, missing, size } = report;
  if (!results.some(({ plotted }) => plotted)) return [json, markdown];
  // Only the plot of a complete run goes to the README; that of another one is written beside its table.
  const svg = whole ? join(ROOT, "docs", "performance.svg") : join(folder, "performance.svg");
  await writeFile(svg, plot(results, missing, `${report.date.slice(0, 10)}, ${machineText(size)}`));
  return [json, markdown, svg];
}

export function printReport({ size, results, missing, memory, soak }: Report): void {
  console.log(`\n${machineText(size)}`);
  if (results.length > 0) {
    console.log("\nMedian (least–most); more is better");
    console.log(textTable(speedRows(results, missing)));
    console.log("\nSlipway's median divided by the other's, and the median of each round's ratio");
    console.log(textTable(ratioRows(results)));
    console.log("\nCPU time of the server, medians");
    console.log(textTable(cpuRows(results)));
  }
  if (memory !== null) {
    console.log(`\nMemory: ${memory.uploads} uploads of ${memory.size / 1e6} MB at once`);
    console.log(textTable(memoryRows(memory)));
  }
  if (soak !== null) console.log(["", ...soakLines(soak)].join("\n"));
  console.log(["", ...remarks(results, missing)].join("\n"));
}

function markdownOf({
  size,
  date,
  short,
  seconds,
  results,
  missing,
  memory,
  soak,
}: Report): string {
  const parts = [
    `# Recorded run, ${date.slice(0, 10)}`,
    `\`npm run bench${short ? " -- --short" : ""}\`, ${(seconds / 60).toFixed(0)} minutes on ${machineText(size)}.`,
  ];
  if (results.length > 0) {
    parts.push(
      "Median (least–most) of interleaved samples; more is better.",
      markdownTable(speedRows(results, missing)),
      "## Ratios",
      "Slipway's median divided by the other's; paired: the median of each round's own ratio.",
      markdownTable(ratioRows(results)),
      "## CPU time of the server",
      markdownTable(cpuRows(results)),
    );
  }
  if (memory !== null) {
    parts.push(
      `## Memory\n\n${memory.uploads} uploads of ${memory.size / 1e6} MB at once, as Docker does it.`,
      markdownTable(memoryRows(memory)),
    );
  }
  if (soak !== null)
    parts.push(
      "## Soak",
      soakLines(soak)
        .map((line) => `- ${line}`)
        .join("\n"),
    );
  const lines = remarks(results, missing);
  if (lines.length > 0)
    parts.push("## Missing, and not alike", lines.map((line) => `- ${line}`).join("\n"));
  return `${parts.join("\n\n")}\n`;
}

/** Lists what was not measured, and why, and answers that differ from the others'. */
function remarks(results: readonly Result[], missing: readonly Missing[]): readonly string[] {
  const titles = new Map<string, string[]>();
  for (const { title, series, missing: ofCase } of results) {
    const failed = ofCase.map(({ subject, reason }) => `missing: ${subject}: ${reason}`);
    const noted = series.flatMap(({ name, note }) => (note === null ? [] : [`* ${name}: ${note}`]));
    for (const remark of [...failed, ...noted]) {
      titles.set(remark, [...(titles.get(remark) ?? []), title]);
    }
  }
  const inCases = [...titles].map(([remark, [first, ...others]]) => {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    return `${remark} ("${first}"${more})`;
  });
  return [...missing.map(({ subject, reason }) => `missing: ${subject}: ${reason}`), ...inCases];
}

function speedRows(results: readonly Result[], missing: readonly Missing[]): readonly Row[] {
  const rows = results.map(({ title, unit, series, missing: ofCase }) => [
    title,
    unit,
    ...SUBJECTS.map((subject) => {
      const found = series.find(({ name }) => name === subject);
      if (found !== undefined) return spread(found);
      if (ofCase.some((one) => one.subject === subject)) return "failed";
      return missing.some((one) => one.subject === subject) ? "missing" : "–";
    }),
  ]);
  return [["case", "unit", ...SUBJECTS], ...rows];
}

function spread(series: Series): string {
  const values = series.samples.map(({ value }) => value);
  const star = series.note === null ? "" : "*";
  if (values.length === 1) return `${figure(medianOf(series))}${star}`;
  return `${figure(medianOf(series))}${star} (${figure(Math.min(...values))}–${figure(Math.max(...values))})`;
}

function ratioRows(results: readonly Result[]): readonly Row[] {
  const rows = results.flatMap(({ title, targets, series }) =>
    targets.map(({ against, least }) => {
      const [ours] = series;
      const theirs = series.find(({ name }) => name === against);
      const target = least === null ? "" : `≥ ${least.toFixed(2)}`;
      if (ours === undefined || theirs === undefined)
        return [title, against, "missing", "", target, ""];
      const { ofMedians, paired } = ratios(ours, theirs);
      const missed = least !== null && ofMedians < least ? "missed" : "";
      return [title, against, ofMedians.toFixed(2), paired.toFixed(2), target, missed];
    }),
  );
  return [["case", "against", "ratio", "paired", "target", ""], ...rows];
}

function cpuRows(results: readonly Result[]): readonly Row[] {
  const measured = results.filter(({ series }) =>
    series.some(({ samples }) => samples.some(({ cpu }) => cpu >= 0)),
  );
  const rows = measured.map(({ title, work, series }) => [
    title,
    `s per ${work}`,
    ...SUBJECTS.map((subject) => {
      const samples = series.find(({ name }) => name === subject)?.samples ?? [];
      return samples.length === 0 ? "–" : figure(median(samples.map(({ cpu }) => cpu)));
    }),
  ]);
  return [["case", "CPU", ...SUBJECTS], ...rows];
}
