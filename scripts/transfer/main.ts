/**
 * `npm run transfer [-- --short] [throughput|memory|uplinks|large ...]`: what `slipway proxy` costs. Throughput is a ratio to
 * pushing straight to the same registry on this machine, in turns; memory is the most that the proxy had; and over slow
 * lines a client must get its answer soon after its last byte; and a layer far above the edge's limit gets through.
 */
import { parseArgs } from "node:util";
import { startServer } from "../server.ts";
import { measureLarge } from "./large.ts";
import { measureMemory } from "./memory.ts";
import { measureThroughput } from "./throughput.ts";
import { measureUplinks } from "./uplinks.ts";

const PARTS = {
  throughput: measureThroughput,
  uplinks: measureUplinks,
  memory: measureMemory,
  large: measureLarge,
};
type Part = keyof typeof PARTS;

const { values, positionals } = parseArgs({
  options: { short: { type: "boolean", default: false } },
  allowPositionals: true,
});
const chosen = positionals.length === 0 ? Object.keys(PARTS) : positionals;
const unknown = chosen.find((name) => !(name in PARTS));
if (unknown !== undefined) throw new Error(`no ${unknown}: ${Object.keys(PARTS).join(", ")}`);

const server = await startServer({ env: { LOG_READS: "false" } });
const authorization = `Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}`;
let failures = 0;
try {
  for (const part of chosen) {
    const place = { url: server.url, authorization };
    for await (const { text, isMet } of PARTS[part as Part](place, values.short)) {
      console.log(`${isMet ? "ok  " : "FAIL"} ${part}: ${text}`);
      failures += isMet ? 0 : 1;
    }
  }
} finally {
  await server.stop();
}
process.exitCode = failures === 0 ? 0 : 1;
