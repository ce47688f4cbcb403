/** The page that compares two images. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Manifest } from "../support/images.ts";
import { blob, imageManifest, text } from "../support/images.ts";
import { expectAccessible, shot } from "./browser.ts";
import { type Console, openConsole, visit } from "./console.ts";
import { Pusher } from "./images.ts";

let place: Console;
let images: Manifest[];

beforeAll(async () => {
  place = await openConsole();
  await place.api("POST", "/repositories", { name: "demo/app", visibility: "public" });
  const app = new Pusher(place.server, "demo/app");
  const [base, old, fresh] = [await app.blob(blob(3_000)), await app.blob(blob(500)), blob(700)];
  await app.blob(fresh);
  const image = async (tag: string, layer: typeof base, env: string) => {
    const config = { os: "linux", architecture: "amd64", config: { Env: [`MODE=${env}`] } };
    const made = { config: await app.blob(text(JSON.stringify(config))), layers: [base, layer] };
    return app.manifest(imageManifest(made), tag);
  };
  images = [await image("1.0", old, "slow"), await image("2.0", fresh, "fast")];
});

afterAll(() => place?.close());

test("two images: layers that are shared, new and gone, and settings that differ; a link keeps it", async () => {
  const [from, to] = images;
  const { page, faults } = await visit(
    place.visitor,
    place.server.url,
    `/repositories/demo/app/-/manifests/${from?.digest}`,
  );
  await page.getByRole("link", { name: "Compare with another image" }).click();
  await page.getByText("Choose two images to compare").waitFor();
  expect(await page.getByLabel("Before").inputValue()).toBe(from?.digest);
  await page.getByLabel("After").selectOption("2.0");
  await page.waitForURL(/[?&]to=sha256/);
  expect(new URL(page.url()).searchParams.get("to")).toBe(to?.digest);
  await page.reload();
  const layers = page.getByRole("table", { name: "Layers" });
  await layers.waitFor();
  expect(await layers.locator("tbody .badge").allTextContents()).toEqual(["same", "new", "gone"]);
  const settings = page.getByRole("table", { name: "Configuration" });
  expect(await settings.locator("tbody tr").allTextContents()).toEqual(["ENV MODEslowfast"]);
  await expectAccessible(page);
  await shot(page, "compare");
  await page.setViewportSize({ width: 320, height: 640 });
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(320);
  expect(faults).toEqual([]);
  await page.close();
});
