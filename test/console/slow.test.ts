/**
 * What a reader with a slow machine waits for: bytes, requests and times of first visits on a CPU that is four times
 * slower. Requests are held; bytes and times are printed and kept among the results, and decide nothing.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPage, RESULTS } from "./browser.ts";
import { type Console, openConsole } from "./console.ts";
import { Pusher } from "./images.ts";

const SLOWER = 4;
const TAGS = 60;
/** The most requests of a first visit: the page, its styles and scripts, the icon, and the API's answers. */
const MAX_REQUESTS = 15;

let place: Console;
const measured: Record<string, Measured> = {};

interface Measured {
  readonly bytes: number;
  readonly requests: number;
  readonly contentMs: number;
}

beforeAll(async () => {
  place = await openConsole();
  const name = "demo/app";
  const more = { visibility: "public", description: "An app.", readme: "# App\n\nIt works.\n" };
  await place.api("POST", "/repositories", { name, ...more });
  const app = new Pusher(place.server, name);
  const image = await app.image("amd64");
  for (let n = 0; n < TAGS; n++) await app.manifest(image, `1.${n}`);
});

afterAll(async () => {
  await place?.close();
  await mkdir(RESULTS, { recursive: true });
  await writeFile(join(RESULTS, "slow-cpu.json"), `${JSON.stringify(measured, null, 2)}\n`);
});

test.each([
  ["home", "/", ".repositories li"],
  ["repository", "/repositories/demo/app", ".readme h2"],
  ["tags", "/repositories/demo/app/-/tags", "tbody tr"],
])("a first visit of %s takes few requests", async (title, path, content) => {
  const context = await place.browser.newContext({ locale: "en-GB" });
  const { page, faults } = await openPage(context, place.server.url);
  const devtools = await context.newCDPSession(page);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
  await devtools.send("Network.enable");
  let [bytes, requests] = [0, 0];
  devtools.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    requests++;
  });
  const begunAt = performance.now();
  await page.goto(place.server.url + path);
  await page.locator(content).first().waitFor();
  const contentMs = Math.round(performance.now() - begunAt);
  await page.waitForLoadState("networkidle");
  measured[title] = { bytes, requests, contentMs };
  console.log(`${title}: ${bytes} bytes, ${requests} requests, content after ${contentMs} ms`);
  expect(requests).toBeLessThanOrEqual(MAX_REQUESTS);
  expect(faults).toEqual([]);
  await context.close();
});
