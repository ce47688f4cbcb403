/**
 * Real container clients against a real registry: `npm run clients [-- CLIENT...]`.
 *
 * Arguments choose clients ("podman", "podman@trixie"); SKIP_CLIENTS leaves some out, and says so.
 * REGISTRY_URL and ADMIN_PASSWORD test a registry that runs already. Must be root on Debian: engines
 * need mounts and namespaces.
 */
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atEnd, cleanUp } from "./cleanup.ts";
import { ACCESS_FEATURES, FEATURES, makeBench, type Bench } from "./client.ts";
import { CLIENTS, matches, type Listing } from "./clients.ts";
import { type EdgePlace, openEdge, REFUSED } from "./edge.ts";
import { processesOf } from "./engines.ts";
import { makeImages, type Images } from "./images.ts";
import {
  cacheFolder,
  installDebianPackages,
  installGoTool,
  installTree,
  machineSuite,
} from "./install.ts";
import { openGate } from "./gate.ts";
import { openRegistry, requests, type Registry } from "./registry.ts";
import {
  notStarted,
  printRefusals,
  printTable,
  runClient,
  skipped,
  summary,
  took,
  type Record,
} from "./report.ts";
import { openRoom, type Room } from "./room.ts";
import { interrupt } from "./shell.ts";
import type { Gate } from "./visitor.ts";

interface Site {
  cache: string;
  work: string;
  registry: Registry;
  images: Images;
  gate: Gate | undefined;
  edge: EdgePlace | undefined;
  /** One rootfs for each Debian release, opened for its first client. */
  rooms: Map<string, Promise<Room>>;
}

async function prepare(): Promise<Site> {
  if (process.getuid?.() !== 0) throw new Error("run as root: engines need mounts and namespaces");
  const cache = cacheFolder();
  // Without one package, the clients of the others can still be tested.
  await took("Debian packages", installDebianPackages).catch((error: Error) => {
    console.log(`FAIL Debian packages: ${error.message}`);
  });
  const images = await took("test images", () => makeImages(cache));
  const work = await mkdtemp(join(tmpdir(), "slipway-clients-"));
  atEnd("remove the work folder", () => rm(work, { recursive: true, force: true }));
  await mkdir(join(work, "bin"));
  // Runs after each rootfs is closed, since clean-ups run in reverse order.
  atEnd("look for processes left behind", async () => {
    const left = await processesOf(work);
    for (const { pid } of left) process.kill(pid, "SIGKILL");
    if (left.length > 0) throw new Error(left.map(({ command }) => command).join("; "));
  });
  const registry = await took("registry", openRegistry);
  console.log(`the registry under test: ${registry.url}, repositories ${registry.namespace}/*\n`);
  const gate = await openGate(registry);
  const edge = registry.log === undefined ? undefined : await openEdge(registry);
  return { cache, work, registry, images, gate, edge, rooms: new Map() };
}

async function openSuite(site: Site, suite: string): Promise<Room> {
  const shared = [site.work, join(site.cache, "images")];
  const insecure = site.registry.plain ? { insecure: site.registry.host } : {};
  if (suite === (await machineSuite())) return openRoom({ suite, shared, ...insecure });
  const tree = await took(`tree of ${suite}`, () => installTree(site.cache, suite));
  return openRoom({ suite, tree, shared, ...insecure });
}

async function benchFor(site: Site, { id, suite, tool }: Listing): Promise<Bench> {
  const { registry, images, gate, edge, work, cache, rooms } = site;
  if (tool !== undefined) {
    const program = await took(`${tool} installed`, () => installGoTool(cache, tool));
    await symlink(program, join(work, "bin", tool));
  }
  const home = suite ?? (await machineSuite());
  const room = rooms.get(home) ?? openSuite(site, home);
  rooms.set(home, room);
  const { enter } = await room;
  return makeBench({ id, registry, images, gate, edge, work, enter });
}

async function runOne(site: Site, listing: Listing): Promise<Record[]> {
  try {
    const bench = await benchFor(site, listing);
    return await runClient(listing.id, await listing.open(bench));
  } catch (error) {
    return [notStarted(listing.id, error)];
  }
}

/** Checks that the registry answered every request; only for a registry that this run started. */
function registryRecord(registry: Registry): Record[] {
  const all = requests(registry);
  if (all === undefined) return [];
  // The edge cuts the other layers of a push off when it refuses one.
  const broken = all.filter(
    ({ status, repository }) => status >= 500 && !repository?.endsWith(`/${REFUSED}`),
  );
  console.log(`${broken.length === 0 ? "ok  " : "FAIL"} registry: no answer was a 5xx`);
  for (const request of broken) console.log(`       ${JSON.stringify(request)}`);
  const outcome = broken.length === 0 ? "passed" : "failed";
  return [{ client: "registry", feature: "clean", outcome }];
}

async function main(): Promise<number> {
  const chosen = process.argv.slice(2);
  const skips = (process.env.SKIP_CLIENTS ?? "").split(",").filter((name) => name !== "");
  for (const name of [...chosen, ...skips]) {
    if (!CLIENTS.some((listing) => matches(listing, [name]))) {
      throw new Error(`no client ${name}; there are ${CLIENTS.map(({ id }) => id).join(", ")}`);
    }
  }
  const listings = CLIENTS.filter((one) => chosen.length === 0 || matches(one, chosen));
  const site = await prepare();
  const records: Record[] = [];
  for (const listing of listings) {
    if (matches(listing, skips)) records.push(skipped(listing.id));
    else records.push(...(await took(listing.id, () => runOne(site, listing))));
  }
  records.push(...registryRecord(site.registry));
  printTable(records, FEATURES);
  printTable(records, ACCESS_FEATURES);
  printRefusals([...(site.gate?.refusals ?? []), ...(site.edge?.refusals ?? [])]);
  const leftovers = await cleanUp();
  for (const leftover of leftovers) console.log(`FAIL clean up: ${leftover}`);
  for (const _ of leftovers) records.push({ client: "", feature: "clean", outcome: "failed" });
  console.log(`\n${summary(records)}`);
  return records.some(({ outcome }) => outcome === "failed") ? 1 : 0;
}

async function giveUp(code: number): Promise<void> {
  interrupt();
  await cleanUp();
  process.exit(code);
}

process.once("SIGINT", () => void giveUp(130));
process.once("SIGTERM", () => void giveUp(143));
process.once("uncaughtException", (error) => {
  console.error(error);
  void giveUp(1);
});

try {
  process.exitCode = await main();
} catch (error) {
  await cleanUp();
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
