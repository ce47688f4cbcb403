/** What people see of scans, in a real browser: findings, packages, policies, and which images have a vulnerability. */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Manifest } from "../support/images.ts";
import { content } from "../support/images.ts";
import { expectAccessible, shot, type Watched } from "./browser.ts";
import { type Console, openConsole, REFRESH, visit } from "./console.ts";
import { ATTACK, Pusher } from "./images.ts";
import {
  alpineLayer,
  npmLayer,
  type Osv,
  pushIndex,
  pushLayers,
  runJobs,
  startOsv,
} from "./scans.ts";

const NAME = "acme/app";
/** The name of a package with markup in it. */
const HOSTILE = `x${ATTACK}`;
const MANY = Array.from({ length: 60 }, (_, n) => `p${String(n).padStart(2, "0")}`);

let osv: Osv;
let place: Console;
let app: Pusher;
let old: Manifest;
let fresh: Manifest;
let both: Manifest;
let many: Manifest;
let broken: Manifest;

beforeAll(async () => {
  osv = await startOsv([
    {
      id: "CVE-2099-1",
      package: "left-pad",
      severity: "CRITICAL",
      fixed: "1.3.0",
      summary: `Pads too far ${ATTACK}`,
    },
    { id: "CVE-2099-2", package: "left-pad", severity: "HIGH" },
    { id: "CVE-2099-3", package: "is-odd", severity: "MODERATE", fixed: "2.0.0" },
    { id: "CVE-2099-4", package: HOSTILE, ecosystem: "Alpine:v3.19", severity: "LOW" },
    { id: "CVE-2099-5", package: "new-one", severity: "HIGH", fixed: "9.0.0" },
    ...MANY.map((name) => ({ id: `GHSA-${name}`, package: name, severity: "LOW" as const })),
  ]);
  place = await openConsole({ env: { OSV_URL: osv.url } });
  const { api, server } = place;
  // The cron has turned scanning on before the first push.
  await runJobs(server);
  await api("POST", "/namespaces", { name: "acme" });
  await api("POST", "/repositories", { name: NAME, visibility: "public", description: "An app." });
  app = new Pusher(server, NAME);
  const base = npmLayer({ "left-pad": "1.0.0" });
  old = await pushLayers(
    app,
    [
      ["COPY base /", base],
      [`RUN echo '${ATTACK}' && npm install`, npmLayer({ "is-odd": "1.0.0" })],
      ["ADD alpine /", alpineLayer(HOSTILE, "1.0.0-r0")],
    ],
    "1.0",
  );
  fresh = await pushLayers(
    app,
    [
      ["COPY base /", base],
      ["RUN npm install new-one", npmLayer({ "new-one": "1.0.0" })],
    ],
    "1.1",
  );
  many = await pushLayers(
    app,
    [["COPY many /", npmLayer(Object.fromEntries(MANY.map((name) => [name, "1.0.0"])))]],
    "many",
  );
  both = await pushIndex(app, { "linux/amd64": old, "linux/arm64": fresh }, "multi");
  broken = await pushLayers(app, [["COPY x /", content(new Uint8Array(2_000).fill(65))]], "broken");
  await scanAll([old, fresh, many]);
});

afterAll(async () => {
  await place?.close();
  osv?.close();
});

/** Runs the jobs until these images were matched. */
async function scanAll(images: readonly Manifest[]): Promise<void> {
  for (let turns = 0; turns < 50; turns++) {
    await runJobs(place.server);
    const scans = await Promise.all(images.map(({ digest }) => scanOf(digest)));
    if (scans.every(({ matchedAt }) => matchedAt !== null)) return;
  }
  throw new Error("the scans do not end");
}

interface Scan {
  readonly matchedAt: string | null;
}

async function scanOf(digest: string): Promise<Scan> {
  const found = await place.api(
    "GET",
    `/repositories/${NAME}/-/manifests/${digest}/vulnerabilities`,
  );
  const [scan] = found["images"] as readonly Scan[];
  if (scan === undefined) throw new Error("the image has no scan");
  return scan;
}

