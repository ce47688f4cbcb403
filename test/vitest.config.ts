import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import type { ProvidedContext } from "vitest";
import { buildConsole } from "../scripts/build-console.ts";
import { SAMPLED } from "./support/sampled.ts";
import { SampleReporter } from "./support/reporter.ts";

const root = join(import.meta.dirname, "..");

// The Worker's static assets, which the plugin looks for.
await buildConsole();

/** The Worker writes one line of JSON per request, and the reporter gathers what was drawn; the rest belongs to a test. */
function onConsoleLog(text: string): boolean {
  const lines = text.split("\n").filter((line) => line !== "");
  return !lines.every((line) => line.startsWith('{"time":') || line.startsWith(SAMPLED));
}

/** How much is tried of what is too much for every run: test/support/sample.ts says of what. */
function sampleOf(given = "few"): ProvidedContext["sample"] {
  if (given === "few" || given === "many" || given === "all") return given;
  throw new Error(`TEST_SAMPLE is "few", "many" or "all", and not ${JSON.stringify(given)}`);
}

const provide: ProvidedContext = {
  sample: sampleOf(process.env["TEST_SAMPLE"]),
  sampleSeed: Number(process.env["TEST_SEED"] || randomBytes(4).readUInt32LE()),
};

/** The bytes that a Worker cannot see: it gets its modules compiled. */
function wasm(name: string): string {
  return readFileSync(join(root, `src/session/${name}.wasm`), "base64");
}

/** A slow machine fails no test: this only ends what hangs. */
const PATIENCE_MS = provide.sample === "all" ? 3_600_000 : 600_000;
const PATIENT = {
  testTimeout: PATIENCE_MS,
  hookTimeout: PATIENCE_MS,
  expect: { poll: { timeout: PATIENCE_MS / 10 } },
};

/**
 * A Worker of its own for each file takes seconds to start. Where few are tried, the files of these folders share one, which is
 * emptied in between; the others look at all that is there, at what goes on by itself, or at what an isolate remembers.
 */
const FOLDERS = [
  "api",
  "events",
  "http",
  "memory",
  "oci",
  "properties/matrix",
  "quota",
  "registry",
  "session",
  "trash",
  "v2",
  "web",
];
const SHARED = provide.sample === "few" ? FOLDERS.map((name) => `test/${name}/**/*.test.ts`) : [];

function workerProject(name: string, files: { include: string[]; exclude: string[] }) {
  return {
    root,
    // Packages whose source maps lead nowhere are no news.
    logLevel: "error" as const,
    plugins: [
      cloudflareTest(async () => ({
        wrangler: { configPath: join(root, "wrangler.toml") },
        miniflare: {
          bindings: {
            ADMIN_PASSWORD: "correct horse battery staple",
            TOKEN_KEY: "a key that only the tests know, longer than thirty-two bytes",
            TEST_SEED: process.env["TEST_SEED"] ?? "",
            TEST_WASM: { sha256: wasm("sha256"), sha512: wasm("sha512") },
            TEST_MIGRATIONS: await readD1Migrations(join(root, "src/db/migrations")),
          },
        },
      })),
    ],
    test: {
      name,
      provide,
      ...files,
      isolate: name === "worker",
      setupFiles: ["test/setup.ts"],
      ...PATIENT,
    },
  };
}

/** These need a browser or Trivy, and have a vitest.config.ts of their own. */
const ELSEWHERE = ["test/console/**", "test/trivy/**"];
const IN_NODE = [
  "server",
  "cli",
  "action",
  "scan/match",
  "scan/file",
  "scan/sbom",
  "scan/attached",
].map((name) => `test/${name}/**/*.test.ts`);

export default defineConfig({
  test: {
    onConsoleLog,
    reporters: ["default", new SampleReporter(provide)],
    maxWorkers: 2,
    diff: { truncateThreshold: 40 },
    projects: [
      workerProject("worker", {
        include: ["test/**/*.test.ts"],
        exclude: [...IN_NODE, ...SHARED, ...ELSEWHERE],
      }),
      ...(SHARED.length === 0 ? [] : [workerProject("shared", { include: SHARED, exclude: [] })]),
      {
        root,
        test: {
          name: "server",
          provide,
          include: IN_NODE,
          // Its modules name each other without the file's ending, which Node refuses and bundlers take.
          server: { deps: { inline: ["@pandatix/js-cvss"] } },
          ...PATIENT,
        },
      },
    ],
  },
});
