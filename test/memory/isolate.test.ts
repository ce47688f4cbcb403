/** The memory that an isolate reports to hold. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { entrySize, Lru } from "../../src/memory/lru.ts";
import { claimForTail, claimForText, memoryUse } from "../../src/memory/isolate.ts";
import { ignore, RegistryClient } from "../support/client.ts";
import { blob, imageManifest } from "../support/images.ts";

const MIB = 1024 * 1024;
const OWNER = { namespace: "acme", actor: "ci" };

const client = new RegistryClient({ send: (request) => handle(request, env, ignore) });

test("caches are counted: what one keeps is in the sum, what it drops is not", () => {
  const before = memoryUse().caches;
  const lru = new Lru<string>(1_000);
  lru.set("a", "x", 700);
  expect(memoryUse().caches).toBe(before + 700);
  lru.set("b", "y", 600);
  expect(memoryUse().caches).toBe(before + 600);
  lru.delete("b");
  expect(memoryUse().caches).toBe(before);
});

test("a pull is kept, and counted", async () => {
  const layer = await client.pushBlob(blob(50_000));
  const before = memoryUse().caches;
  await client.pullBlob(layer.digest);
  expect(memoryUse().caches).toBeGreaterThanOrEqual(before + 50_000 + entrySize(layer.digest));
});

test("a manifest counts twice while it is pushed, as bytes and as text, and not at all afterwards", async () => {
  const config = await client.pushBlob(blob());
  const pad = "x".repeat(100_000);
  const manifest = imageManifest({ config, fields: { annotations: { pad } } });
  const during: number[] = [];
  const DB = new Proxy(env.DB, {
    get(db, name) {
      if (name === "batch") during.push(memoryUse().bodies);
      const value: unknown = Reflect.get(db, name);
      return typeof value === "function" ? value.bind(db) : value;
    },
  });
  const send = (request: Request) => handle(request, { ...env, DB }, ignore);
  await new RegistryClient({ repository: client.repository, send }).pushManifest(manifest);
  expect(Math.max(...during)).toBe(2 * manifest.bytes.length);
  expect(memoryUse().bodies).toBe(0);
});

test.each([7, 16])("the largest manifest of %d MiB has its memory at once", async (mebibytes) => {
  const claiming = claimForText(OWNER, mebibytes * MIB);
  expect(memoryUse().bodies).toBe(2 * mebibytes * MIB);
  (await claiming).close();
  expect(memoryUse().bodies).toBe(0);
});

test("a manifest of 7 MiB is pushed and pulled where the setting allows it", async () => {
  const changed = { ...env, MAX_MANIFEST_BYTES: String(16 * MIB) };
  const send = (request: Request) => handle(request, changed, ignore);
  const large = new RegistryClient({ send });
  const config = await large.pushBlob(blob());
  const annotations = { pad: "x".repeat(7 * MIB) };
  const manifest = imageManifest({ config, fields: { annotations } });
  await large.pushManifest(manifest, "large");
  expect((await large.pullManifest("large")).length).toBe(manifest.bytes.length);
  expect(memoryUse().bodies).toBe(0);
});

test("finishes without a body wait for each other only where their last bytes do not fit together", async () => {
  const claims = [3, 4, 1, 7].map((mebibytes) => ({
    claim: claimForTail(OWNER),
    bytes: mebibytes * MIB,
  }));
  const growing = claims.map(({ claim, bytes }) => claim.grow(bytes));
  expect(memoryUse().bodies).toBe(8 * MIB);
  for (const { claim } of claims.slice(0, 3)) claim.close();
  await Promise.all(growing);
  expect(memoryUse().bodies).toBe(7 * MIB);
  claims[3]?.claim.close();
  expect(memoryUse().bodies).toBe(0);
});
