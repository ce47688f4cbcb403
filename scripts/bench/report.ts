/** The results as tables for people and as one JSON file for programs. */
import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { ROOT } from "../local.ts";
import { median, type Result, ratios, type Series } from "./measure.ts";
import type { Growth, MemoryResult } from "./memory.ts";

type Row = readonly string[];

const MIB = 1024 ** 2;

export function machine() {
  const [cpu] = cpus();
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: cpu?.model ?? "unknown",
    cores: cpus().length,
    memory: totalmem(),
    load: loadavg(),
    node: process.version,
    workerd: version("workerd"),
    miniflare: version("miniflare"),
  };
}

function version(name: string): string {
  const { resolve } = createRequire(import.meta.url);
  const manifest = JSON.parse(readFileSync(resolve(`${name}/package.json`), "utf8")) as {
    version: string;
  };
  return manifest.version;
}

/** @returns where it was written */
export async function writeJson(report: unknown): Promise<string> {
  const folder = join(ROOT, "results");
  await mkdir(folder, { recursive: true });
  const file = join(folder, "bench.json");
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  return file;
}

export function printResults(results: readonly Result[], memory: MemoryResult | null): void {
  if (results.length > 0) {
    console.log(
      "\nSpeed: median (least–most); ratio of the medians, and the median ratio of neighbours",
    );
    printTable([SPEED_HEAD, ...results.flatMap(speedRows)]);
    console.log("\nCPU time of the server, medians");
    printTable([CPU_HEAD, ...results.flatMap(cpuRows)]);
  }
  if (memory !== null) {
    const { uploads, size } = memory;
    console.log(`\nMemory: ${uploads} uploads of ${size / 1e6} MB at once, as Docker does it`);
    printTable([MEMORY_HEAD, ...memoryRows(memory)]);
  }
}

const SPEED_HEAD = ["case", "slipway", "against", "its figure", "ratio", "paired", "target", ""];

function speedRows({ title, unit, slipway, bare }: Result): Row[] {
  return bare.map((other, i) => {
    const { ofMedians, paired } = ratios(valuesOf(slipway), valuesOf(other));
    const { target } = other;
    const limit = unit === "s" ? "≤" : "≥";
    const met = target === null || (unit === "s" ? ofMedians <= target : ofMedians >= target);
    return [
      i === 0 ? title : "",
      i === 0 ? spread(slipway, unit) : "",
      other.name,
      spread(other, unit),
      ofMedians.toFixed(2),
      paired.toFixed(2),
      target === null ? "" : `${limit} ${target.toFixed(2)}`,
      met ? "" : "missed",
    ];
  });
}

const CPU_HEAD = ["case", "per", "slipway", "bare", "slipway less bare", "client"];

function cpuRows({ title, work, slipway, bare: [bare] }: Result): Row[] {
  if (bare === undefined) return [];
  const per = ({ samples }: Series, kind: "cpu" | "clientCpu"): number =>
    median(samples.map((sample) => sample[kind])) / work.amount;
  const [ours, theirs] = [per(slipway, "cpu"), per(bare, "cpu")];
  const figures = [ours, theirs, ours - theirs, per(slipway, "clientCpu")];
  return [[title, work.unit, ...figures.map((value) => `${value.toFixed(2)} s`)]];
}

const MEMORY_HEAD = ["what", "slipway", "bare multipart loop", "target", ""];

function memoryRows({ peakBuffers, limit, slipway, bare }: MemoryResult): Row[] {
  const row = (what: string, of: (growth: Growth) => string): Row => [
    what,
    of(slipway),
    of(bare),
    "",
    "",
  ];
  const missed = peakBuffers > limit ? "missed" : "";
  return [
    ["buffers in use at once", mebibytes(peakBuffers), "", `≤ ${mebibytes(limit)}`, missed],
    row("workerd before", ({ baseline }) => mebibytes(baseline)),
    row("workerd at its peak", ({ peak }) => mebibytes(peak)),
    row("growth", ({ peak, baseline }) => mebibytes(peak - baseline)),
    row("of that, after half the time", (growth) => mebibytes(lateGrowth(growth))),
    row("time", ({ seconds }) => `${seconds.toFixed(1)} s`),
  ];
}

/** By how much the second half's peak is above the first's: with buffers that are bounded, next to nothing. */
function lateGrowth({ samples }: Growth): number {
  const half = Math.ceil(samples.length / 2);
  return Math.max(0, Math.max(...samples.slice(half)) - Math.max(...samples.slice(0, half)));
}

function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

function valuesOf({ samples }: Series): number[] {
  return samples.map(({ value }) => value);
}

function spread(series: Series, unit: Result["unit"]): string {
  const values = valuesOf(series);
  const text = (value: number): string => value.toFixed(unit === "s" ? 3 : 0);
  return `${text(median(values))} (${text(Math.min(...values))}–${text(Math.max(...values))}) ${unit === "s" ? "s" : "/s"}`;
}

function printTable(rows: readonly Row[]): void {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  for (const [i, row] of rows.entries()) {
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
    if (i === 0) console.log(widths.map((width) => "-".repeat(width)).join("  "));
  }
}
