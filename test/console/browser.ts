/** A real browser on a real registry: Debian's Chromium, driven by playwright-core, on what `npm start` serves. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
export const RESULTS = join(import.meta.dirname, "../../results/console");
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
}

/** What a page did that no page may do: errors on its console, and requests to elsewhere. */
export interface Watched {
  readonly page: Page;
  readonly faults: string[];
}

/** Opens a page of the registry at `origin` that notes its faults. */
export async function openPage(context: BrowserContext, origin: string): Promise<Watched> {
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) faults.push(`request to ${url}`);
  });
  return { page, faults };
}

/** Expects that axe finds nothing: WCAG 2.2 AA and its best practices. */
export async function expectAccessible(page: Page): Promise<void> {
  // The policy of the page lets no script in but its own; the devtools protocol evaluates beside it.
  await page.evaluate(await readFile(AXE, "utf8"));
  const results = await page.evaluate(() => {
    const tags = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"];
    const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    return axe.run({ runOnly: { type: "tag", values: tags } });
  });
  const found = results.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(" ")).join(", ")}`,
  );
  expect(found).toEqual([]);
}

/** Keeps a picture of the page among the results. */
export async function shot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(RESULTS, `${name}.png`), fullPage: true });
}
