/**
 * Ends a program with one line where the Node that runs it is too old: `engines` in package.json says which one is needed.
 * This file is plain JavaScript and is loaded first, since an older Node cannot read TypeScript.
 */
import { readFileSync } from "node:fs";
import process from "node:process";

const { engines } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
const needed = engines.node.replace(/^>=/, "");

if (Number(process.versions.node.split(".")[0]) < Number(needed)) {
  console.error(
    `slipway: Node ${process.versions.node} is too old: Node ${needed} or newer is needed. "npm ci" brings it on Linux and macOS (x64 and arm64); elsewhere install it from https://nodejs.org`,
  );
  process.exit(1);
}
