/** `npm run browser`: the console in a real Chromium. CI installs it; elsewhere CHROMIUM names one. */
import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** A slow machine fails no test: this only ends what hangs. */
const PATIENCE_MS = 300_000;

export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../.."),
    include: ["test/console/**/*.test.ts"],
    // Each file has a registry and a browser of its own.
    maxWorkers: 2,
    testTimeout: PATIENCE_MS,
    hookTimeout: PATIENCE_MS,
    expect: { poll: { timeout: 20_000 } },
  },
});
