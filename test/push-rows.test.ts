/** The rows that a push writes, by D1's own count: what a push costs most (docs/performance.md). */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { Meter } from "../scripts/scale/worker/meter.ts";
import { handle } from "./production/request.ts";
import { ignore, RegistryClient } from "./support/client.ts";
import { blob, imageManifest } from "./support/images.ts";

const meter = new Meter(env.DB);
const client = new RegistryClient({
  send: (request) => handle(request, { ...env, DB: meter.db }, ignore),
});

/** Pushes an image of 12 layers, none of which is there, after what every first push of an isolate does. */
async function rowsOf(isDocker: boolean): Promise<number> {
  await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }), "first");
  const [config, ...layers] = Array.from({ length: 13 }, () => blob());
  if (config === undefined) throw new Error("there is no config");
  meter.take();
  for (const one of [...layers, config]) {
    // docker asks before and after each upload.
    if (isDocker) await client.head(`blobs/${one.digest}`);
    await client.pushBlob(one);
    if (isDocker) await client.head(`blobs/${one.digest}`);
  }
  await client.pushManifest(imageManifest({ config, layers }), "tag");
  return meter.take().reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
}

test.each([
  ["that uploads them and then the manifest", false, 228],
  ["that also asks for each before and after", true, 260],
])(
  "a push of 12 new layers and a config by a client %s writes few rows",
  async (_, isDocker, most) => {
    const rows = await rowsOf(isDocker);
    // Each blob has a row in five tables, and a reference.
    expect(rows).toBeGreaterThan(13 * 6);
    expect(rows).toBeLessThanOrEqual(most);
  },
);
