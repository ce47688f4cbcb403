/** No step's work grows with the registry: every statement of repair finds its rows by an index, in the order of the walk. */
import { expect, test } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import { BlobRepairStore } from "../../src/fsck/blob-store.ts";
import { FsckStore } from "../../src/fsck/store.ts";
import type { ManifestRow } from "../../src/fsck/row.ts";
import { ManifestRepairStore } from "../../src/fsck/manifest-store.ts";
import { REPAIRER } from "../support/fsck.ts";
import { plansOf, tableScans } from "../support/plans.ts";

const DIGEST = `sha256:${"0".repeat(64)}` as Digest;
const PLACE = { repository: 0, name: "" };
const HELD = { repositoryId: 1, repository: "acme/app", digest: DIGEST };
const ROW: ManifestRow = {
  ...HELD,
  size: 1,
  mediaType: "a/b",
  content: "",
  object: "x",
  subject: null,
  artifactType: "",
  deleted: 0,
  lost: 0,
  scheduled: 0,
  references: [],
};

async function pages(db: D1Database): Promise<void> {
  const index = new FsckStore(db);
  await index.blobs(PLACE, 10);
  await index.manifestKeys(PLACE, 10);
  await index.tags(PLACE, 10);
  await index.links(PLACE, 10);
  await index.trashed(PLACE, 10);
  await index.counts(PLACE, 10);
}

async function others(db: D1Database): Promise<void> {
  const index = new FsckStore(db);
  await index.usages(PLACE, 10);
  await index.manifests([ROW]);
  await index.unexplained(["x"]);
  await index.isBlob(DIGEST, "x");
  await index.isImporting();
  await index.namespaceAfter("");
  await index.needing(DIGEST, 10);
  await index.needingManifest(ROW, 10);
}

async function repairs(db: D1Database): Promise<void> {
  const blobs = new BlobRepairStore(db);
  await blobs.markMissing(DIGEST, "x", REPAIRER);
  await blobs.markFound(DIGEST, "x", REPAIRER);
  await blobs.resize(DIGEST, "x", 1, REPAIRER);
  await blobs.letGo(DIGEST, 1, REPAIRER);
  await blobs.cancelDeletion("x", REPAIRER);
  await blobs.listUnreferenced(HELD, REPAIRER);
  await blobs.unlistUnreferenced(HELD, REPAIRER);
  await blobs.untrash(HELD, REPAIRER);
  await blobs.link(HELD, [DIGEST], REPAIRER);
  await blobs.keep(HELD, [DIGEST], REPAIRER);
  await blobs.countBlob("acme", DIGEST, REPAIRER);
  await blobs.count("acme", REPAIRER);
  const manifests = new ManifestRepairStore(db);
  await manifests.markMissing(ROW, REPAIRER);
  await manifests.markFound(ROW, REPAIRER);
  await manifests.describe(ROW, [1, null, ""], REPAIRER);
  await manifests.restore(HELD, REPAIRER);
  await manifests.rewrite(ROW, [], [], REPAIRER);
}

test("pages come by an index, in their order", async () => {
  const found = await plansOf(pages);
  expect(found).toHaveLength(6);
  for (const { sql, plan } of found) {
    expect(tableScans(plan), sql).toEqual([]);
    expect(plan.join("\n"), sql).not.toContain("TEMP B-TREE");
  }
});

test.each([
  ["what else is read", others, 6],
  ["repairs", repairs, 35],
] as const)("%s: no statement walks through a table", async (_, work, count) => {
  const found = await plansOf(work);
  expect(found.length).toBeGreaterThanOrEqual(count);
  for (const { sql, plan } of found)
    expect(tableScans(plan), `${sql}\n${plan.join("\n")}`).toEqual([]);
});
