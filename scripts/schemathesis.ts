/**
 * `npm run schemathesis -- --seconds 300`: sends requests that Schemathesis makes from the OpenAPI document, valid ones
 * and others, to `npm start`. It needs Python 3.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { cacheFolder } from "../test/e2e/install.ts";
import { startServer } from "./server.ts";

const VERSION = "4.32.5";
/** The promises of the document about every answer. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_schema_conformance",
  "unsupported_method",
];

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});

const program = await install();
const server = await startServer({ env: { LOG_READS: "false" } });
try {
  console.log(`seed ${values.seed}`);
  process.exitCode = await run(program, [
    "run",
    `${server.url}/api/v1/openapi.json`,
    `--auth=admin:${server.password}`,
    `--checks=${CHECKS.join(",")}`,
    `--max-time=${values.seconds}`,
    `--seed=${values.seed}`,
    "--max-response-time=5",
    "--request-timeout=10",
    "--continue-on-failure",
    // A running import shuts all others out until it has ended.
    "--exclude-path-regex=^/import",
  ]);
} finally {
  await server.stop();
}

/** Installs it in a virtual environment of its own, which is kept. @returns its program */
async function install(): Promise<string> {
  const folder = join(cacheFolder(), `schemathesis-${VERSION}`);
  const installed = join(folder, "bin/schemathesis");
  if (existsSync(installed)) return installed;
  await mustRun("python3", ["-m", "venv", "--clear", folder]);
  await mustRun(join(folder, "bin/pip"), ["install", "--quiet", `schemathesis==${VERSION}`]);
  return installed;
}

async function mustRun(command: string, parameters: readonly string[]): Promise<void> {
  const code = await run(command, parameters);
  if (code !== 0) throw new Error(`${command} ${parameters.join(" ")} ended with ${code}`);
}

async function run(command: string, parameters: readonly string[]): Promise<number> {
  const child = spawn(command, parameters, { stdio: ["ignore", "inherit", "inherit"] });
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}
