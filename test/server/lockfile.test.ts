/** `npm ci` installs only the packages that were reviewed. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

test("every package of the lockfile has its integrity, and none an address of its own", async () => {
  const lock = JSON.parse(
    await readFile(join(import.meta.dirname, "../../package-lock.json"), "utf8"),
  ) as { packages: Record<string, { integrity?: string; resolved?: string }> };
  const packages = Object.entries(lock.packages).filter(([name]) => name !== "");
  expect(packages.length).toBeGreaterThan(100);
  const loose = packages.filter(([, { integrity = "" }]) => !integrity.startsWith("sha512-"));
  expect(loose.map(([name]) => name)).toEqual([]);
  expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});
