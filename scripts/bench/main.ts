/**
 * `npm run bench [-- --short] [-- --only NAME]`: what Slipway costs over the bare platform call, on the same miniflare, in
 * the same run. A table, and every sample in results/bench.json.
 *
 * --short    small sizes and few rounds: to see that it runs, not to judge by
 * --only     one of push-docker, push-whole, pull-blob, pull-manifest, token, memory; may be repeated
 *
 * Times never decide how it ends: the machine may be busy. It fails when a request failed or bytes were wrong.
 */
import { parseArgs } from "node:util";
import { CASES } from "./cases.ts";
import { type Result, runCase } from "./measure.ts";
import { measureMemory, type MemoryResult } from "./memory.ts";
import { machine, printResults, writeJson } from "./report.ts";
import { startSubjects } from "./subjects.ts";

export interface Size {
  readonly rounds: number;
  /** Bytes of a layer that is pushed, of a blob that is pulled, and of each of the uploads at once. */
  readonly layer: number;
  readonly blob: number;
  readonly upload: number;
  /** Manifests pulled in one sample by the Node client, and how long wrk pulls. */
  readonly requests: number;
  readonly wrkSeconds: number;
}

const MIB = 1024 ** 2;
const FULL: Size = {
  rounds: 9,
  layer: 95 * MIB,
  blob: 512 * MIB,
  upload: 600e6,
  requests: 3000,
  wrkSeconds: 2,
};
const SHORT: Size = {
  rounds: 3,
  layer: 24 * MIB,
  blob: 64 * MIB,
  upload: 60e6,
  requests: 300,
  wrkSeconds: 1,
};
const MEMORY = "memory";
/** Of Slipway's log, when a request failed. */
const LOG_LINES = 10;

const { short, chosen } = readOptions();
const size = short ? SHORT : FULL;
const date = new Date().toISOString();
const began = performance.now();
const results = await runCases();
const memory: MemoryResult | null = chosen.includes(MEMORY)
  ? await measureMemory(size.upload)
  : null;
printResults(results, memory);
const file = await writeJson({ date, short, size, machine: machine(), results, memory });
console.log(`\n${((performance.now() - began) / 1000).toFixed(0)} s; every sample is in ${file}`);
if (short) console.log("A short run: its figures say little about speed.");

async function runCases(): Promise<Result[]> {
  const names = chosen.filter((name) => name !== MEMORY);
  if (names.length === 0) return [];
  const subjects = await startSubjects();
  const done: Result[] = [];
  try {
    for (const name of names) {
      for (const one of (await CASES[name]?.(subjects, size)) ?? []) {
        done.push(await runCase(one, size.rounds));
      }
    }
  } catch (error) {
    console.error(
      `the end of Slipway's log:\n${subjects.slipway.log.slice(-LOG_LINES).join("\n")}`,
    );
    throw error;
  } finally {
    await subjects.stop();
  }
  return done;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      short: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
    },
  });
  const all = [...Object.keys(CASES), MEMORY];
  const names = values.only ?? all;
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`no case ${unknown}; there are ${all.join(", ")}`);
  return { short: values.short, chosen: names };
}
