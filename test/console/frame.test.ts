/** The frame of the console and its home page, in a real browser. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { expectAccessible, openBrowser, openPage, shot } from "./browser.ts";

const ATTACK = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
let server: Server;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  server = await startServer();
  browser = await openBrowser();
  context = await browser.newContext({ locale: "en-GB", viewport: { width: 1200, height: 800 } });
  await make("demo/hello", {
    visibility: "public",
    description: "Says hello.",
    labels: { team: "web" },
  });
  await make("demo/bakery", { visibility: "public", description: "Bakes bread." });
  await make("demo/attack", {
    visibility: "public",
    description: ATTACK,
    labels: { [ATTACK]: ATTACK },
  });
  await make("demo/secret", { description: "Nobody's business." });
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
  expect(response.status).toBe(201);
}

async function signIn(page: Page): Promise<void> {
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill(server.password);
  await page.keyboard.press("Enter");
}

test("a visitor finds public repositories, by words as they are typed, and the way back is the browser's", async () => {
  const { page, faults } = await openPage(context, server.url);
  await page.goto(server.url);
  await page.getByRole("link", { name: "demo/hello" }).waitFor();
  expect(await page.getByText("demo/secret").count()).toBe(0);
  await expectAccessible(page);
  await shot(page, "home");
  await page.keyboard.press("Control+k");
  await page.keyboard.type("bread");
  await page.waitForURL(/\?q=bread$/);
  await expect.poll(() => page.title()).toBe("Search: bread · Slipway");
  await page.getByRole("link", { name: "demo/hello" }).waitFor({ state: "detached" });
  expect(await page.locator(".repositories li").count()).toBe(1);
  await page.goBack();
  await page.getByRole("link", { name: "demo/hello" }).waitFor();
  expect(await page.getByRole("searchbox").inputValue()).toBe("");
  const sorting = page.getByLabel("Sort by");
  expect(await sorting.locator("option:checked").textContent()).toBe("Last push");
  await sorting.selectOption("Name");
  await page.waitForURL(/\?sort=name$/);
  await page.goto(`${server.url}/?q=nothing-like-it`);
  await page.getByText("Nothing found").waitFor();
  await expectAccessible(page);
  expect(faults).toEqual([]);
  await page.close();
});

test("who opens a page while a search waits for the next letter stays there", async () => {
  const { page, faults } = await openPage(context, server.url);
  await page.goto(server.url);
  await page.getByRole("link", { name: "demo/hello" }).waitFor();
  await page.evaluate(`
    const input = document.querySelector("input[type=search]");
    input.value = "bread";
    input.dispatchEvent(new InputEvent("input", { bubbles: true }));
    document.querySelector('a[href="/repositories/demo/hello"]').click();
  `);
  await page.getByText("There is no readme").waitFor();
  await page.waitForTimeout(500);
  expect(page.url()).toBe(`${server.url}/repositories/demo/hello`);
  expect(faults).toEqual([]);
  await page.close();
});

test("signing in and out by the keyboard; a wrong password is told at once", async () => {
  const { page, faults } = await openPage(context, server.url);
  await page.goto(`${server.url}/login?next=https://elsewhere.example/`);
  await expectAccessible(page);
  await page.getByLabel("User name").focus();
  await page.keyboard.type("admin");
  await page.keyboard.press("Tab");
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").waitFor();
  await expectAccessible(page);
  await shot(page, "login-refused");
  // The browser itself notes the 401 on its console.
  expect(faults.splice(0)).toEqual([expect.stringContaining("401")]);
  await page.getByLabel("Password").fill(server.password);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  expect(page.url()).toBe(`${server.url}/`);
  await page.getByText("demo/secret").waitFor();
  await page.reload();
  await page.getByText("demo/secret").waitFor();
  expect(await page.evaluate("document.cookie")).toBe("");
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByText("demo/secret").waitFor({ state: "detached" });
  expect(faults).toEqual([]);
  await page.close();
});

test("a sign-in goes on to a page of this origin, whatever the link says", async () => {
  const { page, faults } = await openPage(context, server.url);
  await page.goto(`${server.url}/login?next=/.//elsewhere.example/path`);
  await signIn(page);
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.waitForURL(`${server.url}/elsewhere.example/path`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${server.url}/`);
  expect(faults).toEqual([]);
  await page.close();
});

test("what was read stays in sight while the registry fails to say it again", async () => {
  const { page, faults } = await openPage(context, server.url);
  await page.goto(server.url);
  await page.getByRole("link", { name: "demo/hello" }).waitFor();
  const body = { status: 503, contentType: "application/problem+json", body: "{}" };
  await page.route("**/api/v1/search*", (route) => route.fulfill(body));
  const failed = page.waitForResponse((response) => response.status() === 503);
  await page.evaluate("dispatchEvent(new Event('focus'))");
  await (await failed).finished();
  await expect.poll(() => faults.splice(0)).toEqual([expect.stringContaining("503")]);
  expect(await page.getByRole("link", { name: "demo/hello" }).count()).toBe(1);
  await page.goto(`${server.url}/?q=hello`);
  await page.getByRole("alert").waitFor();
  expect(faults).toEqual([expect.stringContaining("503")]);
  await page.close();
});

