/** What users of other registries' consoles complain about, each in a real browser. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OCI_INDEX } from "../../src/oci/media-type.ts";
import { describe, type Manifest, manifest } from "../support/images.ts";
import type { Watched } from "./browser.ts";
import { type Console, openConsole, visit } from "./console.ts";
import { Pusher } from "./images.ts";

/** More tags than two pages of the list have. */
const RELEASES = 130;
const ROWS = "tbody .tag-name > .marks > a";

let place: Console;
let app: Pusher;
let index: Manifest;

beforeAll(async () => {
  place = await openConsole();
  const { api, server } = place;
  await api("POST", "/namespaces", { name: "demo" });
  await api("POST", "/repositories", { name: "demo/releases", visibility: "public" });
  await api("POST", "/repositories", { name: "demo/app", visibility: "public" });
  const releases = new Pusher(server, "demo/releases");
  const release = await releases.image("amd64");
  for (let n = 1; n <= RELEASES; n++) await releases.manifest(release, `v0.0.${n}`);
  app = new Pusher(server, "demo/app");
  for (const tag of ["old-1", "old-2", "old-3", "1.0"]) {
    await app.image("amd64", tag, { annotations: { tag } });
  }
  index = await app.multiPlatform("1.1");
  await app.manifest(index, "stable");
  // Pushed after all else, as signers do: by cosign's tag, and by the tag of the referrers' fallback.
  await app.signature(index);
  const sbom = await app.referrer(index, "application/spdx+json", {});
  const fallback = { schemaVersion: 2, mediaType: OCI_INDEX };
  const manifests = [describe(sbom, sbom.mediaType)];
  await app.manifest(
    manifest(OCI_INDEX, { ...fallback, manifests }),
    index.digest.replace(":", "-"),
  );
});

afterAll(() => place?.close());

function open(path: string, context = place.visitor): Promise<Watched> {
  return visit(context, place.server.url, path);
}

function tagsShown(page: Page): Promise<string[]> {
  return page.locator(ROWS).allTextContents();
}

