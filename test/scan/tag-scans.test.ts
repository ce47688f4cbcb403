/** What lists of tags say of scans, and how many rows that costs. */
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { Meter } from "../../scripts/scale/worker/meter.ts";
import { readTagScans } from "../../src/scan/tag-scan-store.ts";
import type { Digest } from "../../src/oci/digest.ts";
import type { RepositoryName } from "../../src/oci/reference.ts";
import { RegistryClient } from "../support/client.ts";
import { index, type Manifest } from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { done, makeNamespace } from "../support/management.ts";
import { alpine, layer, ListMatcher, pushImage, scanAll, scanJob } from "./images.ts";

const KNOWN = [
  { id: "CVE-2099-1", severity: "high", package: "musl", fixed: "2" },
  { id: "CVE-2099-2", severity: "critical", package: "zlib" },
  { id: "CVE-2099-3", severity: "high", package: "zlib" },
] as const;

let name: string;
let client: RegistryClient;

beforeEach(async () => {
  const { namespace } = await makeNamespace();
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name });
  await turn(scanJob());
});

interface Tags {
  readonly items: readonly { readonly name: string; readonly vulnerabilities: unknown }[];
}

async function shown(tag: string): Promise<unknown> {
  const { items } = await done<Tags>("GET", `/repositories/${name}/-/tags`);
  return items.find((one) => one.name === tag)?.vulnerabilities;
}

test("a tag says whether its image waits, what was found in it, and that it is unscannable", async () => {
  await pushImage(client, [layer(alpine({ musl: "1" }))], "one");
  await pushImage(client, [layer({ "hello.txt": "hello" })], "none");
  expect(await shown("one")).toEqual({ state: "waiting", counts: null });
  await scanAll(scanJob(new ListMatcher(KNOWN)));
  expect(await shown("one")).toMatchObject({
    state: "scanned",
    counts: { critical: { all: 0, fixable: 0 }, high: { all: 1, fixable: 1 } },
  });
  expect(await shown("none")).toMatchObject({ state: "unscannable" });
});

test("an index has of each severity the most that one of its images has, and the worst state", async () => {
  const images = [
    await pushImage(client, [layer(alpine({ musl: "1" }))], "a"),
    await pushImage(client, [layer(alpine({ zlib: "1" }))], "b"),
  ];
  await client.pushManifest(index(images), "both");
  await scanAll(scanJob(new ListMatcher(KNOWN)));
  expect(await shown("both")).toMatchObject({
    state: "scanned",
    counts: { critical: { all: 1, fixable: 0 }, high: { all: 1, fixable: 1 } },
  });
  const late = await pushImage(client, [layer(alpine({ ok: "1" }))], "c");
  await client.pushManifest(index([...images, late]), "three");
  expect(await shown("three")).toMatchObject({
    state: "waiting",
    counts: { critical: { all: 1 } },
  });
});

/** The most rows that one tag of a list reads more: an image, and an index of 16 images or more. */
const IMAGE_ROWS = 6;
const INDEX_ROWS = 100;

test("a list reads a few rows for each image, and no more for an index of many images", async () => {
  const images: Manifest[] = [];
  for (let n = 0; n < 24; n++) {
    images.push(await pushImage(client, [layer(alpine({ musl: String(n) }))], `t${n}`));
  }
  const list = await client.pushManifest(index(images), "list");
  await scanAll(scanJob(new ListMatcher(KNOWN)));
  const meter = new Meter(env.DB);
  const read = async (kind: "image" | "index", some: readonly Manifest[]) => {
    const listed = some.map(({ digest }) => ({ kind, digest: digest as Digest }));
    const found = await readTagScans(meter.db, name as RepositoryName, listed);
    expect(found.size).toBe(some.length);
    return meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
  };
  expect((await read("image", images)) / images.length).toBeLessThanOrEqual(IMAGE_ROWS);
  expect(await read("index", [list])).toBeLessThanOrEqual(INDEX_ROWS);
});