test("a session that ended is noticed, and the page shows what a visitor sees", async () => {
  const own = await browser.newContext({ locale: "en-GB" });
  const { page, faults } = await openPage(own, server.url);
  await page.goto(`${server.url}/login`);
  await signIn(page);
  await page.getByText("demo/secret").waitFor();
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const sessions = `${server.url}/api/v1/sessions`;
  const listed = await fetch(sessions, { headers: { authorization } });
  const { items } = await listed.json<{ items: { id: string }[] }>();
  for (const { id } of items) {
    await fetch(`${sessions}/${id}`, { method: "DELETE", headers: { authorization } });
  }
  await page.evaluate("dispatchEvent(new Event('focus'))");
  await page.getByRole("link", { name: "Sign in" }).waitFor();
  await page.getByRole("link", { name: "demo/hello" }).waitFor();
  expect(await page.getByText("demo/secret").count()).toBe(0);
  // The browser itself notes the 401s on its console: the page's, and that of the question who is signed in.
  expect(faults).toEqual([expect.stringContaining("401"), expect.stringContaining("401")]);
  await own.close();
});

test("who signs in or out in one tab does so in all", async () => {
  const own = await browser.newContext({ locale: "en-GB" });
  const [one, other] = [await openPage(own, server.url), await openPage(own, server.url)];
  await other.page.goto(server.url);
  await other.page.getByRole("link", { name: "Sign in" }).waitFor();
  await one.page.goto(`${server.url}/login`);
  await signIn(one.page);
  await other.page.getByRole("button", { name: "Sign out" }).waitFor();
  await other.page.getByText("demo/secret").waitFor();
  await one.page.getByRole("button", { name: "Sign out" }).click();
  await other.page.getByRole("link", { name: "Sign in" }).waitFor();
  await other.page.getByText("demo/secret").waitFor({ state: "detached" });
  expect([...one.faults, ...other.faults]).toEqual([]);
  await own.close();
});

test("what a pusher wrote is text, and no script of it runs", async () => {
  const { page, faults } = await openPage(context, server.url);
  page.on("dialog", (dialog) => faults.push(dialog.message()));
  for (const path of ["/", "/repositories/demo/attack", `/?q=${encodeURIComponent(ATTACK)}`]) {
    await page.goto(server.url + path);
    await page.getByText("alert(1)").first().waitFor();
  }
  expect(faults).toEqual([]);
  await page.close();
});

test("theme, language and direction: each is kept, and axe finds nothing in any", async () => {
  const { page, faults } = await openPage(context, server.url);
  await page.goto(server.url);
  await page.getByLabel("Theme").selectOption("dark");
  await expectAccessible(page);
  await shot(page, "home-dark");
  await page.getByLabel("Language").selectOption("de");
  await page.getByRole("heading", { name: "Repositorys" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Repositorys" }).waitFor();
  expect(await page.locator("html").getAttribute("data-theme")).toBe("dark");
  expect(await page.locator("html").getAttribute("lang")).toBe("de");
  await page.goto(`${server.url}/?lang=ar-XB`);
  await page.getByRole("link", { name: "demo/hello" }).waitFor();
  expect(await page.locator("html").getAttribute("dir")).toBe("rtl");
  await shot(page, "home-rtl");
  await page.evaluate("localStorage.clear()");
  expect(faults).toEqual([]);
  await page.close();
});

test("at 320 pixels nothing is wider than the screen", async () => {
  const narrow = await browser.newContext({
    locale: "en-GB",
    viewport: { width: 320, height: 640 },
  });
  const { page, faults } = await openPage(narrow, server.url);
  for (const path of ["/", "/login", "/repositories/demo/hello", "/no/such/page"]) {
    await page.goto(server.url + path);
    if (!path.startsWith("/no/")) await page.locator("h1:not(.preview h1)").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBeLessThanOrEqual(
      320,
    );
  }
  await page.goto(server.url);
  await page.getByRole("link", { name: "demo/hello" }).waitFor();
  await expectAccessible(page);
  await shot(page, "home-320");
  expect(faults.filter((fault) => !fault.includes("404"))).toEqual([]);
  await narrow.close();
});

test("without JavaScript a public repository has its name, description and pull command", async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false });
  const { page, faults } = await openPage(plain, server.url);
  await page.goto(`${server.url}/repositories/demo/hello`);
  expect(await page.locator("h1").textContent()).toBe("demo/hello");
  expect(await page.locator("main code").textContent()).toBe(
    `docker pull ${server.host}/demo/hello`,
  );
  await shot(page, "no-javascript");
  expect(faults).toEqual([]);
  await plain.close();
});
