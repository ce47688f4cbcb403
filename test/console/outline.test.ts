/**
 * What a screen reader is told of the main pages: roles, names, the order of headings, and what changes aloud. The pages'
 * outlines are files beside this one; `npm run browser -- -u` writes them anew.
 */
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blob, type Content, imageManifest, type Manifest } from "../support/images.ts";
import { type Console, openConsole, visit } from "./console.ts";
import { Pusher } from "./images.ts";

const OUTLINES = join(import.meta.dirname, "outlines");
let place: Console;
let app: Pusher;
let image: Manifest;
let index: Manifest;
let sharing: Manifest;

beforeAll(async () => {
  // What a scan finds is there when it is: outlines would differ from run to run.
  place = await openConsole({ env: { SCANNING: "false" } });
  const { api, server } = place;
  await api("POST", "/namespaces", { name: "demo" });
  const details = { visibility: "public", description: "An app.", labels: { team: "web" } };
  await api("POST", "/repositories", { name: "demo/app", ...details });
  await api("POST", "/repositories", { name: "demo/other", visibility: "public" });
  app = new Pusher(server, "demo/app");
  image = await app.image("amd64", "1.0");
  index = await app.multiPlatform("1.1");
  await app.signature(image);
  const layer = await app.blob(blob(700));
  sharing = await pushLayers([layer], "2.0");
  await pushLayers([layer], "2.1");
});

async function pushLayers(layers: readonly Content[], tag: string): Promise<Manifest> {
  const config = await app.blob(blob());
  return app.manifest(imageManifest({ config, layers: [...layers] }), tag);
}

afterAll(async () => {
  await place.close();
});

/** What differs from run to run. */
const VOLATILE: readonly (readonly [RegExp, string])[] = [
  [/^ *- \/url: .*\n/gm, ""],
  [/sha256:[0-9a-f]+…[0-9a-f]+|sha256:[0-9a-f]+/g, "DIGEST"],
  [/127\.0\.0\.1:\d+|localhost:\d+/g, "HOST"],
  [/\b\d+ (?:second|minute|hour|day|week|month|year)s? ago|\b(?:now|yesterday|last \w+)\b/g, "AGO"],
];

async function outlineOf(page: Page): Promise<string> {
  await expect.poll(() => page.locator(".loading").count()).toBe(0);
  const outline = `${await page.locator("body").ariaSnapshot()}\n`;
  return VOLATILE.reduce((text, [what, name]) => text.replace(what, name), outline);
}

test.each([
  ["home", "/", "demo/other", "visitor"],
  ["login", "/login", "Sign in", "visitor"],
  ["overview", "/repositories/demo/app", "Pull", "visitor"],
  ["tags", "/repositories/demo/app/-/tags?sort=name&order=asc", "2.1", "owner"],
  ["versions", "/repositories/demo/app/-/versions?kind=index", "1.1", "owner"],
  ["manifest", "/repositories/demo/app/-/manifests/IMAGE", "Layers", "visitor"],
  ["index", "/repositories/demo/app/-/manifests/INDEX", "Platforms", "visitor"],
  ["members", "/namespaces/demo/members", "Members", "owner"],
  ["account", "/account", "Password", "owner"],
  ["users", "/admin/users", "Create a user", "owner"],
] as const)("the outline of the page: %s", async (name, path, awaited, who) => {
  const { page, faults } = await open(place[who], path);
  await page.locator("main").getByText(awaited).locator("visible=true").first().waitFor();
  const outline = await outlineOf(page);
  const levels = [...outline.matchAll(/\[level=(\d)\]/g)].map(([, level]) => Number(level));
  expect(levels.filter((level) => level === 1)).toEqual([1]);
  // None is left out on the way down.
  expect(levels.every((level, at) => level - (levels[at - 1] ?? 0) <= 1)).toBe(true);
  await expect(outline).toMatchFileSnapshot(join(OUTLINES, `${name}.txt`));
  expect(faults).toEqual([]);
  await page.close();
});

function open(context: BrowserContext, path: string) {
  const whole = path.replace("IMAGE", image.digest).replace("INDEX", index.digest);
  return visit(context, place.server.url, whole);
}

test("a layer that another image has says so", async () => {
  const { page, faults } = await open(
    place.visitor,
    `/repositories/demo/app/-/manifests/${sharing.digest}`,
  );
  await page.getByText("in 1 other image").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("what changes is said aloud: how many are chosen, what was deleted, what was brought back", async () => {
  const { page, faults } = await open(place.owner, "/repositories/demo/app/-/tags?filter=2.1");
  await page.getByRole("checkbox", { name: "2.1" }).check();
  const told = async () =>
    (await page.getByRole("status").allTextContents()).filter((text) => text !== "");
  await expect.poll(told).toEqual(["1 selected"]);
  await page.getByRole("button", { name: "Delete …" }).click();
  expect(await page.getByRole("dialog").ariaSnapshot()).toContain('heading "What will be deleted"');
  await page.getByRole("button", { name: "Delete 1" }).click();
  await expect.poll(told).toContainEqual(expect.stringContaining("1 deleted"));
  await page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(told).toContainEqual(expect.stringContaining("Undone"));
  expect(faults).toEqual([]);
  await page.close();
});

test("the arrow keys lead from the search to what it found, and back", async () => {
  const { page, faults } = await open(place.visitor, "/");
  await page.getByRole("link", { name: "demo/other" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("demo");
  await page.waitForURL(/q=demo/);
  await page.getByRole("heading", { name: /demo/ }).waitFor();
  await expect.poll(() => page.locator(".repositories li").count()).toBe(2);
  const focused = () =>
    page.evaluate("document.activeElement.textContent || document.activeElement.tagName");
  const names = await page.locator(".repositories .row-name").allTextContents();
  const seen: unknown[] = [];
  for (const key of ["ArrowUp", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp"]) {
    await page.keyboard.press(key);
    seen.push(await focused());
  }
  expect(seen).toEqual(["INPUT", names[0], names[1], names[1], names[0], "INPUT"]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/repositories/${names[0]}`);
  expect(faults).toEqual([]);
  await page.close();
});
