/** Converts usage to money, and to tables (Markdown). */
import type { Costing } from "./count.ts";
import type { Assumptions, Item, Usage } from "./usage.ts";
import { markdown } from "../model/report.ts";

/** scripts/cost/prices.json */
export interface Prices {
  readonly date: string;
  readonly cloudflare: Readonly<Record<Item, { readonly perMillion: number }>>;
  readonly assumptions: Assumptions;
  readonly storagePerGigabyteMonth: Readonly<Record<string, number>>;
  readonly others: readonly Other[];
}

interface Other {
  readonly name: string;
  readonly egress: readonly Tier[];
}

interface Tier {
  /** The end of the tier in TB; null for the last one. */
  readonly upToTerabytes: number | null;
  readonly perGigabyte: number;
}

const LABELS: Readonly<Record<Item, string>> = {
  workerRequests: "Worker requests",
  cpuMilliseconds: "CPU ms (estimated)",
  d1RowsRead: "D1 rows read",
  d1RowsWritten: "D1 rows written",
  r2ClassA: "R2 class A",
  r2ClassB: "R2 class B",
  objectRequests: "Durable Object requests",
  objectGigabyteSeconds: "Durable Object GB-s (estimated)",
  objectRowsRead: "Durable Object rows read",
  objectRowsWritten: "Durable Object rows written",
  queueOperations: "queue operations",
  cacheCalls: "Cache API calls",
};
const ITEMS = Object.keys(LABELS) as Item[];
const MILLION = 1e6;
const TERABYTE = 1e12;

/** Returns the cost of one flow in dollars. */
export function dollars(usage: Usage, { cloudflare }: Prices): number {
  return ITEMS.reduce(
    (sum, item) => sum + (usage[item] * cloudflare[item].perMillion) / MILLION,
    0,
  );
}

/** @param share of the pulls that are warm */
export function pullMillion({ pull }: Costing, prices: Prices, share: number): number {
  return MILLION * (share * dollars(pull.warm, prices) + (1 - share) * dollars(pull.cold, prices));
}

export function pushTerabyte(usage: Usage, { bytes }: Costing, prices: Prices): number {
  return (TERABYTE / bytes) * dollars(usage, prices);
}

/** Returns the price of egress in one month. */
export function egress({ egress: tiers }: Other, bytes: number): number {
  let total = 0;
  let from = 0;
  for (const { upToTerabytes, perGigabyte } of tiers) {
    const to = Math.min(bytes, (upToTerabytes ?? Infinity) * TERABYTE);
    total += (Math.max(0, to - from) / 1e9) * perGigabyte;
    from = to;
  }
  return total;
}

export function pullTable(
  costings: readonly Costing[],
  prices: Prices,
  shares: readonly number[],
): string {
  const ours = shares.map((share) => [
    `Slipway, ${share * 100} % warm`,
    ...costings.map((costing) => money(pullMillion(costing, prices, share))),
  ]);
  const others = prices.others.map((other) => [
    other.name,
    ...costings.map(({ bytes }) => money(egress(other, bytes * MILLION))),
  ]);
  return markdown(
    ["a million pulls", ...costings.map(({ image }) => `image of ${image}`)],
    [...ours, ...others],
  );
}

export function pushTable(costings: readonly Costing[], prices: Prices): string {
  const rows = (["docker", "containerd"] as const).map((client) => [
    `Slipway, ${client}`,
    ...costings.map((costing) => money(pushTerabyte(costing.push[client], costing, prices))),
  ]);
  const others = prices.others.map(({ name }) => [name, ...costings.map(() => money(0))]);
  return markdown(
    ["a TB pushed", ...costings.map(({ image }) => `in images of ${image}`)],
    [...rows, ...others],
  );
}

export function storageTable({ storagePerGigabyteMonth }: Prices): string {
  const rows = Object.entries(storagePerGigabyteMonth).map(([name, price]) => [
    name,
    money(price * 1000),
  ]);
  return markdown(["a TB stored", "a month"], rows);
}

/**
 * Makes the table of what one pull and one push use, and what a million of one and a TB of the other cost, item by
 * item.
 */
export function usageTable(costing: Costing, prices: Prices): string {
  const { image, bytes, pull, push } = costing;
  const columns: readonly [Usage, number][] = [
    [pull.cold, MILLION],
    [pull.warm, MILLION],
    [push.docker, TERABYTE / bytes],
    [push.containerd, TERABYTE / bytes],
  ];
  const rows = ITEMS.map((item) => [
    LABELS[item],
    ...columns.map(([usage, times]) => {
      const cost = (usage[item] * times * prices.cloudflare[item].perMillion) / MILLION;
      return `${amount(usage[item])} (${money(cost)})`;
    }),
  ]);
  const total = columns.map(([usage, times]) => money(dollars(usage, prices) * times));
  return markdown(
    [image, "pull, cold", "pull, warm", "push, docker", "push, containerd"],
    [...rows, ["a million pulls, a TB pushed", ...total]],
  );
}

function money(value: number): string {
  if (value === 0) return "$0";
  const digits = value >= 100 ? 0 : 2;
  return value < 0.01
    ? "< $0.01"
    : `$${value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
}

function amount(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}
