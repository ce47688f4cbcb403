/** Samples, taken in turn from each variant of a case, and what they come to. */
import { setTimeout as sleep } from "node:timers/promises";
import { cpuSeconds } from "./processes.ts";

/** One measurement. */
export interface Sample {
  /** In the case's unit. */
  readonly value: number;
  /** CPU seconds of the server's processes meanwhile. */
  readonly cpu: number;
  /** CPU seconds of the client, to see whether it was the limit. */
  readonly clientCpu: number;
}

export interface Variant {
  readonly name: string;
  sample(): Promise<Sample>;
}

export interface Case {
  readonly name: string;
  readonly title: string;
  /** Seconds are better when fewer, requests per second when more. */
  readonly unit: "s" | "requests/s";
  /** What one sample moves: CPU time is told per 1 of it. */
  readonly work: { readonly amount: number; readonly unit: "GB" | "1000 requests" };
  readonly slipway: Variant;
  /** What it is measured against, each with the target for the ratio, null where it is for information. */
  readonly bare: readonly (Variant & { readonly target: number | null })[];
}

export interface Series {
  readonly name: string;
  readonly samples: readonly Sample[];
}

export interface Result {
  readonly name: string;
  readonly title: string;
  readonly unit: Case["unit"];
  readonly work: Case["work"];
  readonly slipway: Series;
  readonly bare: readonly (Series & { readonly target: number | null })[];
}

/** What a server still does after its last answer belongs to the CPU time of the sample, not to the next one's. */
const SETTLE_MS = 150;

/** A sample whose value is the time that the work takes. */
export async function timed(pids: readonly number[], work: () => Promise<void>): Promise<Sample> {
  const cpu = cpuSeconds(pids);
  const client = process.cpuUsage();
  const began = performance.now();
  await work();
  const value = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(client);
  await sleep(SETTLE_MS);
  return { value, cpu: cpuSeconds(pids) - cpu, clientCpu: (user + system) / 1e6 };
}

/** Runs every variant once to warm up and then `rounds` times in turn, so that a busy moment of the machine hits all alike. */
export async function runCase(one: Case, rounds: number): Promise<Result> {
  const variants: readonly Variant[] = [one.slipway, ...one.bare];
  const samples = new Map(variants.map((variant) => [variant, [] as Sample[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const variant of variants) {
      const sample = await variant.sample();
      const note = round === 0 ? "warm-up" : `${round}/${rounds}`;
      const shown = sample.value.toFixed(one.unit === "s" ? 3 : 0);
      console.log(`${one.name} ${note} ${variant.name}: ${shown} ${one.unit}`);
      if (round > 0) samples.get(variant)?.push(sample);
    }
  }
  const series = ({ name }: Variant, of: readonly Sample[] = []): Series => ({ name, samples: of });
  const { name, title, unit, work } = one;
  return {
    name,
    title,
    unit,
    work,
    slipway: series(one.slipway, samples.get(one.slipway)),
    bare: one.bare.map((bare) => ({ ...series(bare, samples.get(bare)), target: bare.target })),
  };
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

/** Slipway's values divided by the other's: of the medians, and the median of each round's own ratio. */
export function ratios(slipway: readonly number[], bare: readonly number[]) {
  const paired = slipway.map((value, i) => value / (bare[i] ?? Number.NaN));
  return { ofMedians: median(slipway) / median(bare), paired: median(paired) };
}
