/** The pages that manage accounts, namespaces and the registry, in a real browser. */
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
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
  const descriptor = (bytes: Buffer, mediaType: string) => ({
    mediaType,
    digest: digestOf(bytes),
    size: bytes.length,
  });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: descriptor(config, "application/vnd.oci.image.config.v1+json"),
      layers: layers.map((bytes) => descriptor(bytes, "application/vnd.oci.image.layer.v1.tar")),
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

/** Runs what the cron would: retention, garbage collection and the other jobs. */
async function runJobs(): Promise<void> {
  const { sockets } = await holderOf(server.data);
  await new Control(join(sockets, "control")).scheduled("*/5 * * * *");
}

describe("the account", () => {
  test("a token's secret is shown once, works, and ends when it is revoked", async () => {
    const { page, faults } = await open("/account/tokens");
    await page.getByRole("button", { name: "Create a token" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Purpose").fill("laptop");
    await dialog.getByLabel("Limit what it may do").uncheck();
    await dialog.getByRole("button", { name: "Create a token" }).click();
    await page.getByText("It is shown this once").waitFor();
    await expectAccessible(page);
    await shot(page, "manage-secret");
    const secret = await dialog.locator("pre").first().innerText();
    expect(secret).toMatch(/^slp_/);
    expect(await dialog.getByText(`docker login ${server.host} -u admin`).count()).toBe(1);
    await page.getByRole("button", { name: "Copy: secret" }).click();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(secret);
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("rowheader", { name: "laptop" }).waitFor();
    expect(await page.content()).not.toContain(secret);
    const me = () =>
      fetch(`${server.url}/api/v1/me`, { headers: { authorization: `Bearer ${secret}` } });
    expect((await me()).status).toBe(200);
    await page.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("laptop was revoked").waitFor();
    await page.getByText("You have no tokens").waitFor();
    expect((await me()).status).toBe(401);
    expect(faults).toEqual([]);
    await page.close();
  });

  test("a password is changed, its refusal stands at the field, and another browser's session ends", async () => {
    const other = await browser.newContext({ locale: "en-GB" });
    const { page } = await openPage(other, server.url);
    await signIn(page, "bob", "a password of bob's own");
    const elsewhere = await browser.newContext({ locale: "en-GB" });
    const { page: second } = await openPage(elsewhere, server.url);
    await signIn(second, "bob", "a password of bob's own");
    await page.goto(`${server.url}/account`);
    await page.getByLabel("Current password").fill("another");
    await page.getByLabel("New password", { exact: true }).fill("a newer password of bob's");
    await page.getByLabel("New password, once more").fill("a newer password of bob's");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.locator("#content").getByText("this is not the current password").first().waitFor();
    expect(await page.getByLabel("Current password").getAttribute("aria-invalid")).toBe("true");
    await page.getByLabel("Current password").fill("a password of bob's own");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByText("Your password was changed").waitFor();
    await page.goto(`${server.url}/account/sessions`);
    await page.getByText("this browser").waitFor();
    expect(await page.getByRole("row").count()).toBe(2);
    await second.goto(`${server.url}/account`);
    await second.getByText("Sign in to see this").waitFor();
    await elsewhere.close();
    await page.goto(`${server.url}/namespaces/acme/members`);
    await page.getByText("It takes the role owner on acme/*").waitFor();
    await expectAccessible(page);
    await page.goto(`${server.url}/admin/users`);
    await page.getByText("It takes an administrator").waitFor();
    await other.close();
  });
});

describe("a namespace", () => {
  test("a member is added by the keyboard alone, and the last owner stays unless it is confirmed", async () => {
    const { page, faults } = await open("/namespaces/acme/members");
    await page.getByRole("rowheader", { name: "alice" }).waitFor();
    await focusByTab(page, "Add a member");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await focusByTab(page, "User name");
    await page.keyboard.type("bob");
    await page.keyboard.press("Tab");
    await page.keyboard.type("w");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("bob has the role writer now").waitFor();
    const focused = await page.evaluate("document.activeElement.textContent");
    expect(focused).toBe("Add a member");
    const alice = page.getByRole("row", { name: /alice/ });
    await alice.getByRole("button", { name: "Remove role" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove role" }).click();
    await page.getByText("This takes the last owner of a namespace away").waitFor();
    await shot(page, "manage-last-owner");
    expect(faults.splice(0)).toEqual([expect.stringContaining("409")]);
    await page.getByRole("button", { name: "Remove role all the same" }).click();
    await page.getByText("alice lost the role").waitFor();
    await alice.waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Undo" }).click();
    await alice.waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test("a robot: its secret once, another one to rotate, disabled and undone", async () => {
    const { page, faults } = await open("/namespaces/acme/robots");
    await page.getByRole("button", { name: "Create a robot" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name", { exact: true }).fill("Not A Name");
    await dialog.getByRole("button", { name: "Create a robot" }).click();
    await dialog.getByText("write 1 to 64 lower-case letters").first().waitFor();
    await expectAccessible(page);
    expect(faults.splice(0)).toEqual([expect.stringContaining("400")]);
    await dialog.getByLabel("Name", { exact: true }).fill("ci");
    await dialog.getByRole("button", { name: "Create a robot" }).click();
    await dialog.getByText(`docker login ${server.host} -u acme+ci --password-stdin`).waitFor();
    await page.getByRole("button", { name: "I have kept it" }).click();
    await page.getByRole("link", { name: "acme+ci" }).click();
    await page.getByRole("button", { name: "New secret" }).click();
    await dialog.getByRole("button", { name: "New secret" }).click();
    await page.getByRole("button", { name: "I have kept it" }).click();
    await expect.poll(() => page.getByRole("row").count()).toBe(3);
    await expectAccessible(page);
    await shot(page, "manage-robot");
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByText("acme+ci was disabled").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByRole("button", { name: "Disable" }).waitFor();
    await page.goBack();
    await page.getByRole("link", { name: "acme+ci" }).waitFor();
    expect(faults).toEqual([]);
    await page.close();
  });

  test("a trust rule: its refusal, the snippet, and the try-out, which sends nothing", async () => {
    const { page, faults } = await open("/namespaces/acme/trust-rules?new=gitlab");
    await page.getByLabel("CI system").selectOption("github");
    await page.getByLabel("repository_id").fill("123");
    await page.getByLabel("repository_owner_id").fill("45*");
    await page.getByRole("button", { name: "Create the rule" }).click();
    await page.getByText('The claim "repository_owner_id" takes numbers only').waitFor();
    expect(faults.splice(0)).toEqual([expect.stringContaining("400")]);
    await page.getByLabel("repository_owner_id").fill("45");
    await page
      .getByRole("textbox", { name: "ref (optional)", exact: true })
      .fill("refs/heads/main refs/tags/v*");
    await page.getByRole("button", { name: "Create the rule" }).click();
    await page.getByRole("heading", { name: "acme+github" }).waitFor();
    expect(await page.getByText("uses: slipway-registry/slipway/action").count()).toBe(1);
    const sent: string[] = [];
    page.on("request", (request) => sent.push(request.postData() ?? ""));
    const claims = {
      iss: "https://token.actions.githubusercontent.com",
      aud: `https://${server.host}`,
      repository_id: "123",
      repository_owner_id: "45",
      ref: "refs/heads/other",
      event_name: "push",
    };
    const box = page.getByLabel("A token, or its claims as JSON");
    await box.fill(JSON.stringify(claims));
    await page.getByText("The token would be refused: ref").waitFor();
    await expectAccessible(page);
    await shot(page, "manage-try-out");
    await box.fill(tokenOf({ ...claims, ref: "refs/tags/v1", event_name: "pull_request" }));
    await page.getByText("The token would be refused: Event").waitFor();
    await box.fill(tokenOf({ ...claims, ref: "refs/tags/v1" }));
    await page.getByText("The token would be taken").waitFor();
    await box.fill("nonsense");
    await page.getByText("neither a token nor JSON").waitFor();
    expect(sent.filter((body) => body !== "")).toEqual([]);
    expect(faults).toEqual([]);
    await page.close();
  });

  test("retention: the preview is what then goes, with the bytes that it frees", async () => {
    const shared = randomBytes(3_000);
    const digests = [
      await push("acme/app", "v1", [shared, randomBytes(10_000)]),
      await push("acme/app", "v2", [shared, randomBytes(20_000)]),
      await push("acme/app", "v3", [shared, randomBytes(40_000)]),
    ];
    const { page, faults } = await open("/repositories/acme/app/-/retention");
    await page.getByLabel("Which images, by their tags").selectOption("any");
    await page.getByLabel("Which of them").selectOption("newest");
    await page.getByLabel("Number of images").fill("1");
    await page.getByRole("button", { name: "Preview" }).click();
    // Two configs of 12 bytes, and the two layers that v3 does not have.
    await page.getByText("2 images go. They free 30 kB").waitFor();
    const named = await page.getByRole("rowheader").allInnerTexts();
    expect(new Set(named.map((text) => /acme\/app:v\d/.exec(text)?.[0]))).toEqual(
      new Set(["acme/app:v1", "acme/app:v2"]),
    );
    await expectAccessible(page);
    await shot(page, "manage-retention-preview");
    await page.getByRole("button", { name: "Set the policy" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("2 images go").waitFor();
    await expectAccessible(page);
    await dialog.getByRole("button", { name: "Set the policy" }).click();
    await page.getByText("This repository has a policy of its own").waitFor();
    await expect
      .poll(async () => {
        await runJobs();
        const left = await api("GET", "/repositories/acme/app/-/manifests");
        return (left["items"] as { digest: string }[]).map(({ digest }) => digest);
      })
      .toEqual([digests[2]]);
    expect(faults).toEqual([]);
    await page.close();
  });

  test("settings, quota and deletion: each says what it did, and a name has to be typed", async () => {
    await api("POST", "/namespaces", { name: "gone" });
    const { page, faults } = await open("/namespaces/gone/settings");
    await page.getByRole("button", { name: "All but latest" }).click();
    await page.getByLabel("except").fill("latest  edge ");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("gone was changed").waitFor();
    expect((await api("GET", "/namespaces/gone"))["immutableTags"]).toEqual([
      { tags: "*", except: ["latest", "edge"] },
    ]);
    await page.getByRole("link", { name: "Quota" }).click();
    await page.getByLabel("At most this size").fill("2.5");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("of 2.5 GB").waitFor();
    await expectAccessible(page);
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Delete the namespace" }).click();
    const remove = page.getByRole("dialog").getByRole("button", { name: "Delete" });
    expect(await remove.isDisabled()).toBe(true);
    await page.getByLabel("Type gone to confirm").fill("gone");
    await remove.click();
    await page.getByText("gone was deleted").waitFor();
    expect(new URL(page.url()).pathname).toBe("/namespaces");
    expect(faults).toEqual([]);
    await page.close();
  });
});

describe("administration", () => {
  test("the audit log: a client's name is text, filters are in the address, and exports have all of it", async () => {
    await api("POST", "/namespaces", { name: "loud" }, { "user-agent": ATTACK });
    const { page, faults } = await open("/admin/audit");
    page.on("dialog", (dialog) => faults.push(dialog.message()));
    await page.getByLabel("Namespace", { exact: true }).fill("loud");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.waitForURL(/namespace=loud/);
    await expect.poll(() => page.getByRole("row").count()).toBe(2);
    await page.locator("td summary").click();
    await page.getByText(ATTACK).waitFor();
    await expectAccessible(page);
    await shot(page, "manage-audit-attack");
    const [csv] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Export as CSV" }).click(),
    ]);
    expect(csv.suggestedFilename()).toBe("audit.csv");
    const text = await readFile(await csv.path(), "utf8");
    expect(text.split("\r\n")).toHaveLength(3);
    expect(text).toContain('"namespace.create"');
    await page.getByLabel("What").fill("namespace.creat");
    await page.getByRole("button", { name: "Filter" }).click();
    await page.getByText("did you mean namespace.create?").first().waitFor();
    await page.goBack();
    await expect.poll(() => page.getByRole("row").count()).toBe(2);
    expect(await page.getByLabel("What").inputValue()).toBe("");
    expect(faults).toEqual([expect.stringContaining("400")]);
    await page.close();
  });

  test("a user: created with a password shown once, made administrator, disabled, deleted", async () => {
    const { page, faults } = await open("/admin/users");
    await page.getByRole("button", { name: "Create a user" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("User name").fill("carol");
    const password = await dialog.getByLabel("Password").inputValue();
    await dialog.getByRole("button", { name: "Create a user" }).click();
    await dialog.getByText("It is not shown again").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    const me = () =>
      fetch(`${server.url}/api/v1/me`, { headers: { authorization: basic("carol", password) } });
    expect(await (await me()).json()).toMatchObject({ name: "carol", admin: false });
    const row = page.getByRole("row", { name: /carol/ });
    for (const act of ["Make administrator", "Disable"]) {
      await row.getByRole("button", { name: act }).click();
      await dialog.getByRole("button", { name: act }).click();
      await dialog.waitFor({ state: "detached" });
    }
    await row.getByText("disabled").waitFor();
    expect((await me()).status).toBe(401);
    await row.getByRole("button", { name: "Delete" }).click();
    await page.getByLabel("Type carol to confirm").fill("carol");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await row.waitFor({ state: "detached" });
    expect(faults).toEqual([]);
    await page.close();
  });

  test("garbage collection, fsck and a backup are run, and a deleted repository is restored", async () => {
    await api("POST", "/repositories", { name: "acme/old" });
    await api("DELETE", "/repositories/acme/old");
    const { page, faults } = await open("/admin/trash");
    await page.getByRole("button", { name: "Restore" }).click();
    await page.getByText("acme/old was restored").waitFor();
    await page.getByText("Nothing that can be restored").waitFor();
    await page.getByRole("link", { name: "Garbage collection" }).click();
    await page.getByRole("button", { name: "Run now" }).click();
    await page.getByText("Failed deletions").waitFor();
    await page.getByRole("link", { name: "Check (fsck)" }).click();
    await page.getByRole("button", { name: "Check now" }).click();
    await page.getByText("Nothing is wrong").waitFor();
    await page.getByRole("link", { name: "Backups" }).click();
    await page.getByRole("button", { name: "Back up all now" }).click();
    await page.getByRole("table", { name: "Full backups" }).waitFor();
    await expectAccessible(page);
    await shot(page, "manage-backups-done");
    expect(faults).toEqual([]);
    await page.close();
  });
});

/** The name of what has the focus: its label, or its text. */
const FOCUSED = `(() => {
  const { labels, textContent } = document.activeElement;
  return labels?.[0]?.textContent ?? textContent;
})()`;

/** Presses Tab until the element of this name has the focus. */
async function focusByTab(page: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(FOCUSED);
    if (focused === name) return;
  }
  throw new Error(`Tab does not reach "${name}"`);
}

/** A token whose signature nobody checks. */
function tokenOf(claims: object): string {
  const parts = [{ alg: "RS256" }, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString("base64url"),
  );
  return `${parts.join(".")}.c2ln`;
}

async function holderOf(data: string): Promise<{ readonly sockets: string }> {
  return JSON.parse(await readFile(join(data, "server.json"), "utf8")) as { sockets: string };
}