/** Presses Tab until the thing has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate("document.activeElement.textContent")) === name) return;
  }
  throw new Error(`no Tab leads to ${name}`);
}

test("sorting is of the whole list and by numbers: v0.0.91 is before v0.0.106, page after page", async () => {
  const { page, faults } = await open("/repositories/demo/releases/-/tags?sort=version&order=asc");
  const seen: string[] = [];
  for (const last of [50, 100, RELEASES]) {
    await page.getByRole("link", { name: `v0.0.${last}`, exact: true }).waitFor();
    seen.push(...(await tagsShown(page)));
    if (last < RELEASES) await page.getByRole("link", { name: "Next page" }).click();
  }
  expect(seen).toEqual(Array.from({ length: RELEASES }, (_, n) => `v0.0.${n + 1}`));
  expect(faults).toEqual([]);
  await page.close();
});

test("a tag is a row, which says what other tags of its digest there are", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/tags?filter=1.1");
  await page.getByText("same as stable").waitFor();
  expect(await tagsShown(page)).toEqual(["1.1"]);
  expect(faults).toEqual([]);
  await page.close();
});

test("a page of many tags is one call of the API, and no call for each tag", async () => {
  const calls: string[] = [];
  const { page, faults } = await open("/");
  await page.waitForLoadState("networkidle");
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (/^\/(?:api|v2)\//.test(pathname)) calls.push(pathname);
  });
  await page.goto(`${place.server.url}/repositories/demo/releases/-/tags`);
  await expect.poll(() => page.locator(ROWS).count()).toBe(50);
  expect(calls).toEqual(["/api/v1/repositories/demo/releases/-/tags"]);
  expect(faults).toEqual([]);
  await page.close();
});

test("no row is of the platform unknown/unknown: attestations are badges", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/tags?filter=1.1");
  const row = page.locator("tbody tr", { hasText: "same as stable" });
  await row.waitFor();
  expect(await row.locator("td code").allTextContents()).toEqual(
    expect.arrayContaining(["linux/amd64", "linux/arm64"]),
  );
  expect(await row.locator(".badge").allTextContents()).toEqual(
    expect.arrayContaining(["SBOM", "provenance"]),
  );
  for (const path of ["-/tags", "-/versions", `-/manifests/${index.digest}`]) {
    await page.goto(`${place.server.url}/repositories/demo/app/${path}`);
    await page.locator("tbody tr").first().waitFor();
    expect(await page.locator("main").textContent(), path).not.toContain("unknown/unknown");
  }
  expect(faults).toEqual([]);
  await page.close();
});

test("tags of signatures and of referrers are not in the list, and no pull command has one", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/tags");
  await page.getByRole("link", { name: "stable", exact: true }).waitFor();
  expect((await tagsShown(page)).toSorted()).toEqual(
    ["1.0", "1.1", "old-1", "old-2", "old-3", "stable"].toSorted(),
  );
  await page.goto(`${place.server.url}/repositories/demo/app`);
  const command = page.getByLabel("pull command", { exact: true });
  await command.waitFor();
  expect(await command.textContent()).toMatch(/^docker pull \S+\/demo\/app:(?:stable|1\.1)$/);
  expect(await page.locator("main").textContent()).not.toContain("sha256-");
  expect(faults).toEqual([]);
  await page.close();
});

test("lists of tags and of versions have sizes, which their heads call compressed", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/tags");
  for (const tab of ["Tags", "Versions"]) {
    await page.getByRole("link", { name: tab, exact: true }).click();
    await page.getByRole("columnheader", { name: "Compressed size" }).waitFor();
    await page.locator("tbody tr").first().waitFor();
    expect(await page.locator("tbody tr").first().textContent()).toMatch(/\d\s?(?:bytes|k?B|MB)/);
  }
  expect(faults).toEqual([]);
  await page.close();
});

test("all that match a filter are chosen at once, seen before they go, and brought back", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/tags?filter=old-", place.owner);
  await page.getByRole("button", { name: "Select all that match" }).click();
  await page.getByText("3 selected").waitFor();
  await page.getByRole("button", { name: "Delete …" }).click();
  const preview = page.getByRole("region", { name: "What will be deleted" });
  await expect
    .poll(async () => (await preview.locator("strong").allTextContents()).toSorted())
    .toEqual(["old-1", "old-2", "old-3"]);
  await page.getByRole("button", { name: "Delete 3" }).click();
  await page.getByText("No tag contains").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect
    .poll(async () => (await tagsShown(page)).toSorted())
    .toEqual(["old-1", "old-2", "old-3"]);
  expect(faults).toEqual([]);
  await page.close();
});

test("what a program deletes goes from the open page within seconds, without a reload", async () => {
  const image = await app.image("amd64", "short-lived", { annotations: { short: "yes" } });
  const { page, faults } = await open("/repositories/demo/app/-/tags?filter=short");
  const row = page.getByRole("link", { name: "short-lived", exact: true });
  await row.waitFor();
  await place.api("DELETE", `/repositories/demo/app/-/manifests/${image.digest}`);
  await row.waitFor({ state: "detached" });
  await page.getByText("No tag contains").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("images without a tag and artifacts are there, by kind and by whether they have a tag", async () => {
  const { page, faults } = await open("/repositories/demo/app/-/versions");
  await page.locator("tbody tr").first().waitFor();
  await page.getByLabel("Kind").selectOption("sbom");
  await page.waitForURL(/kind=sbom/);
  await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
  await page.getByLabel("Tags").selectOption("true");
  await page.waitForURL(/tagged=true/);
  await expect.poll(() => page.locator("tbody tr").count()).toBe(0);
  await page.getByLabel("Kind").selectOption("index");
  await page.getByRole("link", { name: index.digest }).waitFor();
  await page.getByLabel("Tags").selectOption("false");
  await page.waitForURL(/tagged=false/);
  await page.getByLabel("Kind").selectOption("image");
  // The children of the index.
  await expect.poll(() => page.locator("tbody tr").count()).toBe(2);
  expect(faults).toEqual([]);
  await page.close();
});

test("the keyboard alone leads through a repository's and a namespace's pages, and sorts", async () => {
  const { page, faults } = await open("/repositories/demo/app", place.owner);
  await page.getByRole("heading", { name: "demo/app", level: 1 }).waitFor();
  await tabTo(page, "Tags");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/-\/tags$/);
  await page.getByRole("link", { name: "stable", exact: true }).waitFor();
  // The heading has the focus: a screen reader reads it.
  expect(await page.evaluate("document.activeElement.tagName")).toBe("H1");
  await tabTo(page, "Compressed size");
  await page.keyboard.press("Enter");
  await page.waitForURL(/sort=size&order=desc/);
  await page.goto(`${place.server.url}/namespaces/demo`);
  await page.getByRole("link", { name: "demo/releases" }).waitFor();
  await tabTo(page, "Retention");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/namespaces\/demo\/retention$/);
  expect(faults).toEqual([]);
  await page.close();
});
