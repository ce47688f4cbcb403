/** How much memory the proxy takes with several large layers at once. */
import { memoryOf } from "../bench/processes.ts";
import { startProxyProcess } from "../proxy.ts";
import type { Finding } from "./finding.ts";
import { makeLayer } from "./layer.ts";
import { type Place, pushLayer } from "./push.ts";

const MIB = 1024 ** 2;
const LAYERS = 8;
const MOST_BYTES = 200_000_000;

export async function* measureMemory(direct: Place, isShort: boolean): AsyncGenerator<Finding> {
  const bytes = isShort ? 256 * MIB : 3_000_000_000;
  const proxy = await startProxyProcess(direct.url);
  try {
    const before = memoryOf(proxy.pid).peak;
    const layers = Array.from({ length: LAYERS }, () => makeLayer(bytes));
    const began = performance.now();
    const proxied = { ...direct, url: proxy.url };
    await Promise.all(
      layers.map((layer, i) => pushLayer(proxied, `transfer/memory-${i}`, layer, 3600)),
    );
    const seconds = (performance.now() - began) / 1000;
    const { peak } = memoryOf(proxy.pid);
    const [least, most, limit] = [before, peak, MOST_BYTES].map((size) => (size / 1e6).toFixed(0));
    const text = `${LAYERS} layers of ${(bytes / 1e9).toFixed(1)} GB at once in ${seconds.toFixed(0)} s: ${most} MB at most, ${least} MB before (at most ${limit})`;
    yield { text, isMet: peak <= MOST_BYTES };
  } finally {
    await proxy.stop();
  }
}
