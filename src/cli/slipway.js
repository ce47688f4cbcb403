#!/usr/bin/env node
/**
 * `npm run slipway --`. The command line is TypeScript, which the system's Node may be too old to run; the project brings one that
 * isn't. So this file is plain JavaScript, for any Node.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const main = fileURLToPath(new URL("main.ts", import.meta.url));
const own = join(root, "node_modules", ".bin", "node");
/** Without the types, and compiled: a command starts in half the time. */
const cache = join(root, "node_modules", ".cache", "slipway");

if (process.features.typescript) {
  module.enableCompileCache(cache);
  await import("./main.ts");
} else if (existsSync(own)) {
  const args = ["--disable-warning=ExperimentalWarning", main, ...process.argv.slice(2)];
  const env = { NODE_COMPILE_CACHE: cache, ...process.env };
  const { status, signal, error } = spawnSync(own, args, { stdio: "inherit", env });
  if (error !== undefined) throw error;
  if (signal !== null) process.kill(process.pid, signal);
  process.exitCode = status ?? 1;
} else {
  await import("../../scripts/check-node.js");
}
