/** `npm run conformance`: the official conformance suite against `npm start`, with authentication on. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startServer } from "./server.ts";

/** The suite has no tags of its own; this is a commit of the spec's main branch. */
const SUITE = "github.com/opencontainers/distribution-spec/conformance";
const VERSION = "v0.0.0-20260831232431-97274622c111";

/** The suite's names of the versions, and the checks beyond its defaults. */
const RUNS: readonly { readonly version: string; readonly env?: Record<string, string> }[] = [
  { version: "1.0" },
  { version: "1.1" },
  { version: "dev", env: { OCI_DATA_SPARSE: "true" } },
];

const run = promisify(execFile);
const suite = await install();
const server = await startServer({ env: { ALLOW_SPARSE_INDEXES: "true" } });
let passed = 0;
let failed = 0;
try {
  for (const { version, env } of RUNS) {
    const counts = await check(version, env ?? {});
    passed += counts.passed;
    failed += counts.failed;
  }
} finally {
  await server.stop();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** Runs one version. A case that was skipped counts as failed; one that the version does not have counts as neither. */
async function check(
  version: string,
  env: Record<string, string>,
): Promise<{ passed: number; failed: number }> {
  const results = join("results", "conformance", version);
  await mkdir(results, { recursive: true });
  const child = spawn(suite, {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      OCI_REGISTRY: server.host,
      OCI_TLS: "disabled",
      OCI_REPO1: "conformance/repo1",
      OCI_REPO2: "conformance/repo2",
      OCI_USERNAME: "admin",
      OCI_PASSWORD: server.password,
      OCI_VERSION: version,
      OCI_RESULTS_DIR: results,
      ...env,
    },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const [code] = (await once(child, "close")) as [number | null];
  const count = (name: string): number =>
    Number(new RegExp(`^ +${name}\\.+: +(\\d+)$`, "m").exec(output)?.[1] ?? 0);
  const counts = {
    pass: count("Pass"),
    skip: count("Skip"),
    disabled: count("Disabled"),
    fail: count("FAIL"),
    error: count("Error"),
  };
  console.log(
    `${version}: ${Object.entries(counts)
      .map(([name, n]) => `${n} ${name}`)
      .join(", ")} (${results}/report.html)`,
  );
  for (const line of output.match(/^.*: (FAIL|Skip|Error)$/gm) ?? []) console.log(line);
  const bad = counts.skip + counts.fail + counts.error;
  return { passed: counts.pass, failed: code === 0 && counts.pass > 0 ? bad : Math.max(bad, 1) };
}

/** Builds the suite with Go, once for each version. @returns the program */
async function install(): Promise<string> {
  const cache = process.env["SLIPWAY_CACHE"] ?? join(homedir(), ".cache", "slipway");
  const bin = join(cache, "conformance", VERSION);
  try {
    await run("go", ["install", `${SUITE}@${VERSION}`], { env: { ...process.env, GOBIN: bin } });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    console.error(
      "The conformance suite is a Go program: install Go 1.24 or newer (https://go.dev/dl/) and run this again.",
    );
    process.exit(1);
  }
  return join(bin, "conformance");
}
