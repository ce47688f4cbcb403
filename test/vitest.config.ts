import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "..");

/** The Worker writes one line of JSON per request; whatever else is printed belongs to a test. */
function onConsoleLog(line: string): boolean {
  return !line.startsWith('{"time":');
}

/** The bytes that a Worker cannot see: it gets its modules compiled. */
function wasm(name: string): string {
  return readFileSync(join(root, `src/session/${name}.wasm`), "base64");
}

export default defineConfig({
  test: {
    onConsoleLog,
    maxWorkers: 2,
    diff: { truncateThreshold: 40 },
    projects: [
      {
        root,
        // Hides warnings about packages whose source maps lead nowhere.
        logLevel: "error",
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: join(root, "wrangler.toml") },
            miniflare: {
              bindings: {
                ADMIN_PASSWORD: "correct horse battery staple",
                TOKEN_KEY: "a key that only the tests know, longer than thirty-two bytes",
                TEST_SEED: process.env["TEST_SEED"] ?? "",
                TEST_FAULTS: process.env["TEST_FAULTS"] ?? "",
                TEST_WASM: { sha256: wasm("sha256"), sha512: wasm("sha512") },
                TEST_MIGRATIONS: await readD1Migrations(join(root, "src/db/migrations")),
              },
            },
          })),
        ],
        test: {
          name: "worker",
          include: ["test/**/*.test.ts"],
          exclude: ["test/server/**", "test/cli/**"],
          setupFiles: ["test/setup.ts"],
          testTimeout: 30_000,
        },
      },
      {
        root,
        test: {
          name: "server",
          include: ["test/server/**/*.test.ts", "test/cli/**/*.test.ts"],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
