/** When the Worker is built again. */
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprintOf } from "../../scripts/start/build.ts";

const INPUTS = ["src", "package-lock.json"];
let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "slipway-build-test-"));
  mkdirSync(join(root, "src", "deep"), { recursive: true });
  writeFileSync(join(root, "src", "index.ts"), "1");
  writeFileSync(join(root, "src", "deep", "other.ts"), "2");
  writeFileSync(join(root, "package-lock.json"), "{}");
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

test("a built Worker is used again while nothing changed, and made anew when any of its sources did", async () => {
  const seen = [await fingerprintOf(root, INPUTS)];
  expect(await fingerprintOf(root, INPUTS)).toBe(seen[0]);
  writeFileSync(join(root, "README.md"), "no source");
  expect(await fingerprintOf(root, INPUTS)).toBe(seen[0]);
  writeFileSync(join(root, "src", "deep", "other.ts"), "3");
  seen.push(await fingerprintOf(root, INPUTS));
  await rename(join(root, "src", "deep", "other.ts"), join(root, "src", "deep", "another.ts"));
  seen.push(await fingerprintOf(root, INPUTS));
  writeFileSync(join(root, "package-lock.json"), "{ }");
  seen.push(await fingerprintOf(root, INPUTS));
  expect(new Set(seen).size).toBe(4);
});
