/**
 * The console's pages of a large registry: 10,000 repositories, 100,000 tags in one, an index of 60 platforms with 2,000
 * referrers. Each page asks the API once; how long it takes is printed, and decides nothing.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { databaseFile } from "../../scripts/scale/seed.ts";
import { type Server, startServer } from "../../scripts/server.ts";
import { openBrowser, openPage, shot } from "./browser.ts";
import { Pusher } from "./images.ts";

const REPOSITORIES = 9_990;
const TAGS = 100_000;
const PLATFORMS = 60;
const REFERRERS = 2_000;
/** How many of them are pushed at the same time. */
const AT_ONCE = 20;
const PREPARED_MS = 1_800_000;
let data: string;
let server: Server;
let browser: Browser;
let context: BrowserContext;
let index: string;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "slipway-large-"));
  const env = { ADMIN_PASSWORD: randomBytes(12).toString("hex") };
  const empty = await startServer({ data, env });
  const pusher = new Pusher(empty, "big/app");
  const images = [];
  for (let n = 0; n < PLATFORMS; n++) images.push(await pusher.image(`arch${n}`));
  const pushed = await pusher.index(images, "1.0");
  for (let n = 0; n < REFERRERS; n += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) =>
        pusher.referrer(pushed, "application/spdx+json", { n: `${n + i}` }),
      ),
    );
  }
  index = pushed.digest;
  await empty.stop();
  fill(await databaseFile(data), images[0]?.digest ?? "");
  [server, browser] = await Promise.all([startServer({ data, env }), openBrowser()]);
  context = await browser.newContext({ locale: "en-GB", viewport: { width: 1200, height: 800 } });
}, PREPARED_MS);

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await rm(data, { recursive: true, force: true });
});

function fill(file: string, digest: string): void {
  const db = new DatabaseSync(file);
  db.exec("UPDATE repositories SET visibility = 'public'");
  db.prepare(
    `WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?)
    INSERT INTO repositories (name, created_at, visibility, description)
    SELECT printf('many/app-%05d', n), 0, 'public', 'Number ' || n FROM n`,
  ).run(REPOSITORIES);
  db.prepare(
    `WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n + 1 < ?)
    INSERT INTO tags (repository_id, name, digest, updated_at, version_key, size)
    SELECT (SELECT id FROM repositories WHERE name = 'big/app'), printf('v%07d', n), ?, n, printf('v%07d', n), n FROM n`,
  ).run(TAGS, digest);
  db.close();
}

test.each([
  ["the home page", "/", ".repositories li"],
  ["a search", "/?q=number", ".repositories li"],
  ["the tags", "/repositories/big/app/-/tags", "tbody tr"],
  ["the largest tags", "/repositories/big/app/-/tags?sort=size&order=desc", "tbody tr"],
  ["the versions", "/repositories/big/app/-/versions", "tbody tr"],
  ["the index", "/repositories/big/app/-/manifests/INDEX", "tbody tr"],
])("%s of a large registry are one call of the API and one screen", async (title, path, row) => {
  const { page, faults } = await openPage(context, server.url);
  const calls: string[] = [];
  let answeredAt = 0;
  page.on("request", (request) => {
    if (request.url().includes("/api/v1/")) calls.push(request.url());
  });
  page.on("requestfinished", (request) => {
    if (request.url().includes("/api/v1/") && answeredAt === 0) answeredAt = performance.now();
  });
  await page.goto(server.url + path.replace("INDEX", index));
  await page.locator(row).first().waitFor();
  console.log(
    `${title}: content ${(performance.now() - answeredAt).toFixed(0)} ms after the answer`,
  );
  expect(calls.length, calls.join("\n")).toBe(1);
  expect(await page.locator(row).count()).toBeLessThanOrEqual(201);
  await shot(page, `large-${title.replaceAll(" ", "-")}`);
  expect(faults).toEqual([]);
  await page.close();
});

test("all referrers of the index are shown, a hundred a page", async () => {
  const { page, faults } = await openPage(context, server.url);
  await page.goto(`${server.url}/repositories/big/app/-/manifests/${index}`);
  const rows = page.locator(".tree > li > ul > li");
  const seen = new Set<string | null>();
  for (let at = 1; at <= REFERRERS / 100; at++) {
    await expect.poll(() => rows.count()).toBe(100);
    const links = await rows
      .getByRole("link")
      .evaluateAll((all) => all.map((one) => one.getAttribute("href")));
    for (const link of links) seen.add(link);
    expect(seen.size).toBe(at * 100);
    if (at === REFERRERS / 100) break;
    await page.getByRole("link", { name: "Next page" }).click();
    const first = links[0] ?? "";
    await page.locator(`.tree a[href="${first}"]`).waitFor({ state: "detached" });
  }
  expect(await page.getByRole("link", { name: "Next page" }).count()).toBe(0);
  expect(faults).toEqual([]);
  await page.close();
});