function open(path: string, context: BrowserContext = place.owner): Promise<Watched> {
  return visit(context, place.server.url, path);
}

const page = (image: Manifest, rest = "") =>
  `/repositories/${NAME}/-/manifests/${image.digest}${rest}`;

/** Looks at a page by axe in light, dark and at 320 pixels, and keeps pictures of it. */
async function expectGood(shown: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await shown.emulateMedia({ colorScheme });
    await expectAccessible(shown);
    await shot(shown, `scanning-${name}-${colorScheme}`);
  }
  await shown.emulateMedia({ colorScheme: "light" });
  await shown.setViewportSize({ width: 320, height: 800 });
  await expectAccessible(shown);
  await shot(shown, `scanning-${name}-320`);
  expect(await shown.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(320);
  await shown.setViewportSize({ width: 1200, height: 800 });
}

describe("the vulnerabilities of an image", () => {
  test("are counted and listed the worst first, with fix, layer and the command that made it", async () => {
    const { page: shown, faults } = await open(page(old, "/vulnerabilities"), place.visitor);
    const row = shown.locator("tbody tr").first();
    await row.waitFor();
    const badges = shown.locator("main > .marks, main p .badge");
    expect((await badges.allTextContents()).filter((text) => /^\d/.test(text))).toEqual([
      "1 critical",
      "1 high",
      "1 medium",
      "1 low",
    ]);
    expect(await row.textContent()).toMatch(/critical.*CVE-2099-1.*left-pad.*1\.3\.0.*COPY base/);
    await shown.getByText("Scanned by").first().waitFor();
    const link = shown.getByRole("link", { name: "CVE-2099-1", exact: true });
    expect(await link.getAttribute("href")).toBe("https://osv.dev/vulnerability/CVE-2099-1");
    expect(await link.getAttribute("rel")).toContain("noopener");
    // Visitors may neither push nor decide.
    expect(await shown.getByRole("button", { name: /Scan now|Accept/ }).count()).toBe(0);
    await expectGood(shown, "vulnerabilities");
    expect(faults).toEqual([]);
    await shown.close();
  });

  test("are filtered by the server, and the filter is in the address", async () => {
    const { page: shown, faults } = await open(page(old, "/vulnerabilities"));
    await shown.getByLabel("Severity").selectOption("high");
    await shown.waitForURL(/severity=high/);
    await expect.poll(() => shown.locator("tbody tr").count()).toBe(2);
    await shown.getByLabel("Only those with a fix").check();
    await shown.waitForURL(/fixable=true/);
    await expect.poll(() => shown.locator("tbody tr").count()).toBe(1);
    await shown.reload();
    await expect.poll(() => shown.locator("tbody tr").count()).toBe(1);
    await shown.getByLabel("Severity").selectOption("critical");
    await shown.getByLabel("Only those with a fix").uncheck();
    await shown.waitForURL((url) => !url.search.includes("fixable"));
    expect(faults).toEqual([]);
    await shown.close();
  });

  test("of an index have counts for each platform, and the platforms that have each", async () => {
    const { page: shown, faults } = await open(page(both, "/vulnerabilities"));
    const platforms = shown.getByRole("region", { name: "Platforms of this index" });
    await platforms.getByRole("rowheader", { name: "linux/arm64" }).waitFor();
    expect(await platforms.locator("tbody tr").count()).toBe(2);
    const row = shown.locator("tbody tr", { hasText: "CVE-2099-5" });
    expect(await row.locator("code").allTextContents()).toContain("linux/arm64");
    expect(await row.textContent()).not.toContain("linux/amd64");
    await expectGood(shown, "index");
    expect(faults).toEqual([]);
    await shown.close();
  });

  test("that cannot be scanned says why", async () => {
    const { page: shown, faults } = await open(page(broken, "/vulnerabilities"));
    await shown.getByText("unscannable").waitFor();
    expect(await shown.locator("main").textContent()).toMatch(/unscannable.*layer sha256:/);
    await expectGood(shown, "unscannable");
    expect(faults).toEqual([]);
    await shown.close();
  });

  test("are scanned again when somebody asks for it", async () => {
    const { page: shown, faults } = await open(page(fresh, "/vulnerabilities"));
    const before = (await scanOf(fresh.digest)).matchedAt;
    await shown.getByRole("button", { name: "Scan now" }).click();
    await shown.getByText("The scan begins within a few minutes").waitFor();
    await expect
      .poll(async () => {
        await runJobs(place.server);
        return (await scanOf(fresh.digest)).matchedAt;
      })
      .not.toBe(before);
    expect(faults).toEqual([]);
    await shown.close();
  });

  test("are accepted by an owner with a reason, which is shown as text", async () => {
    const { page: shown, faults } = await open(page(old, "/vulnerabilities"));
    await shown.getByRole("button", { name: "Accept CVE-2099-2, left-pad" }).click();
    const dialog = shown.getByRole("dialog");
    await dialog.getByLabel("Reason").fill(`nobody pads ${ATTACK}`);
    await dialog.getByLabel("Until").fill("2099-01-31");
    await expectGood(shown, "accept");
    await dialog.getByRole("button", { name: "Accept", exact: true }).click();
    await shown.getByText("Accepted: CVE-2099-2").waitFor();
    await dialog.waitFor({ state: "detached" });
    const row = shown.locator("tbody tr", { hasText: "CVE-2099-2" });
    await expect.poll(() => row.textContent()).toContain(`nobody pads ${ATTACK}`);
    expect(await row.textContent()).toMatch(/accepted.*by admin.*until Jan 31, 2099/);
    await expectGood(shown, "accepted");
    expect(faults).toEqual([]);
    await shown.close();
  });
});

