/** The pages that manage accounts, namespaces and the registry, in a real browser. */
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { Control } from "../../scripts/start/control.ts";
import { expectAccessible, openBrowser, openPage, shot, type Watched } from "./browser.ts";

const ATTACK = `<img src=x onerror="alert(1)"><script>alert(2)</script>`;
const ALICE = "a password of alice's own";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
let server: Server;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  server = await startServer({ env: { GC_GRACE_HOURS: "0" } });
  browser = await openBrowser();
  context = await browser.newContext({ locale: "en-GB", viewport: { width: 1200, height: 900 } });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await api("POST", "/users", { name: "alice", password: ALICE });
  await api("POST", "/users", { name: "bob", password: "a password of bob's own" });
  await api("POST", "/namespaces", { name: "acme", owner: "alice" });
  await api("POST", "/repositories", { name: "acme/app", description: "An app." });
  const { page } = await openPage(context, server.url);
  await signIn(page, "admin", server.password);
  await page.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** Calls the API as the administrator, besides the browser. */
async function api(
  method: string,
  path: string,
  body?: object,
  more: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: basic("admin", server.password),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...more,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.ok, `${method} ${path}: ${response.status} ${text}`).toBe(true);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}

/** Pushes an image of layers. @returns its digest */
async function push(name: string, tag: string, layers: readonly Buffer[]): Promise<string> {
  const config = Buffer.from(JSON.stringify({ tag }));
  for (const bytes of [config, ...layers]) {
    const to = `/v2/${name}/blobs/uploads/?digest=${digestOf(bytes)}`;
    await send("POST", to, bytes, "application/octet-stream");
  }
  const describe = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: describe(config, "application/vnd.oci.image.config.v1+json"),
      layers: layers.map((bytes) => describe(bytes, "application/vnd.oci.image.layer.v1.tar")),
    }),
  );
  await send("PUT", `/v2/${name}/manifests/${tag}`, manifest, MANIFEST);
  return digestOf(manifest);
}

async function send(method: string, path: string, body: Buffer, type: string): Promise<void> {
  const headers = { authorization: basic("admin", server.password), "content-type": type };
  const response = await fetch(server.url + path, { method, headers, body });
  expect(response.status, await response.text()).toBe(201);
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.goto(`${server.url}/login`);
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
}

/** Opens a page as the administrator. */
async function open(path: string): Promise<Watched> {
  const watched = await openPage(context, server.url);
  await watched.page.goto(server.url + path);
  return watched;
}

/** Every page, with a text that shows that it has been read. */
const PAGES: readonly (readonly [path: string, shown: string])[] = [
  ["/account", "Change password"],
  ["/account/tokens", "You have no tokens"],
  ["/account/sessions", "this browser"],
  ["/namespaces", "acme"],
  ["/namespaces/acme", "acme/app"],
  ["/namespaces/acme/members", "alice"],
  ["/namespaces/acme/robots", "There are no robots yet"],
  ["/namespaces/acme/trust-rules", "No CI is trusted yet"],
  ["/namespaces/acme/trust-rules?new=github", "What a token must say"],
  ["/namespaces/acme/retention", "There is no policy"],
  ["/namespaces/acme/quota", "without a limit"],
  ["/namespaces/acme/audit", "namespace.create"],
  ["/namespaces/acme/settings", "Immutable tags"],
  ["/repositories/acme/app/-/retention", "There is no policy"],
  ["/admin", "The registry is ready"],
  ["/admin/users", "bob"],
  ["/admin/namespaces", "acme"],
  ["/admin/trash", "Nothing that can be restored"],
  ["/admin/gc", "Waiting"],
  ["/admin/fsck", "Whether everything is there"],
  ["/admin/backups", "Name in the bucket"],
  ["/admin/events", "All events were received"],
  ["/admin/audit", "user.create"],
];

describe("every page", () => {
  test.each(PAGES)(
    "%s: axe finds nothing in light and dark, nothing scrolls at 320 px",
    async (path, shown) => {
      const { page, faults } = await open(path);
      await page.getByText(shown).first().waitFor();
      const name = `manage${path.replaceAll(/[^a-z]+/g, "-")}`;
      await expectAccessible(page);
      await shot(page, `${name}-light`);
      await page.emulateMedia({ colorScheme: "dark" });
      await expectAccessible(page);
      await shot(page, `${name}-dark`);
      await page.emulateMedia({ colorScheme: "light" });
      await page.setViewportSize({ width: 320, height: 800 });
      await expectAccessible(page);
      await shot(page, `${name}-320`);
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      expect(wide).toBeLessThanOrEqual(320);
      expect(await page.getByText("The same by API and command line").count()).toBe(1);
      expect(faults).toEqual([]);
      await page.close();
    },
  );
});
