/** `npm run trivy`: Slipway's package lists and findings beside those of a real Trivy. */
import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** A slow machine fails no test: this only ends what hangs. */
const PATIENCE_MS = 1_800_000;

export default defineConfig({
  test: {
    root: join(import.meta.dirname, "../.."),
    include: ["test/trivy/**/*.test.ts"],
    // Its modules name each other without the file's ending, which Node refuses and bundlers take.
    server: { deps: { inline: ["@pandatix/js-cvss"] } },
    testTimeout: PATIENCE_MS,
    hookTimeout: PATIENCE_MS,
  },
});
