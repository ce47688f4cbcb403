/** The session's cookie in a real browser: other sites cannot use it, and it ends with the session. */
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";
import { openBrowser } from "./browser.ts";

let server: Server;
let browser: Browser;
let context: BrowserContext;
let evil: HttpServer;
/** Another site: a browser takes localhost and 127.0.0.1 for two. */
let elsewhere: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([startServer(), openBrowser()]);
  evil = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>Elsewhere</title>");
  });
  await new Promise<void>((resolve) => void evil.listen(0, "127.0.0.1", resolve));
  elsewhere = `http://localhost:${(evil.address() as AddressInfo).port}/`;
  context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  await page.goto(`${server.url}/login`);
  await page.getByLabel("User name").fill("admin");
  await page.getByLabel("Password").fill(server.password);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  await page.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  evil?.close();
});

/** The names of all namespaces, as the administrator's password has them. */
async function namespaces(): Promise<string[]> {
  const authorization = `Basic ${btoa(`admin:${server.password}`)}`;
  const response = await fetch(`${server.url}/api/v1/namespaces`, { headers: { authorization } });
  const { items } = await response.json<{ items: { name: string }[] }>();
  return items.map(({ name }) => name);
}

test("a page of another site can neither change nor read anything by the cookie", async () => {
  const page = await context.newPage();
  await page.goto(elsewhere);
  const target = JSON.stringify(`${server.url}/api/v1/namespaces`);
  const tried = await page.evaluate<string[]>(`(async () => {
    const body = JSON.stringify({ name: "stolen" });
    const send = (more) => fetch(${target}, { method: "POST", credentials: "include", body, ...more })
      .then((answer) => answer.type + " " + answer.status, (error) => error.name);
    const read = fetch(${target}, { credentials: "include" }).then(() => "read", (error) => error.name);
    return [
      await send({ headers: { "content-type": "application/json" } }),
      await send({ mode: "no-cors", headers: { "content-type": "text/plain" } }),
      await read,
    ];
  })()`);
  expect(tried).toEqual(["TypeError", "opaque 0", "TypeError"]);
  const [answer] = await Promise.all([
    page.waitForResponse(`${server.url}/api/v1/namespaces`),
    page.evaluate(`(() => {
      const form = document.createElement("form");
      Object.assign(form, { method: "POST", action: ${target}, enctype: "text/plain" });
      const field = document.createElement("input");
      Object.assign(field, { name: '{"name":"stolen","x":"', value: '"}' });
      form.append(field);
      document.body.append(form);
      form.submit();
    })()`),
  ]);
  expect(answer.status()).toBeGreaterThanOrEqual(400);
  expect(await namespaces()).not.toContain("stolen");
  await page.close();
});

test("a page of another site cannot sign a visitor in as somebody", async () => {
  const visitor = await browser.newContext();
  const page = await visitor.newPage();
  await page.goto(elsewhere);
  const target = JSON.stringify(`${server.url}/api/v1/sessions`);
  const [answer] = await Promise.all([
    page.waitForResponse(`${server.url}/api/v1/sessions`),
    page.evaluate(`(() => {
      const form = document.createElement("form");
      Object.assign(form, { method: "POST", action: ${target}, enctype: "text/plain" });
      const field = document.createElement("input");
      Object.assign(field, { name: '{"name":"admin","password":"${server.password}","x":"', value: '"}' });
      form.append(field);
      document.body.append(form);
      form.submit();
    })()`),
  ]);
  expect(answer.status()).toBe(403);
  expect(await visitor.cookies(server.url)).toEqual([]);
  await visitor.close();
});

test("a refusal of a request from before the sign-in ends nothing", async () => {
  const headers = {
    authorization: `Basic ${btoa(`admin:${server.password}`)}`,
    "content-type": "application/json",
  };
  const made = { method: "POST", headers, body: JSON.stringify({ name: "acme" }) };
  expect((await fetch(`${server.url}/api/v1/namespaces`, made)).status).toBe(201);
  const page = await context.newPage();
  let refused = 0;
  await page.route(/\/api\/v1\/namespaces(?:\?|$)/, async (route) => {
    if (refused > 0) return route.continue();
    refused += 1;
    const body = JSON.stringify({ status: 401, code: "SESSION_ENDED", title: "ended" });
    await route.fulfill({ status: 401, contentType: "application/problem+json", body });
  });
  const asked = page.waitForResponse(
    (response) => response.url().endsWith("/api/v1/me") && refused > 0,
  );
  await page.goto(`${server.url}/namespaces`);
  await asked;
  await page.getByRole("table").waitFor();
  expect(refused).toBe(1);
  expect(await page.getByRole("button", { name: "Sign out" }).count()).toBe(1);
  expect(await context.cookies(server.url)).toHaveLength(1);
  await page.close();
});

test("a cookie that was stolen is worth nothing below /v2/, and ends with the session", async () => {
  const [cookie] = await context.cookies(server.url);
  expect(cookie).toMatchObject({ name: "__Host-slipway", httpOnly: true, secure: true });
  const headers = { cookie: `${cookie?.name}=${cookie?.value}`, origin: server.url };
  const status = async (path: string) => (await fetch(server.url + path, { headers })).status;
  expect(await status("/api/v1/me")).toBe(200);
  expect(await status("/v2/_catalog")).toBe(401);
  const page = await context.newPage();
  await page.goto(server.url);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("link", { name: "Sign in" }).first().waitFor();
  expect(await status("/api/v1/me")).toBe(401);
  expect(await context.cookies(server.url)).toEqual([]);
  await page.close();
});
