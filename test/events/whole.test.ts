/** From a change to what it has done, by the real queues alone: the cron does not run here. */
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { deliveries } from "../production/deliveries.ts";
import { RegistryClient } from "../support/client.ts";
import { blob, imageManifest } from "../support/images.ts";
import { done } from "../support/management.ts";

beforeAll(() => {
  deliveries.areOn = true;
});
afterAll(() => {
  deliveries.areOn = false;
});

async function left(): Promise<number> {
  const row = await env.DB.prepare(`SELECT count(*) AS n FROM outbox`).first<{ n: number }>();
  return row?.n ?? -1;
}

test("an export that was asked for is made, and the events are handed on", async () => {
  const client = new RegistryClient();
  await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }), "v1");
  await done("POST", "/exports", {});
  await expect
    .poll(async () => (await done<{ finished: object[] }>("GET", "/exports")).finished, {
      interval: 500,
    })
    .toHaveLength(1);
  await expect.poll(left, { interval: 500 }).toBe(0);
});
