/** The console's files: how large they are, and that a build depends on its sources alone. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { ASSETS, buildConsole, CONSOLE_PAGE, importedBy } from "../../scripts/build-console.ts";

/** What the first page may load, compressed: at 1 Mbit/s half a second. */
const MAX_INITIAL_BYTES = 60_000;

test("the first page loads at most 60 KB, compressed", async () => {
  const metafile = await buildConsole();
  const page = await readFile(CONSOLE_PAGE, "utf8");
  const named = [...page.matchAll(/\/assets\/([\w.-]+)/g)].map(([, name]) => name ?? "");
  const main = named.find((name) => name.startsWith("main-")) ?? "";
  expect(importedBy(main, metafile).length).toBeGreaterThan(0);
  expect(named).toEqual(expect.arrayContaining(importedBy(main, metafile)));
  const files = await Promise.all(named.map((name) => readFile(join(ASSETS, name))));
  const bytes = [...files, Buffer.from(page)].map((file) => gzipSync(file).length);
  expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_INITIAL_BYTES);
});

test("two builds of the same sources are the same, and leave no file of an older one", async () => {
  await buildConsole();
  const [names, page] = [await readdir(ASSETS), await readFile(CONSOLE_PAGE, "utf8")];
  await Promise.all([buildConsole(), buildConsole()]);
  expect(await readdir(ASSETS)).toEqual(names);
  expect(await readFile(CONSOLE_PAGE, "utf8")).toBe(page);
});
