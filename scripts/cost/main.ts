/**
 * `npm run bench -- --cost [--warm 0.95]`: what a million pulls and a TB of pushes cost, against other registries. The calls
 * are counted: an image of 12 layers is really pushed and pulled here, cold and warm; the prices and what cannot be counted
 * are in prices.json. Tables, and results/cost.json.
 *
 * --warm    the share of pulls that find everything at the edge and in the isolate's memory
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { countAll } from "./count.ts";
import {
  type Prices,
  pullMillion,
  pullTable,
  pushTable,
  pushTerabyte,
  storageTable,
  usageTable,
} from "./table.ts";
import { writeResults } from "../model/report.ts";

/** Images of 166 and of 497 MB. */
const FACTORS = [1, 3];

const { values } = parseArgs({
  options: { cost: { type: "boolean" }, warm: { type: "string", default: "0.95" } },
});
const warm = Number(values.warm);
if (!(warm >= 0 && warm <= 1)) throw new Error("--warm is a share from 0 to 1");
const prices = JSON.parse(
  await readFile(join(import.meta.dirname, "prices.json"), "utf8"),
) as Prices;
const costings = await countAll(FACTORS, prices.assumptions);
const shares = [...new Set([0, warm])];

console.log(`Prices of ${prices.date}, free allowances not counted.\n`);
console.log(`${pullTable(costings, prices, shares)}\n`);
console.log(`${pushTable(costings, prices)}\n`);
console.log(`${storageTable(prices)}\n`);
for (const costing of costings) console.log(`${usageTable(costing, prices)}\n`);

const totals = costings.map((costing) => ({
  image: costing.image,
  millionPulls: shares.map((share) => ({
    warm: share,
    dollars: pullMillion(costing, prices, share),
  })),
  terabytePushed: {
    docker: pushTerabyte(costing.push.docker, costing, prices),
    containerd: pushTerabyte(costing.push.containerd, costing, prices),
  },
}));
const date = new Date().toISOString();
const file = await writeResults("cost.json", { date, prices, totals, costings });
console.log(`Everything is in ${file}`);
