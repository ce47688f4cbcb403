/** The pages of a repository, in a real browser, with what builders, signers and attackers push. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import type { Manifest } from "../support/images.ts";
import { expectAccessible, openBrowser, openPage, shot, type Watched } from "./browser.ts";
import { ATTACK, Pusher } from "./images.ts";

/** A site that no test may reach without the reader's consent. */
const ELSEWHERE = "https://images.example";
const README = `# App

It *works*. See the [documentation](https://docs.example/app), [usage](#usage), [a script](javascript:alert(3)),
and [a file](docs/more.md).

![A remote picture](${ELSEWHERE}/picture.png) ![a local one](logo.png)

### Usage

| Setting | Meaning |
|---|---|
| \`MODE\` | how fast |

- [x] done
- [ ] to do

\`\`\`sh
docker run --rm -p 8080:80 -e MODE=fast --name app --hostname app.example registry.example/demo/app:1.10
\`\`\`

${ATTACK}

<iframe src="${ELSEWHERE}/"></iframe>
`;

const HEADINGS = `[...document.querySelectorAll(".readme :is(h1, h2, h3, h4)")].map(
  ({ tagName, textContent }) => tagName + " " + textContent)`;

let server: Server;
let browser: Browser;
let visitor: BrowserContext;
let owner: BrowserContext;
let app: Pusher;
let index: Manifest;
let image: Manifest;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), openBrowser()]);
  const look = { locale: "en-GB", viewport: { width: 1200, height: 800 } };
  visitor = await browser.newContext(look);
  owner = await browser.newContext(look);
  await owner.grantPermissions(["clipboard-read", "clipboard-write"]);
  const signedIn = await owner.request.post(`${server.url}/api/v1/sessions`, {
    data: { name: "admin", password: server.password },
    headers: { origin: server.url },
  });
  expect(signedIn.status()).toBe(201);
  await make("demo/app", {
    visibility: "public",
    description: "An app with everything.",
    readme: README,
    labels: {
      team: "web",
      hostile: ATTACK,
      "org.opencontainers.image.source": "https://git.example/demo/app",
    },
    immutableTags: [{ tags: "0.9" }],
  });
  app = new Pusher(server, "demo/app");
  for (const version of ["0.9", "1.2", "1.3"]) await app.image("amd64", version);
  index = await app.multiPlatform("1.10");
  await app.manifest(index, "latest");
  image = await app.image("amd64", "plain", { annotations: { hostile: ATTACK } });
  await app.signature(index);
  await app.referrer(image, "application/spdx+json", { note: ATTACK });
  await app.referrer(image, "application/vnd.dev.cosign.artifact.sig.v1+json", { by: "me" });
  await make("demo/chart", { visibility: "public" });
  await new Pusher(server, "demo/chart").chart("0.1.0");
  for (let count = 0; count < 3; count++) await app.pull("plain");
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

