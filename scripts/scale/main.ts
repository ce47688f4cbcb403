/**
 * `npm run scale [-- --scale 0.01] [-- --data DIR]`: measures the operations of a large registry. It makes two
 * databases, one of 1,000,000 manifests with as many tags and 5,000,000 references in one repository, and one of a
 * hundredth of that; every operation is tried on both, and D1 counts the rows that it reads.
 *
 * At last it says what an image takes in the database, with the events of its pushes.
 *
 * --scale    another size: 0.01 takes seconds
 * --data     where the databases are kept for the next time
 *
 * It fails when an operation reads more rows than it may, or not as many in both, but never because of times: the
 * machine may be busy.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectConfig, ROOT } from "../local.ts";
import { measure, type Measured } from "./measure.ts";
import { KINDS, sizeOf } from "./images.ts";
import { count, printCollection, printOperations, printParts, printSizes } from "./report.ts";
import { seeded } from "./seed.ts";

const MANIFESTS = 1_000_000;
/** The number of due rows of each kind for garbage collection. */
const DUE = 100_000;
/** Objects that really exist in R2; deleting one that does not exist succeeds as well. */
const OBJECTS = 20_000;
const RUNS = 3;
/** The smallest numbers with which the operations work. */
const LEAST = 1_000;

const { values } = parseArgs({
  options: { scale: { type: "string", default: "1" }, data: { type: "string" } },
});
const scale = Number(values.scale);
if (!(scale > 0 && scale <= 1)) throw new Error("--scale is a number above 0 and up to 1");
const folder = join(values.data ?? join(tmpdir(), "slipway-worlds"), await versionOfSchema());

const large = {
  manifests: Math.max(LEAST * 10, MANIFESTS * scale),
  due: Math.max(LEAST, DUE * scale),
};
// The due rows fill more than one run of garbage collection in both.
const small = {
  manifests: Math.max(LEAST, large.manifests / 100),
  due: Math.min(large.due, 30_000),
};
/** Images whose room in the database is measured; a hundredth of the large registry is enough. */
const images = Math.max(LEAST * 2, (MANIFESTS * scale) / 50);
const began = performance.now();
const results: Measured[] = [];
for (const world of [small, large]) {
  console.log(`${count(world.manifests)} manifests, ${count(world.due)} of each kind to collect`);
  const data = await seeded(folder, world);
  results.push(await measure(data, world, { objects: Math.min(OBJECTS, world.due), runs: RUNS }));
}
const [ofSmall, ofLarge] = results;
if (ofSmall === undefined || ofLarge === undefined) throw new Error("nothing was measured");
const failures = printOperations(ofSmall, ofLarge) + printCollection(results);
printParts(ofLarge);
printSizes(images, await Promise.all(KINDS.map((kind) => sizeOf(kind, images))));
console.log(
  `\n${((performance.now() - began) / 1000).toFixed(0)} s; the databases are in ${folder}`,
);
if (failures > 0) {
  console.log(`${failures} of them read more rows than they may.`);
  process.exitCode = 1;
}

/** Returns a version of the schema: databases made by other migrations or statements cannot be used again. */
async function versionOfSchema(): Promise<string> {
  const { d1_databases } = await projectConfig();
  const migrations = join(ROOT, d1_databases[0]?.migrations_dir ?? "");
  const files = (await readdir(migrations)).toSorted().map((file) => join(migrations, file));
  const statements = ["world.ts", "growth.ts"].map((file) =>
    join(ROOT, "scripts", "scale", "worker", file),
  );
  const hash = createHash("sha256");
  for (const file of [...files, ...statements]) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 8);
}
