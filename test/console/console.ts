/** A registry, a browser whose user is the administrator, and the API beside it. */
import type { Browser, BrowserContext } from "playwright-core";
import { expect } from "vitest";
import { type Server, type ServerOptions, startServer } from "../../scripts/server.ts";
import { openBrowser, openPage, type Watched } from "./browser.ts";

export interface Console {
  readonly server: Server;
  readonly browser: Browser;
  /** Nobody is signed in. */
  readonly visitor: BrowserContext;
  readonly owner: BrowserContext;
  /** Calls the API as the administrator, and expects that it does what was asked. */
  readonly api: (method: string, path: string, body?: object) => Promise<Record<string, unknown>>;
  readonly close: () => Promise<void>;
}

export async function openConsole(options: ServerOptions = {}): Promise<Console> {
  const [server, browser] = await Promise.all([startServer(options), openBrowser()]);
  const look = { locale: "en-GB", viewport: { width: 1200, height: 800 } };
  const [visitor, owner] = [await browser.newContext(look), await browser.newContext(look)];
  const signedIn = await owner.request.post(`${server.url}/api/v1/sessions`, {
    data: { name: "admin", password: server.password },
    headers: { origin: server.url },
  });
  expect(signedIn.status()).toBe(201);
  return {
    server,
    browser,
    visitor,
    owner,
    api: async (method, path, body) => {
      const response = await fetch(`${server.url}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Basic ${btoa(`admin:${server.password}`)}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      expect(response.ok, `${method} ${path}: ${response.status} ${text}`).toBe(true);
      return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
    },
    async close() {
      await browser.close();
      await server.stop();
    },
  };
}

/** Opens a page; a dialog of the browser would be a script's, and is a fault. */
export async function visit(
  context: BrowserContext,
  origin: string,
  path: string,
): Promise<Watched> {
  const watched = await openPage(context, origin);
  watched.page.on("dialog", (dialog) => {
    watched.faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await watched.page.goto(origin + path);
  return watched;
}

/** Makes the page ask for changes now: it does so by itself every ten seconds. */
export const REFRESH = "dispatchEvent(new Event('focus'))";
