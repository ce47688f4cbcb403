/** After an import: objects that were pushed after the last export, and are still in the bucket. */
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { readSettings } from "../../src/settings.ts";
import { createRegistry } from "../../src/compose.ts";
import { RegistryClient, streamOf } from "../support/client.ts";
import { Counter } from "../support/counting.ts";
import { blob, type Content, digestOf, imageManifest } from "../support/images.ts";
import { done, refused } from "../support/management.ts";
import { populate } from "../support/populated.ts";
import {
  emptyBucket,
  exportAll,
  exportChanges,
  importAll,
  keysOf,
  loseDatabase,
  snapshot,
} from "../support/recovery.ts";

interface Found {
  readonly key: string;
  readonly digest: string;
  readonly size: number;
  readonly repository: string | null;
  readonly mediaType: string | null;
  readonly kind: string;
  readonly outcome: string;
  readonly reason: string | null;
}

const MIB = 1024 * 1024;

beforeEach(async () => {
  await loseDatabase();
  await emptyBucket();
});

async function search(link: boolean): Promise<Found[]> {
  const found: Found[] = [];
  let after: string | null = null;
  do {
    const body: object = { link, ...(after === null ? {} : { after }) };
    const page: { items: Found[]; next: string | null } = await done(
      "POST",
      "/import/objects",
      body,
    );
    found.push(...page.items);
    after = page.next;
  } while (after !== null);
  return found;
}

/** A blob in several parts, as Docker sends a layer. */
async function pushInParts(client: RegistryClient, { bytes, digest }: Content): Promise<void> {
  const location = await client.append(await client.startUpload(), streamOf(bytes));
  expect((await client.finish(location, digest)).status).toBe(201);
}

test("a blob pushed after the last export is found, and the next push need not upload it", async () => {
  const { client, config } = await populate();
  await exportChanges();
  const small = await client.pushBlob(blob());
  const large = blob(20 * MIB);
  await pushInParts(client, large);
  const image = imageManifest({ config, layers: [small, large] });
  await client.pushManifest(image, "late");
  await loseDatabase();
  await importAll();
  expect((await client.head(`blobs/${small.digest}`)).status).toBe(404);
  const before = await snapshot();
  const offered = await search(false);
  expect(await snapshot()).toEqual(before);
  const wanted = [small, large].map(({ digest, bytes }) =>
    expect.objectContaining({
      digest,
      size: bytes.length,
      repository: client.repository,
      kind: "blob",
      outcome: "offered",
      reason: null,
    }),
  );
  expect(offered).toEqual(expect.arrayContaining(wanted));
  expect(offered).toHaveLength(2);
  const linked = await search(true);
  expect(linked.map(({ outcome }) => outcome)).toEqual(["linked", "linked"]);
  expect(await search(true)).toEqual([]);
  // The push of the image: its blobs are there.
  const counter = new Counter();
  const again = new RegistryClient({ repository: client.repository, send: counter.send });
  const calls = await counter.during(async () => {
    for (const { digest } of [config, small, large]) {
      expect((await again.head(`blobs/${digest}`)).status).toBe(200);
    }
    await again.pushManifest(image, "late");
  });
  expect(calls.r2).toBe(0);
  expect(digestOf(await client.pullBlob(large.digest))).toBe(large.digest);
});

test("what nobody pushes again goes after the grace time", async () => {
  const { client } = await populate();
  await exportChanges();
  const late = await client.pushBlob(blob());
  await loseDatabase();
  await importAll();
  await search(true);
  expect((await client.head(`blobs/${late.digest}`)).status).toBe(200);
  const keys = await keysOf("blobs/");
  await createRegistry(env, { ...readSettings(env), grace: 0 }).gc.run();
  expect((await client.head(`blobs/${late.digest}`)).status).toBe(404);
  expect(await keysOf("blobs/")).toHaveLength(keys.length - 1);
});

test("a big manifest is told of, with its repository and what it is", async () => {
  const { client, config } = await populate();
  await exportAll();
  const annotations = { note: "y".repeat(300 * 1024) };
  const big = await client.pushManifest(imageManifest({ config, fields: { annotations } }), "more");
  await loseDatabase();
  await importAll();
  expect(await search(true)).toEqual([
    expect.objectContaining({
      digest: big.digest,
      kind: "manifest",
      repository: client.repository,
      mediaType: big.mediaType,
      outcome: "offered",
    }),
  ]);
});

test("what belongs to a repository that is not there, or to none, is refused and said", async () => {
  const { client, config } = await populate();
  await exportChanges();
  const late = await new RegistryClient({ repository: "late/app" }).pushBlob(blob());
  await env.BLOBS.put("blobs/of-nobody", new Uint8Array(10));
  await loseDatabase();
  await importAll();
  const found = await search(true);
  expect(found).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        digest: late.digest,
        outcome: "refused",
        reason: expect.stringContaining("create it"),
      }),
      expect.objectContaining({
        key: "blobs/of-nobody",
        repository: null,
        outcome: "refused",
        reason: expect.stringContaining("does not say"),
      }),
    ]),
  );
  expect(found).toHaveLength(2);
  const none = await env.DB.prepare("SELECT 1 FROM repositories WHERE name = 'late/app'").first();
  expect(none).toBeNull();
  await done("POST", "/repositories", { name: "late/app" });
  const again = await search(true);
  expect(again.map(({ outcome }) => outcome).toSorted()).toEqual(["linked", "refused"]);
  expect((await client.head(`blobs/${config.digest}`)).status).toBe(200);
});

test("what was pushed since the import began is none of it, nor what is long unnamed or doomed", async () => {
  const { client } = await populate();
  await exportChanges();
  const late = await client.pushBlob(blob());
  await loseDatabase();
  await importAll();
  const [found] = await search(false);
  expect(found?.digest).toBe(late.digest);
  // Another upload of the new database has stored its object, and not yet its row.
  await env.BLOBS.put("blobs/under-way", new Uint8Array(10), {
    customMetadata: { repository: client.repository },
  });
  expect((await search(false)).map(({ key }) => key)).toEqual([found?.key]);
  await env.DB.prepare("INSERT INTO object_deletions (key, due_at) VALUES (?1, 0)")
    .bind(found?.key)
    .run();
  expect(await search(true)).toEqual([]);
});

test("relinking is refused before an import has come to its end", async () => {
  await populate();
  await exportAll();
  expect(await refused("POST", "/import/objects", {})).toEqual({ status: 409, code: "CONFLICT" });
  await loseDatabase();
  await done("POST", "/import", {});
  expect(await refused("POST", "/import/objects", {})).toEqual({ status: 409, code: "CONFLICT" });
});

test("many of them are found page by page, each once", async () => {
  const { client } = await populate();
  await exportChanges();
  const late: Content[] = [];
  for (let i = 0; i < 60; i++) late.push(await client.pushBlob(blob()));
  await loseDatabase();
  await importAll();
  const digests = (await search(true)).map(({ digest }) => digest);
  expect(digests.toSorted()).toEqual(late.map(({ digest }) => digest).toSorted());
});