describe("the packages of an image", () => {
  test("are listed, filtered by the server, and had as an SBOM", async () => {
    const { page: shown, faults } = await open(page(old, "/packages"));
    await shown.getByText("3 packages").waitFor();
    expect(await shown.locator("tbody").textContent()).toContain(HOSTILE);
    await expectGood(shown, "packages");
    await shown.getByLabel("Filter packages").fill("ODD");
    await shown.waitForURL(/filter=ODD/);
    await expect.poll(() => shown.locator("tbody tr").count()).toBe(1);
    for (const format of ["CycloneDX", "SPDX"]) {
      const started = shown.waitForEvent("download");
      await shown.getByRole("link", { name: `Download SBOM (${format})` }).click();
      const download = await started;
      expect(download.suggestedFilename()).toMatch(/^acme-app-[0-9a-f]{12}\.(?:cdx|spdx)\.json$/);
      expect(await download.failure()).toBeNull();
    }
    expect(faults).toEqual([]);
    await shown.close();
  });
});

test("the keyboard alone leads from a tag to its vulnerabilities", async () => {
  const { page: shown, faults } = await open(page(old));
  const tab = shown.getByRole("link", { name: "Vulnerabilities" });
  await tab.waitFor();
  await tab.focus();
  await shown.keyboard.press("Enter");
  await shown.waitForURL(/\/vulnerabilities$/);
  await shown.locator("tbody tr").first().waitFor();
  await shown.evaluate(REFRESH);
  expect(faults).toEqual([]);
  await shown.close();
});

test("a list of tags says what was found in each image, and leads there", async () => {
  const { page: shown, faults } = await open(`/repositories/${NAME}/-/tags?sort=version&order=asc`);
  const badges = async (tag: string) => {
    const row = shown.locator("tbody tr", {
      has: shown.getByRole("link", { name: tag, exact: true }),
    });
    await row.waitFor();
    return row.locator('a[href$="/vulnerabilities"] .badge').allTextContents();
  };
  expect(await badges("1.0")).toContain("1 critical");
  expect(await badges("1.1")).toEqual(["1 critical", "2 high"]);
  expect(await badges("many")).toEqual(["60 low"]);
  expect(await badges("multi")).toEqual(["1 critical", "2 high"]);
  expect(await badges("broken")).toEqual(["unscannable"]);
  await expectGood(shown, "tags");
  await shown.locator('a[href$="/vulnerabilities"]').first().click();
  await shown.waitForURL(/\/vulnerabilities$/);
  expect(faults).toEqual([]);
  await shown.close();
});

