/** The pages that manage, in German and from right to left, and what a screen reader is told of the main pages. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAccessible, shot } from "./browser.ts";
import { type Console, openConsole, visit } from "./console.ts";
import { Pusher } from "./images.ts";

const MANAGED = [
  "/account",
  "/account/tokens",
  "/account/sessions",
  "/namespaces",
  "/namespaces/demo",
  "/namespaces/demo/members",
  "/namespaces/demo/robots",
  "/namespaces/demo/trust-rules",
  "/namespaces/demo/trust-rules?new=github",
  "/namespaces/demo/retention",
  "/namespaces/demo/quota",
  "/namespaces/demo/audit",
  "/namespaces/demo/settings",
  "/admin",
  "/admin/users",
  "/admin/gc",
  "/admin/fsck",
  "/admin/backups",
  "/admin/events",
  "/admin/audit",
];

let place: Console;

beforeAll(async () => {
  place = await openConsole();
  await place.api("POST", "/namespaces", { name: "demo" });
  const more = { visibility: "public", description: "An app." };
  await place.api("POST", "/repositories", { name: "demo/app", ...more });
  await new Pusher(place.server, "demo/app").image("amd64", "1.0");
});

afterAll(() => place?.close());

test.each([
  ["German", "de", "ltr"],
  ["right to left", "ar-XB", "rtl"],
])("the pages that manage are whole in %s, also at 320 pixels", async (title, lang, dir) => {
  const { page, faults } = await visit(place.owner, place.server.url, `/?lang=${lang}`);
  for (const path of MANAGED) {
    const to = new URL(path, place.server.url);
    to.searchParams.set("lang", lang);
    await page.setViewportSize({ width: 1200, height: 800 });
    await page.goto(to.href);
    await page.locator("main h1").waitFor();
    await expect.poll(() => page.locator("main .loading").count(), { message: path }).toBe(0);
    // The pseudo-language has the English texts.
    expect(await page.locator("html").getAttribute("lang"), path).toBe(lang === "de" ? "de" : "en");
    expect(await page.evaluate("getComputedStyle(document.body).direction"), path).toBe(dir);
    await expectAccessible(page);
    await page.setViewportSize({ width: 320, height: 800 });
    expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(
      320,
    );
  }
  await shot(page, `manage-${title.replaceAll(" ", "-")}`);
  expect(faults).toEqual([]);
  await page.close();
});

test.each([
  [
    "/",
    [
      "banner:",
      'searchbox "Search repositories"',
      'heading "Repositories" [level=1]',
      'link "demo/app"',
    ],
  ],
  [
    "/repositories/demo/app/-/tags",
    [
      'navigation "Where you are"',
      'heading "demo/app · Tags" [level=1]',
      'navigation "Pages of the repository"',
      'searchbox "Filter tags"',
      'group "Selection"',
      'checkbox "Select 1.0"',
      'table "Tags"',
      'columnheader "Compressed size"',
    ],
  ],
  [
    "/namespaces/demo/members",
    ['heading "demo · Members" [level=1]', 'button "Add a member"', "contentinfo"],
  ],
])("a screen reader is told the names of what %s has", async (path, names) => {
  const { page, faults } = await visit(place.owner, place.server.url, path);
  await page.locator("main h1").waitFor();
  await expect.poll(() => page.locator("main .loading").count()).toBe(0);
  const tree = await page.locator("body").ariaSnapshot();
  for (const name of names) expect(tree).toContain(name);
  // Nothing that can be pressed is without a name.
  expect(tree).not.toMatch(/- (?:button|link|checkbox|combobox|textbox|searchbox)(?::| \[|$)/m);
  expect(faults).toEqual([]);
  await page.close();
});
