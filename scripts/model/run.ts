/** Pulls and pushes of an image of 12 layers, in one place, by one client. */
import type { Wait, Waits } from "./worker/call.ts";
import { countWaits, type Waited } from "./chain.ts";
import { Flow, type Network } from "./flow.ts";
import { type Image, makeImage, underIndex } from "./images.ts";
import type { SlowRegistry } from "./registry.ts";
import { containerd, putDocument, type Shape } from "./shapes.ts";

/** The size of a layer: too large for the isolate's memory, as most are, and too small for its bytes to matter. */
const LAYER_SIZE = 128 * 1024;
const LAYERS = 12;
/** Milliseconds after its last call when all deferred work of a request is done. */
const QUIET_MS = 200;

export interface Measured extends Waited {
  readonly client: string;
  /** The kind of work: "pull, cold", for example. */
  readonly work: string;
  readonly milliseconds: number;
  readonly requests: number;
}

/** The times of waits in one location, and of the way between the client and its edge. */
export interface Place {
  readonly name: string;
  readonly waits: Waits;
  readonly network: Network;
}

export const AT_ONCE: Network = { roundTrip: 0, setUpRoundTrips: 0 };

/** Pushes the image that is pulled, without any waits. */
export async function pushSingle(registry: SlowRegistry): Promise<Image> {
  const single = makeImage("model/single", sizes());
  await containerd.push(new Flow(registry, AT_ONCE, true), single);
  return single;
}

/** Pushes an image under an index that names another one too. */
export async function pushIndex(registry: SlowRegistry): Promise<Image> {
  const [first, other] = [makeImage("model/index", sizes()), makeImage("model/index", [1000])];
  await containerd.push(new Flow(registry, AT_ONCE, true), first);
  const flow = new Flow(registry, AT_ONCE, true);
  await containerd.push(flow, { ...other, tag: "other" });
  const { image, index } = underIndex(first, [other]);
  await flow.one(putDocument(image, index, image.tag));
  return image;
}

/** Measures pulls with an empty isolate and an empty edge cache, and once more after that. */
export async function measurePulls(
  registry: SlowRegistry,
  { waits, network }: Place,
  shape: Shape,
  image: Image,
): Promise<Measured[]> {
  await registry.restart(waits);
  const results: Measured[] = [];
  for (const state of ["cold", "warm"]) {
    const work = `pull${image.index === null ? "" : " by an index"}, ${state}`;
    const flow = new Flow(registry, network, shape.keepsConnections);
    results.push(await measure(registry, flow, { shape, work }, () => shape.pull(flow, image)));
  }
  return results;
}

/**
 * Measures pushes: of new layers, of the same again, and into another repository that may mount them from the first.
 */
export async function measurePushes(
  registry: SlowRegistry,
  { name, waits, network }: Place,
  shape: Shape,
): Promise<Measured[]> {
  await registry.restart(waits);
  const image = makeImage(`push/${shape.name}-${name.replaceAll(/\W+/g, "-")}`, sizes());
  // Each image has a config of its own.
  const target = { ...image, repository: `${image.repository}-mounted` };
  const works: readonly [string, (flow: Flow) => Promise<void>][] = [
    ["push", (flow) => shape.push(flow, image)],
    ["push again", (flow) => shape.pushAgain(flow, image)],
    ["push, mounting", (flow) => shape.pushMounted(flow, target, image.repository)],
  ];
  const results: Measured[] = [];
  for (const [work, run] of works) {
    const flow = new Flow(registry, network, shape.keepsConnections);
    results.push(await measure(registry, flow, { shape, work }, () => run(flow)));
  }
  return results;
}

async function measure(
  registry: SlowRegistry,
  flow: Flow,
  { shape, work }: { readonly shape: Shape; readonly work: string },
  run: () => Promise<void>,
): Promise<Measured> {
  await registry.forget();
  const began = performance.now();
  await run();
  const milliseconds = performance.now() - began;
  const { ended } = await registry.settle(QUIET_MS);
  const requests = flow.sent.length;
  return { client: shape.name, work, milliseconds, requests, ...countWaits(flow.sent, ended) };
}

function sizes(): readonly number[] {
  return Array.from({ length: LAYERS }, () => LAYER_SIZE);
}

/** scripts/model/times.json */
export interface Times {
  readonly date: string;
  readonly places: Readonly<Record<string, string>>;
  readonly network: {
    readonly clientToEdge: { readonly ms: number };
    readonly betweenContinents: { readonly ms: number };
    readonly setUpRoundTrips: { readonly count: number };
  };
  readonly calls: Readonly<Record<Wait, Time>>;
}

interface Time {
  readonly ms: number;
  /** Whether the call has to go to another continent. */
  readonly crosses: "far" | "without replica" | "never";
}

export const PLACES = ["near", "far", "far, no replica"] as const;

export function placeOf(times: Times, name: (typeof PLACES)[number]): Place {
  const { clientToEdge, betweenContinents, setUpRoundTrips } = times.network;
  const of = (wait: Wait): number => {
    const { ms, crosses } = times.calls[wait];
    const isFar =
      (crosses === "far" && name !== "near") ||
      (crosses === "without replica" && name === "far, no replica");
    return ms + (isFar ? betweenContinents.ms : 0);
  };
  const waits: Waits = {
    d1Primary: of("d1Primary"),
    d1Replica: of("d1Replica"),
    r2Read: of("r2Read"),
    r2Write: of("r2Write"),
    objectNew: of("objectNew"),
    object: of("object"),
    queue: of("queue"),
    cacheRead: of("cacheRead"),
    cacheWrite: of("cacheWrite"),
  };
  const network = { roundTrip: clientToEdge.ms, setUpRoundTrips: setUpRoundTrips.count };
  return { name, waits, network };
}