test("a page of 60 findings has a second one", async () => {
  const { page: shown, faults } = await open(page(many, "/vulnerabilities"));
  await expect.poll(() => shown.locator("tbody tr").count()).toBe(50);
  await shown.getByRole("link", { name: "Next page" }).click();
  await expect.poll(() => shown.locator("tbody tr").count()).toBe(10);
  expect(faults).toEqual([]);
  await shown.close();
});

describe("for owners", () => {
  test("a namespace's policy says in sentences what it means, is set, and holds in its repositories", async () => {
    const { page: shown, faults } = await open("/namespaces/acme/scanning");
    await shown.getByText("There is no policy").waitFor();
    await shown.getByText("Every image may be pulled.").waitFor();
    await shown
      .getByLabel("Images with open vulnerabilities may not be pulled")
      .selectOption("high");
    await shown.getByLabel("Only if there is a fix").check();
    await shown.getByLabel("Grace time in hours").fill("72");
    await shown.getByLabel("Accounts that may pull all the same").fill("acme+scanner");
    await shown
      .getByText(
        "Images with open vulnerabilities of severity high and above may not be pulled, as far as these have a fix, from 72 hours after they were first seen in the image.",
      )
      .waitFor();
    await expectGood(shown, "policy");
    await shown.getByRole("button", { name: "Set the policy" }).click();
    await shown.getByText("The policy was set").waitFor();
    expect(await place.api("GET", "/namespaces/acme/scan-policy")).toEqual({
      policy: {
        severity: "high",
        fixableOnly: true,
        graceHours: 72,
        unscanned: false,
        unscannable: false,
        unsigned: false,
        vex: false,
        exempt: ["acme+scanner"],
      },
    });
    await shown.goto(`${place.server.url}/repositories/${NAME}/-/scanning`);
    await shown.getByText("The policy of the namespace holds here").waitFor();
    await shown.getByLabel("Images with open vulnerabilities may not be pulled").selectOption("");
    await shown.getByRole("button", { name: "Set the policy" }).click();
    await shown.getByText("This repository has a policy of its own").waitFor();
    await expectGood(shown, "repository-policy");
    await shown.getByRole("button", { name: "Remove the policy" }).click();
    await shown.getByRole("dialog").getByRole("button", { name: "Remove the policy" }).click();
    await shown.getByText("The policy of the namespace holds here").waitFor();
    expect(faults).toEqual([]);
    await shown.close();
  });

  test("an account that is none is refused at its field", async () => {
    const { page: shown, faults } = await open("/namespaces/acme/scanning");
    const field = shown.getByLabel("Accounts that may pull all the same");
    await field.fill("Nobody!");
    await shown.getByRole("button", { name: "Set the policy" }).click();
    await shown.getByRole("alert").waitFor();
    // The browser itself notes the 400 on its console.
    expect(faults.splice(0)).toEqual([expect.stringContaining("400")]);
    await expectAccessible(shown);
    await shown.close();
  });

  test("what was accepted is listed with who, why and until when; one is added and removed", async () => {
    const { page: shown, faults } = await open("/namespaces/acme/scanning");
    const row = (id: string) => shown.locator("tbody tr", { hasText: id });
    await row("CVE-2099-2").waitFor();
    expect(await row("CVE-2099-2").textContent()).toContain(`nobody pads ${ATTACK}`);
    await shown.getByRole("button", { name: "Accept …" }).click();
    const dialog = shown.getByRole("dialog");
    await dialog.getByLabel("Vulnerability", { exact: true }).fill("CVE-2099-3");
    await dialog.getByLabel("Reason").fill("odd is fine");
    await dialog.getByRole("button", { name: "Accept", exact: true }).click();
    await row("CVE-2099-3").waitFor();
    expect(await row("CVE-2099-3").textContent()).toMatch(
      /all packages.*whole namespace.*admin.*no end/,
    );
    await expectGood(shown, "exceptions");
    await shown.getByRole("button", { name: "Accept CVE-2099-3 no longer" }).click();
    await dialog.getByRole("button", { name: "Remove" }).click();
    await row("CVE-2099-3").waitFor({ state: "detached" });
    expect(faults).toEqual([]);
    await shown.close();
  });
});

