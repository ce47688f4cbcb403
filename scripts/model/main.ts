/**
 * `npm run bench -- --model`: the time that pulls and pushes of an image of 12 layers would take on Cloudflare, near
 * and far. The registry's own Worker runs here; before each call of a binding it waits the time that times.json
 * assumes, and so does the client for its network. The blobs are tiny, since the time for bytes depends on bandwidth
 * alone. It prints a table and writes results/model.json.
 *
 * The times follow from the assumptions and decide nothing. It fails when a pull waits more often in a row than it may.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SlowRegistry } from "./registry.ts";
import { type Located, printModel, tooMany, writeResults } from "./report.ts";
import {
  type Measured,
  measurePulls,
  measurePushes,
  PLACES,
  placeOf,
  pushIndex,
  pushSingle,
  type Times,
} from "./run.ts";
import { containerd, docker, SHAPES } from "./shapes.ts";

const file = join(import.meta.dirname, "times.json");
const times = JSON.parse(await readFile(file, "utf8")) as Times;
const began = performance.now();
const results = await run();
printModel(results);
const date = new Date().toISOString();
const written = await writeResults("model.json", { date, times, results });
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(`\n${seconds} s; everything is in ${written}`);
for (const failure of tooMany(results)) {
  console.log(failure);
  process.exitCode = 1;
}

async function run(): Promise<Located[]> {
  const registry = await SlowRegistry.create();
  const done: Located[] = [];
  try {
    const single = await pushSingle(registry);
    const index = await pushIndex(registry);
    for (const name of PLACES) {
      const place = placeOf(times, name);
      for (const shape of SHAPES)
        done.push(...at(name, await measurePulls(registry, place, shape, single)));
      for (const shape of [docker, containerd])
        done.push(...at(name, await measurePulls(registry, place, shape, index)));
      // A push reads from the primary, so replicas make no difference.
      if (name === "far, no replica") continue;
      for (const shape of SHAPES)
        done.push(...at(name, await measurePushes(registry, place, shape)));
    }
    return done;
  } finally {
    await registry.stop();
  }
}

function at(place: string, measured: readonly Measured[]): Located[] {
  return measured.map((result) => ({ place, ...result }));
}
