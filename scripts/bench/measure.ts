/** Samples, taken in turn from each variant of a case, and their statistics. */
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSeconds } from "./processes.ts";
import type { Missing } from "./subjects.ts";

/** One measurement. */
export interface Sample {
  /** The value in the case's unit: more is better. */
  readonly value: number;
  /** CPU seconds of the server's processes in that time, for 1 of the case's `work`. */
  readonly cpu: number;
}

export interface Variant {
  /** The subject's name. */
  readonly name: string;
  /** What distinguishes its answer from the others'. */
  readonly note?: string;
  sample(): Promise<Sample>;
}

/** The wanted ratio of the first variant's median to another one's. */
export interface Target {
  readonly against: string;
  /** null without a promise: the ratio is printed all the same. */
  readonly least: number | null;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  readonly unit: "MiB/s" | "requests/s" | "blobs/s" | "images/min";
  readonly work: "GB" | "1000 requests" | "image";
  readonly rounds: number;
  /** Whether a first round is not counted: not needed where the servers are warm and a round takes long. */
  readonly warmUp: boolean;
  /** Slipway's comes first. */
  readonly variants: readonly Variant[];
  readonly targets: readonly Target[];
  /** Whether the plot shows it. */
  readonly plotted: boolean;
}

export interface Series {
  readonly name: string;
  readonly note: string | null;
  readonly samples: readonly Sample[];
}

export interface Result extends Pick<
  Case,
  "name" | "title" | "unit" | "work" | "targets" | "plotted"
> {
  readonly series: readonly Series[];
  /** Subjects that are measured in other cases, but not in this one. */
  readonly missing: readonly Missing[];
}

export interface Timing {
  readonly seconds: number;
  /** CPU seconds of the server's processes. */
  readonly cpu: number;
}

/** A server's work after its last answer counts as CPU time of that sample, not of the next. */
const QUIET = { milliseconds: 150, cpuSeconds: 0.02, patience: 10_000 };

/** Measures the work's time, and the server's CPU time until it is quiet again. */
export async function timed(pids: readonly number[], work: () => Promise<void>): Promise<Timing> {
  const cpu = cpuSeconds(pids);
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  await quiet(pids);
  return { seconds, cpu: cpuSeconds(pids) - cpu };
}

/** Waits until the processes use almost no CPU time. */
export async function quiet(pids: readonly number[]): Promise<void> {
  const deadline = Date.now() + QUIET.patience;
  for (let before = cpuSeconds(pids); Date.now() < deadline;) {
    await sleep(QUIET.milliseconds);
    const now = cpuSeconds(pids);
    if (now - before <= QUIET.cpuSeconds) return;
    before = now;
  }
}

/**
 * Runs every variant once to warm up, if wanted, and then `rounds` times in turn, so that a busy moment of the machine
 * affects all alike.
 */
export async function runCase(one: Case, warmUps: boolean): Promise<Result> {
  const { name, title, unit, work, targets, plotted, rounds, variants } = one;
  const samples = new Map(variants.map((variant) => [variant, [] as Sample[]]));
  for (let round = warmUps && one.warmUp ? 0 : 1; round <= rounds; round++) {
    // Every other round runs backwards, so that no variant always follows the same one.
    for (const variant of round % 2 === 1 ? variants : variants.toReversed()) {
      const sample = await variant.sample();
      const shown = round === 0 ? "warm-up" : `${round}/${rounds}`;
      console.log(`${name} ${shown} ${variant.name}: ${figure(sample.value)} ${unit}`);
      if (round > 0) samples.get(variant)?.push(sample);
    }
  }
  const series = variants.map((variant) => ({
    name: variant.name,
    note: variant.note ?? null,
    samples: samples.get(variant) ?? [],
  }));
  return { name, title, unit, work, targets, plotted, series, missing: [] };
}

/** Formats a figure with three digits, which is all that a measurement can tell. */
export function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = low] = [
    sorted[Math.ceil(middle) - 1],
    sorted[Math.floor(middle)],
  ];
  return (low + high) / 2;
}

export function medianOf({ samples }: Series): number {
  return median(samples.map(({ value }) => value));
}

/** Divides the first one's values by the other's: the ratio of the medians, and the median of each round's ratio. */
export function ratios(first: Series, other: Series) {
  const pair = first.samples.map(({ value }, i) => value / (other.samples[i]?.value ?? Number.NaN));
  return { ofMedians: medianOf(first) / medianOf(other), paired: median(pair) };
}