describe("which images have a vulnerability", () => {
  test("is found from the home page, and is in the address", async () => {
    const { page: shown, faults } = await open("/");
    await shown.getByRole("link", { name: "Images with a vulnerability" }).click();
    await shown.getByLabel("Vulnerability").fill("CVE-2099-5");
    await shown.keyboard.press("Enter");
    await shown.waitForURL(/vulnerability=CVE-2099-5/);
    await shown.getByRole("rowheader", { name: NAME }).waitFor();
    expect(await shown.locator("tbody tr").textContent()).toContain("1.1");
    await expectGood(shown, "vulnerable-images");
    await shown.goto(`${place.server.url}/vulnerable-images?vulnerability=CVE-1999-1`);
    await shown.getByText("No image that you may see has it").waitFor();
    expect(faults).toEqual([]);
    await shown.close();
  });

  test("takes a login", async () => {
    const { page: shown, faults } = await open("/vulnerable-images", place.visitor);
    await shown.getByText("Sign in to see this").waitFor();
    expect(faults).toEqual([]);
    await shown.close();
  });
});

test("a comparison says which vulnerabilities are new, gone and the same", async () => {
  const { page: shown, faults } = await open(
    `/repositories/${NAME}/-/compare?from=${old.digest}&to=${fresh.digest}`,
    place.visitor,
  );
  await shown.getByText("1 new, 2 gone, 2 the same").waitFor();
  const rows = shown.getByRole("region", { name: "Vulnerabilities" }).locator("tbody tr");
  expect(await rows.first().textContent()).toMatch(/new.*high.*CVE-2099-5.*new-one/);
  await expectGood(shown, "compare");
  expect(faults).toEqual([]);
  await shown.close();
});

test.each([
  ["de", "Schwachstellen"],
  ["ar-XB", "Vulnerabilities"],
])("the pages are whole in %s, also at 320 pixels", async (lang, word) => {
  const { page: shown, faults } = await open(`/?lang=${lang}`);
  const paths = [
    page(old, "/vulnerabilities"),
    page(old, "/packages"),
    page(both, "/vulnerabilities"),
    `/repositories/${NAME}/-/tags`,
    `/repositories/${NAME}/-/scanning`,
    `/repositories/${NAME}/-/compare?from=${old.digest}&to=${fresh.digest}`,
    "/namespaces/acme/scanning",
    "/vulnerable-images?vulnerability=CVE-2099-1",
  ];
  for (const [at, path] of paths.entries()) {
    const to = new URL(path, place.server.url);
    to.searchParams.set("lang", lang);
    await shown.setViewportSize({ width: 1200, height: 800 });
    await shown.goto(to.href);
    await shown.locator("main h1").waitFor();
    await expect.poll(() => shown.locator("main .loading").count(), { message: path }).toBe(0);
    await expectAccessible(shown);
    await shown.setViewportSize({ width: 320, height: 800 });
    await shot(shown, `scanning-${lang}-${at}`);
    expect(await shown.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(
      320,
    );
  }
  await shown.goto(`${place.server.url}${page(old)}?lang=${lang}`);
  await shown.getByRole("link", { name: word, exact: true }).waitFor();
  expect(faults).toEqual([]);
  await shown.close();
});
