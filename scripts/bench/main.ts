/**
 * `npm run bench [-- --short --only NAME --peers NAME,...]`: measures Slipway, the registries that people use now, and
 * a bare Worker on the same miniflare, which is the platform's limit; in one run, in turn. It prints a table, and
 * writes every sample to results/bench.json, the table for recorded.md to results/bench.md, and the plot of a complete
 * run to docs/performance.svg.
 *
 * --short    small sizes and few rounds: a check that it runs, not a measurement. It installs nothing
 * --only     one of push, pull, manifest, tags, token, image, zb, memory, soak; may be repeated
 * --peers    some of 2.8.2, 2.8.3, distribution, zot; or none
 * --model    runs the model of latencies instead: ../model/main.ts
 * --cost     runs the costs of pulls and pushes instead: ../cost/main.ts
 *
 * Missing peers are downloaded and built once, into the cache: Debian's two packages without root, the others by Go.
 * Every output names those that could not be installed. It fails when a request failed or bytes were wrong, but never
 * because of times: the machine may be busy.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { imageCases, missingTool } from "./image.ts";
import { manifestCases } from "./manifests.ts";
import { type Case, type Result, runCase } from "./measure.ts";
import { measureMemory, type MemoryResult } from "./memory.ts";
import { findPeers, PEERS, zbProgram } from "./peers.ts";
import { pullCases } from "./pull.ts";
import { pushCases } from "./push.ts";
import { type Report, printReport, writeReport } from "./report.ts";
import { FULL, SHORT, type Size } from "./size.ts";
import { soak, type SoakResult } from "./soak.ts";
import { type Missing, startSubjects, type Subjects } from "./subjects.ts";
import { tagCases } from "./tags.ts";
import { tokenCases } from "./tokens.ts";
import { zbResults } from "./zb.ts";

const IMAGE = "image";
/** The groups of cases by name; a case is set up just before it runs. */
const GROUPS: Readonly<Record<string, (subjects: Subjects, size: Size) => AsyncGenerator<Case>>> = {
  manifest: manifestCases,
  token: tokenCases,
  tags: tagCases,
  push: pushCases,
  pull: pullCases,
  [IMAGE]: imageCases,
};
const ZB = "zb";
const MEMORY = "memory";
const SOAK = "soak";
/** Characters of Slipway's log that are printed when a request failed. */
const LOG_SHOWN = 3000;

if (process.argv.includes("--cost")) {
  await import("../cost/main.ts");
  process.exit();
}
const { short, whole, chosen, peers, model } = readOptions();
if (model) {
  await import("../model/main.ts");
  process.exit();
}
const size = short ? SHORT : FULL;
const supply = short ? "found" : "built";
const date = new Date().toISOString();
const began = performance.now();
const missing: Missing[] = [];
const results = await measureAll();
const memory: MemoryResult | null = chosen.includes(MEMORY)
  ? await measureMemory(size.upload)
  : null;
const soaked: SoakResult | null = chosen.includes(SOAK) ? await soak(size.soakSeconds) : null;

const seconds = (performance.now() - began) / 1000;
const report: Report = {
  date,
  short,
  size,
  whole,
  seconds,
  missing,
  results,
  memory,
  soak: soaked,
};
printReport(report);
if (soaked !== null && soaked.failures.length > 0) process.exitCode = 1;
for (const file of await writeReport(report)) console.log(`written: ${file}`);
console.log(`\n${seconds.toFixed(0)} s`);
if (short) console.log("A short run: its figures say little about speed.");

async function measureAll(): Promise<readonly Result[]> {
  const groups = chosen.filter((name) => name in GROUPS || name === ZB);
  if (groups.length === 0) return [];
  const found = await findPeers(peers, supply);
  missing.push(...found.missing);
  const subjects = await startSubjects(found.found, missing);
  const done: Result[] = [];
  try {
    for (const name of groups) {
      const tool = name === IMAGE ? missingTool() : null;
      if (tool !== null) {
        missing.push(tool);
        continue;
      }
      for await (const one of GROUPS[name]?.(subjects, size) ?? []) {
        done.push(await runCase(one, !short));
      }
    }
    if (groups.includes(ZB)) done.push(...(await runZb(subjects)));
  } catch (error) {
    const log = await readFile(subjects.slipway.log(), "utf8");
    console.error(`the end of Slipway's log:\n${log.slice(-LOG_SHOWN)}`);
    throw error;
  } finally {
    await subjects.stop();
  }
  return done;
}

async function runZb(subjects: Subjects): Promise<readonly Result[]> {
  const zb = await zbProgram(supply).catch((error: unknown) => {
    missing.push({ subject: ZB, reason: error instanceof Error ? error.message : "" });
    return null;
  });
  return zb === null ? [] : zbResults(subjects, size, zb);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      short: { type: "boolean", default: false },
      only: { type: "string", multiple: true },
      peers: { type: "string" },
      model: { type: "boolean", default: false },
    },
  });
  const groups = [...Object.keys(GROUPS), ZB, MEMORY, SOAK];
  const names = values.only ?? groups;
  known("case", names, groups);
  const asked = values.peers?.split(",").filter((name) => name !== "none");
  known("peer", asked ?? [], Object.keys(PEERS));
  return {
    ...values,
    whole: !values.short && values.only === undefined && asked === undefined,
    chosen: names,
    peers: asked ?? Object.keys(PEERS),
  };
}

function known(what: string, names: readonly string[], all: readonly string[]): void {
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) throw new Error(`no ${what} ${unknown}; there are ${all.join(", ")}`);
}