async function make(name: string, more: object): Promise<void> {
  const response = await fetch(`${server.url}/api/v1/repositories`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`admin:${server.password}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ name, ...more }),
  });
  expect(response.status, await response.text()).toBe(201);
}

/** Opens a page of the repository; a dialog would be a script's. */
async function open(context: BrowserContext, path: string): Promise<Watched> {
  const watched = await openPage(context, server.url);
  watched.page.on("dialog", (dialog) => {
    watched.faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await watched.page.goto(`${server.url}/repositories/demo/${path}`);
  return watched;
}

async function inBothThemes(page: Page, name: string): Promise<void> {
  await expectAccessible(page);
  await shot(page, `${name}-light`);
  await page.emulateMedia({ colorScheme: "dark" });
  await expectAccessible(page);
  await shot(page, `${name}-dark`);
  await page.emulateMedia({ colorScheme: "light" });
}

function tagsShown(page: Page): Promise<string[]> {
  return page.locator("tbody .tag-name > .marks > a").allTextContents();
}

test("the overview has readme, links, labels and the command of the reader's client", async () => {
  const { page, faults } = await open(visitor, "app");
  await page.getByRole("heading", { name: "Usage" }).waitFor();
  // The readme's own headings stand below the page's, without a gap.
  expect(await page.evaluate(HEADINGS)).toEqual(["H2 App", "H3 Usage"]);
  const outside = page.getByRole("link", { name: "documentation" });
  expect(await outside.getAttribute("rel")).toBe("nofollow noopener ugc");
  expect(await page.getByRole("link", { name: "a script" }).count()).toBe(0);
  expect(await page.getByText("a file").count()).toBe(1);
  expect(await page.locator(".readme :is(img, iframe, script)").count()).toBe(0);
  expect(await page.locator(".readme").textContent()).toContain(ATTACK);
  await page.getByRole("link", { name: "git.example/demo/app" }).waitFor();
  const command = page.getByLabel("pull command", { exact: true });
  await expect.poll(() => command.textContent()).toBe(`docker pull ${server.host}/demo/app:latest`);
  await page.getByLabel("Pull with").selectOption("podman");
  await page.getByLabel("Pull by").selectOption("digest");
  const byDigest = `podman pull ${server.host}/demo/app@${index.digest}`;
  expect(await command.textContent()).toBe(byDigest);
  await page.reload();
  await expect.poll(() => command.textContent()).toBe(byDigest);
  await page.getByLabel("Pull with").selectOption("kubernetes");
  expect(await command.textContent()).toContain("imagePullSecrets");
  await page.getByRole("heading", { name: "Usage" }).waitFor();
  await inBothThemes(page, "overview");
  expect(faults).toEqual([]);
  await page.close();
});

test("images of other sites are loaded after consent alone, without a word of the reader's page", async () => {
  const { page, faults } = await open(visitor, "app");
  const asked: string[] = [];
  await visitor.route(`${ELSEWHERE}/**`, (route) => {
    asked.push(`${route.request().url()} ${route.request().headers()["referer"] ?? "no referrer"}`);
    const body = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>`);
    return route.fulfill({ contentType: "image/svg+xml", body });
  });
  await page.getByRole("link", { name: "[A remote picture]" }).waitFor();
  // The address alone is no consent: it may be a link of the image's own site.
  await page.goto(`${server.url}/repositories/demo/app?images=remote`);
  await page.getByRole("link", { name: "[A remote picture]" }).waitFor();
  expect(asked).toEqual([]);
  await page.getByRole("button", { name: "Load images from other sites" }).click();
  await page.getByRole("img", { name: "A remote picture" }).waitFor();
  await expect.poll(() => asked).toEqual([`${ELSEWHERE}/picture.png no referrer`]);
  expect(faults).toEqual([`request to ${ELSEWHERE}/picture.png`]);
  await visitor.unroute(`${ELSEWHERE}/**`);
  await page.close();
});

test("tags are rows; the server sorts and filters them, and the address keeps it", async () => {
  const { page, faults } = await open(visitor, "app/-/tags");
  await page.getByRole("link", { name: "plain" }).waitFor();
  // Not by the alphabet, in which 1.10 is before 1.2; and signatures are no tags of people.
  await page.getByRole("button", { name: /^Tag/ }).click();
  await page.waitForURL(/sort=version&order=desc/);
  await expect
    .poll(() => tagsShown(page))
    .toEqual(["1.10", "1.3", "1.2", "0.9", "plain", "latest"]);
  expect(await page.getByRole("columnheader", { name: /^Tag/ }).getAttribute("aria-sort")).toBe(
    "descending",
  );
  const row = page.locator("tr", { has: page.getByRole("link", { name: "1.10", exact: true }) });
  expect(await row.textContent()).toContain("same as latest");
  for (const badge of ["signed", "SBOM", "provenance"]) {
    expect(await row.locator(".badge").allTextContents()).toContain(badge);
  }
  expect(await row.locator("code").allTextContents()).toEqual(
    expect.arrayContaining(["linux/amd64", "linux/arm64"]),
  );
  await page.getByRole("searchbox", { name: "Filter tags" }).fill("1.");
  await page.waitForURL(/filter=1\./);
  await expect.poll(() => tagsShown(page)).toEqual(["1.10", "1.3", "1.2"]);
  await page.goBack();
  await expect.poll(async () => (await tagsShown(page)).length).toBe(6);
  await page.goBack();
  await expect.poll(async () => (await tagsShown(page))[0]).toBe("plain");
  await inBothThemes(page, "tags");
  await page.goto(
    `${server.url}/repositories/demo/app/-/tags?filter=${encodeURIComponent(ATTACK)}`,
  );
  await page.getByText("No tag contains").waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("a list's page is one call of the API", async () => {
  const { page, faults } = await open(visitor, "app/-/tags");
  await page.getByRole("link", { name: "plain" }).waitFor();
  const calls: string[] = [];
  page.on("request", (request) => {
    if (request.url().includes("/api/")) calls.push(new URL(request.url()).pathname);
  });
  await page.reload();
  await page.getByRole("link", { name: "plain" }).waitFor();
  expect(calls).toEqual(["/api/v1/repositories/demo/app/-/tags"]);
  calls.length = 0;
  await page.getByRole("link", { name: "plain" }).click();
  await page.getByRole("heading", { name: "Layers" }).waitFor();
  expect(calls).toEqual([`/api/v1/repositories/demo/app/-/manifests/${image.digest}/details`]);
  expect(faults).toEqual([]);
  await page.close();
});

test("a tag that somebody else pushed shows when the reader comes back to the page", async () => {
  const { page, faults } = await open(visitor, "app/-/tags?filter=elsewhere");
  await page.getByText("No tag contains").waitFor();
  await app.manifest(image, "elsewhere");
  await page.evaluate("dispatchEvent(new Event('focus'))");
  await page.getByRole("link", { name: "elsewhere" }).waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("in German and from right to left nothing is missing or hidden", async () => {
  const german = await browser.newContext({ locale: "de-DE" });
  const { page, faults } = await open(german, "app/-/tags");
  await page.getByRole("columnheader", { name: "Größe, komprimiert" }).waitFor();
  await expectAccessible(page);
  await page.goto(`${server.url}/repositories/demo/app/-/tags?lang=ar-XB`);
  await page.getByRole("link", { name: "plain" }).waitFor();
  await expectAccessible(page);
  await shot(page, "tags-right-to-left");
  expect(faults).toEqual([]);
  await german.close();
});

test("versions are all manifests, by their kinds, with or without a tag", async () => {
  const { page, faults } = await open(visitor, "app/-/versions");
  await page.getByRole("table").waitFor();
  const all = await page.locator("tbody tr").count();
  await page.getByLabel("Tags").selectOption("false");
  await page.waitForURL(/tagged=false/);
  await expect.poll(() => page.locator("tbody tr").count()).toBeLessThan(all);
  await page.getByLabel("Kind").selectOption("sbom");
  await expect.poll(() => page.locator("tbody tr").count()).toBe(1);
  await page.goBack();
  await page.goBack();
  await expect.poll(() => page.locator("tbody tr").count()).toBe(all);
  await inBothThemes(page, "versions");
  expect(faults).toEqual([]);
  await page.close();
});

test("a manifest's page: layers with commands, config, referrers, pulls; all of it text", async () => {
  const { page, faults } = await open(visitor, `app/-/manifests/${image.digest}`);
  await page.getByRole("heading", { name: "Layers" }).waitFor();
  const layers = page.getByRole("table", { name: "Layers" });
  expect(await layers.textContent()).toContain("ADD file:0123 in /");
  expect(await layers.textContent()).toContain(`RUN echo '${ATTACK}'`);
  expect(await layers.textContent()).toContain("no time at all");
  expect(await layers.textContent()).not.toContain("other image");
  expect(await page.locator("main").textContent()).toContain(`HOSTILE=${ATTACK}`);
  expect(await page.locator("main").textContent()).toContain("/bin/app --listen 0.0.0.0:80");
  const tree = page.locator(".tree");
  expect(await tree.locator("> li > strong").allTextContents()).toEqual(["signature", "SBOM"]);
  await tree.getByText("1 annotation").last().click();
  expect(await tree.textContent()).toContain(ATTACK);
  expect(await page.locator("main :is(script, img[src])").count()).toBe(0);
  await page.getByText("As a table").click();
  await page.getByRole("table", { name: "Pulls of the last 30 days" }).waitFor();
  await inBothThemes(page, "manifest");
  expect(faults).toEqual([]);
  await page.close();
});

test("an index shows its platforms, and what the builder attached as badges on them", async () => {
  const { page, faults } = await open(visitor, `app/-/manifests/${index.digest}`);
  const table = page.getByRole("table", { name: "Platforms of this index" });
  await table.waitFor();
  expect(await table.locator("tbody tr").count()).toBe(2);
  expect(await page.locator("main").textContent()).not.toContain("unknown/unknown");
  expect(await table.getByRole("link", { name: "SBOM, provenance" }).count()).toBe(2);
  await inBothThemes(page, "index");
  await table.getByRole("link", { name: "linux/arm64" }).click();
  await page.getByRole("heading", { name: "Layers" }).waitFor();
  await page.goBack();
  await table.waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("a chart is pulled by helm", async () => {
  const { page, faults } = await open(visitor, "chart");
  const command = page.getByLabel("pull command", { exact: true });
  await page.getByLabel("Pull by").selectOption("tag");
  await expect
    .poll(() => command.textContent())
    .toBe(`helm pull oci://${server.host}/demo/chart --version 0.1.0`);
  expect(faults).toEqual([]);
  await page.close();
});

test("by the keyboard alone tags are chosen, deleted after a preview, and brought back", async () => {
  const { page, faults } = await open(owner, "app/-/tags?filter=1.");
  await page.getByRole("link", { name: "1.10", exact: true }).waitFor();
  await page.getByRole("checkbox", { name: "Select 1.2" }).focus();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Select all that match" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("3 selected").waitFor();
  await page.getByRole("button", { name: "Delete …" }).focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "What will be deleted" });
  await dialog.getByText("3 tags are deleted.").waitFor();
  // Closing gives the focus back to where it was.
  await dialog.getByRole("button", { name: "Cancel" }).press("Enter");
  await dialog.waitFor({ state: "detached" });
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Delete …");
  await page.keyboard.press("Enter");
  await dialog.getByText("3 tags are deleted.").waitFor();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  // 1.10 has another tag, latest: its image stays.
  await dialog.getByText("2 images go with them.").waitFor();
  await inBothThemes(page, "delete-preview");
  await dialog.getByRole("button", { name: "Delete 3" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText("No tag contains").waitFor();
  await page.getByText("3 deleted").waitFor();
  await expect.poll(() => page.evaluate("document.activeElement.ariaLabel")).toBe("Selection");
  await shot(page, "deleted");
  await page.getByRole("button", { name: "Undo" }).focus();
  await page.keyboard.press("Enter");
  await expect.poll(async () => (await tagsShown(page)).toSorted()).toEqual(["1.10", "1.2", "1.3"]);
  expect(faults).toEqual([]);
  await page.close();
});

test("a tag that moved after it was chosen comes back as it was deleted", async () => {
  await app.image("amd64", "moving");
  const { page, faults } = await open(owner, "app/-/tags?filter=moving");
  await page.getByRole("checkbox", { name: "Select moving" }).check();
  await page.getByRole("button", { name: "Delete …" }).click();
  const moved = await app.image("amd64", "moving", { annotations: { build: "2" } });
  await page.getByRole("button", { name: "Delete 1" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Undone").waitFor();
  await page.getByRole("link", { name: "moving", exact: true }).waitFor();
  expect(await page.getByRole("link", { name: "moving", exact: true }).getAttribute("href")).toBe(
    `/repositories/demo/app/-/manifests/${moved.digest}`,
  );
  expect(faults).toEqual([]);
  await page.close();
});

test("immutable tags stay, which the preview says", async () => {
  const { page, faults } = await open(owner, "app/-/tags?filter=0.9");
  await page.getByRole("checkbox", { name: "Select 0.9" }).check();
  await page.getByRole("button", { name: "Delete …" }).click();
  await page.getByText("1 tag is immutable and stays.").waitFor();
  expect(await page.getByRole("button", { name: "Delete 0" }).isDisabled()).toBe(true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  expect(faults).toEqual([]);
  await page.close();
});

test("the trash has what was moved and deleted, and restores it", async () => {
  const gone = await app.image("amd64", "gone");
  const { page, faults } = await open(owner, `app/-/manifests/${gone.digest}`);
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("button", { name: "Delete 1" }).click();
  await page.getByText("1 deleted").waitFor();
  await page.waitForURL(/\/-\/versions$/);
  await page.getByRole("link", { name: "Trash" }).click();
  await page.getByRole("button", { name: "Restore gone" }).waitFor();
  await inBothThemes(page, "trash-tags");
  await page.getByLabel("Show").selectOption("manifests");
  await page.waitForURL(/show=manifests/);
  await page.getByRole("button", { name: `Restore ${gone.digest}` }).click();
  await page.getByText("Restored:").waitFor();
  await page.getByRole("link", { name: "Tags", exact: true }).click();
  await page.getByRole("link", { name: "gone", exact: true }).click();
  const past = page.getByRole("table", { name: "Former tags" });
  await past.waitFor();
  expect(await past.locator("tbody").textContent()).toMatch(/^gonedeleted.*admin$/);
  expect(faults).toEqual([]);
  await page.close();
});

test("settings are changed, and the repository is deleted by its name and restored", async () => {
  await make("demo/old", { description: "before" });
  const { page, faults } = await open(owner, "old/-/settings");
  await page.getByLabel("Description").fill("after");
  await page.getByLabel("Readme").fill("# Hello\n\n" + ATTACK);
  await page.getByRole("button", { name: "Preview the readme" }).click();
  await page.locator(".readme h2", { hasText: "Hello" }).waitFor();
  await page.getByRole("button", { name: "Add a label" }).click();
  await page.getByLabel("Name of label 1").fill("team");
  await page.getByLabel("Value of label 1").fill("web");
  await page.getByRole("button", { name: "Add a pattern" }).click();
  await page.getByLabel("Tags like").fill("v[0-9]*");
  await page.getByLabel("except").fill("v0");
  await inBothThemes(page, "settings");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Overview" }).click();
  await page.getByText("after", { exact: true }).waitFor();
  await page.getByText("team: web").waitFor();
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByLabel("Tags like").waitFor();
  expect(await page.getByLabel("Tags like").inputValue()).toBe("v[0-9]*");
  expect(await page.getByLabel("except").inputValue()).toBe("v0");
  await page.getByRole("button", { name: "Delete the repository" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("demo/other");
  await dialog.getByRole("button", { name: "Delete the repository" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByRole("textbox").fill("demo/old");
  await dialog.getByRole("button", { name: "Delete the repository" }).click();
  await page.getByText("Deleted: demo/old").waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.waitForURL(/\/repositories\/demo\/old$/);
  await page.getByText("after", { exact: true }).waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

test("visitors have no way to what is for maintainers, and no repository that they may not see", async () => {
  await make("demo/secret", {});
  const { page, faults } = await open(visitor, "app/-/tags");
  await page.getByRole("link", { name: "plain" }).waitFor();
  expect(await page.getByRole("link", { name: "Settings" }).count()).toBe(0);
  expect(await page.getByRole("checkbox").count()).toBe(0);
  await page.goto(`${server.url}/repositories/demo/secret`);
  await page.getByRole("alert").waitFor();
  await expectAccessible(page);
  expect(faults.filter((fault) => !/40[134]/.test(fault))).toEqual([]);
  await page.close();
});

test("at 320 pixels no page of a repository is wider than the screen", async () => {
  const narrow = await browser.newContext({
    storageState: await owner.storageState(),
    locale: "en-GB",
    viewport: { width: 320, height: 640 },
  });
  const pages = {
    overview: "app",
    tags: "app/-/tags",
    versions: "app/-/versions",
    manifest: `app/-/manifests/${image.digest}`,
    index: `app/-/manifests/${index.digest}`,
    trash: "app/-/trash",
    settings: "app/-/settings",
  };
  for (const [name, path] of Object.entries(pages)) {
    const { page, faults } = await open(narrow, path);
    await page.getByRole("navigation", { name: "Pages of the repository" }).waitFor();
    await page.locator("main .loading").first().waitFor({ state: "detached" });
    await expect.poll(() => page.locator("main .loading").count()).toBe(0);
    expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(
      320,
    );
    await expectAccessible(page);
    await shot(page, `${name}-320`);
    expect(faults, path).toEqual([]);
    await page.close();
  }
  await narrow.close();
});
