/** What an isolate says that it holds. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { entrySize, Lru } from "../../src/lru.ts";
import { memoryUse } from "../../src/memory/isolate.ts";
import { ignore, RegistryClient } from "../support/client.ts";
import { blob, imageManifest } from "../support/images.ts";

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
