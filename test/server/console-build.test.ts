/** The console's files: how large they are, and that a build depends on its sources alone. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { ASSETS, buildConsole, CONSOLE_PAGE } from "../../scripts/build-console.ts";

/** What the first page may load, compressed: at 1 Mbit/s half a second. */
const MAX_INITIAL_BYTES = 60_000;

test("the first page loads at most 60 KB, compressed", async () => {
  const { outputs } = await buildConsole();
  const page = await readFile(CONSOLE_PAGE, "utf8");
  const named = [...page.matchAll(/\/assets\/([\w.-]+)/g)].map(([, name]) => name ?? "");
  expect(named.length).toBe(4);
  // What a module imports is loaded with it; what it imports later, by import(), is not.
  const loaded = new Set(named);
  for (const name of loaded) {
    for (const { path, kind } of outputs[`dist/console/assets/${name}`]?.imports ?? []) {
      if (kind === "import-statement") loaded.add(path.slice(path.lastIndexOf("/") + 1));
    }
  }
  const files = await Promise.all([...loaded].map((name) => readFile(join(ASSETS, name))));
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
