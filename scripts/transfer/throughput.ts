/** How fast a layer goes through the proxy, compared with the same registry without it. */
import { startProxyProcess } from "../proxy.ts";
import { makeLayer } from "./layer.ts";
import { type Place, pushLayer } from "./push.ts";
import type { Finding } from "./finding.ts";

const MIB = 1024 ** 2;
const LEAST_RATIO = 0.9;

/** One layer at a time: straight and through the proxy in turns, the first round not counted. */
export async function* measureThroughput(direct: Place, isShort: boolean): AsyncGenerator<Finding> {
  const [bytes, rounds] = isShort ? [256 * MIB, 3] : [1024 * MIB, 7];
  const proxy = await startProxyProcess(direct.url);
  const proxied = { ...direct, url: proxy.url };
  const speeds = { direct: [] as number[], proxied: [] as number[] };
  try {
    for (let round = 0; round <= rounds; round++) {
      const turns = [
        { to: direct, into: speeds.direct },
        { to: proxied, into: speeds.proxied },
      ];
      for (const { to, into } of round % 2 === 0 ? turns : turns.toReversed()) {
        const { seconds } = await pushLayer(to, "transfer/throughput", makeLayer(bytes));
        if (round > 0) into.push(bytes / MIB / seconds);
      }
    }
  } finally {
    await proxy.stop();
  }
  const [straight, through] = [median(speeds.direct), median(speeds.proxied)];
  const ratio = through / straight;
  const text = `${bytes / MIB} MiB: ${through.toFixed(0)} MiB/s through the proxy, ${straight.toFixed(0)} MiB/s straight, ratio ${ratio.toFixed(2)} (at least ${LEAST_RATIO})`;
  yield { text, isMet: ratio >= LEAST_RATIO };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}
