/** Slow lines: a client gives up if it has no answer soon after the last byte that its socket took. */
import { type Edge, startEdge } from "../../test/support/edge.ts";
import { startProxyProcess } from "../proxy.ts";
import type { Finding } from "./finding.ts";
import { makeLayer } from "./layer.ts";
import { type Place, pushLayer } from "./push.ts";

const LIMIT_BYTES = 100_000_000;
/** jib's patience; containerd has 30 s. */
const PATIENCE_SECONDS = 20;
/** The sockets of smaller layers have all of them at once, which no proxy sends sooner than the line lets it. */
const LEAST_BYTES = 8_000_000;

interface Case {
  readonly megabits: number;
  readonly layers: number;
  readonly seconds: number;
}

/** Measures each line, with one layer and with several at once. */
export async function* measureUplinks(direct: Place, isShort: boolean): AsyncGenerator<Finding> {
  const seconds = isShort ? 20 : 60;
  for (const megabits of [2, 10, 100]) {
    for (const layers of [1, 5]) {
      yield await measure(direct, { megabits, layers, seconds });
    }
  }
}

async function measure(direct: Place, { megabits, layers, seconds }: Case): Promise<Finding> {
  const bytesPerSecond = (megabits * 1_000_000) / 8;
  const edge = await startEdge({
    upstream: direct.url,
    limitBytes: LIMIT_BYTES,
    uplinkBytesPerSecond: bytesPerSecond,
  });
  const proxy = await startProxyProcess(edge.url);
  const what = `${megabits} Mbit/s, ${layers === 1 ? "one layer" : `${layers} layers at once`}`;
  try {
    const bytes = Math.max(LEAST_BYTES, Math.floor((bytesPerSecond * seconds) / layers));
    const proxied = { ...direct, url: proxy.url };
    const pushes = Array.from({ length: layers }, (_, i) =>
      pushLayer(proxied, `transfer/uplink-${i}`, makeLayer(bytes), PATIENCE_SECONDS),
    );
    const waits = (await Promise.all(pushes)).map(({ waitSeconds }) => waitSeconds);
    return {
      text: `${what}: ${Math.max(...waits).toFixed(1)} s from the last byte to the answer${used(edge, bytesPerSecond)}`,
      isMet: edge.refused === 0,
    };
  } catch (error) {
    return {
      text: `${what}: ${error instanceof Error ? error.message : String(error)}`,
      isMet: false,
    };
  } finally {
    await proxy.stop();
    await edge.stop();
  }
}

function used({ requests }: Edge, bytesPerSecond: number): string {
  const chunks = requests.map(({ bodyBytes }) => bodyBytes).filter((bytes) => bytes > 0);
  const largest = Math.max(...chunks);
  return `; requests of up to ${(largest / bytesPerSecond).toFixed(1)} s`;
}
