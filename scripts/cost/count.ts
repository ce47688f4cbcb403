/** Counts the usage of pulls and pushes of whole images by doing them: with their real sizes, and without any waits. */
import { Flow } from "../model/flow.ts";
import { type Image, makeImage } from "../model/images.ts";
import { SlowRegistry } from "../model/registry.ts";
import { AT_ONCE } from "../model/run.ts";
import { containerd, docker, type Shape } from "../model/shapes.ts";
import { type Assumptions, type Usage, usageOf } from "./usage.ts";

const MIB = 1024 ** 2;
/** The sizes of 12 layers, with most of the bytes in a few of them, as in real images. */
const SIZES = [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32, 64];
/** An isolate reports its pulls after 5 seconds, and the queue delivers after 5 more. */
const QUIET_PULL_MS = 11_500;
const QUIET_PUSH_MS = 500;

export interface Costing {
  readonly image: string;
  readonly bytes: number;
  readonly pull: { readonly cold: Usage; readonly warm: Usage };
  readonly push: { readonly docker: Usage; readonly containerd: Usage };
}

/** @param factors how many times larger the images are than 158 MiB */
export async function countAll(
  factors: readonly number[],
  assumed: Assumptions,
): Promise<Costing[]> {
  const registry = await SlowRegistry.create();
  try {
    const costings: Costing[] = [];
    for (const factor of factors) costings.push(await count(registry, factor, assumed));
    return costings;
  } finally {
    await registry.stop();
  }
}

async function count(
  registry: SlowRegistry,
  factor: number,
  assumed: Assumptions,
): Promise<Costing> {
  const sizes = SIZES.map((size) => size * factor * MIB);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const push = async (shape: Shape): Promise<{ usage: Usage; image: Image }> => {
    const image = makeImage(`cost/${shape.name}-${factor}`, sizes);
    const usage = await used(registry, { shape, quiet: QUIET_PUSH_MS, assumed }, async (flow) => {
      await shape.push(flow, image);
      // R2 hashes a blob that comes in one PUT with its length, as containerd sends it.
      return shape === docker ? bytes : 0;
    });
    return { usage, image };
  };
  const byContainerd = await push(containerd);
  const { usage: byDocker, image } = await push(docker);
  await registry.restart(null);
  const pull = () =>
    used(registry, { shape: docker, quiet: QUIET_PULL_MS, assumed }, async (flow) => {
      await docker.pull(flow, image);
      return 0;
    });
  const cold = await pull();
  const warm = await pull();
  const name = `${Math.round(bytes / 1e6)} MB`;
  const pushes = { docker: byDocker, containerd: byContainerd.usage };
  return { image: name, bytes, pull: { cold, warm }, push: pushes };
}

interface Work {
  readonly shape: Shape;
  readonly quiet: number;
  readonly assumed: Assumptions;
}

/** @param run answers how many bytes the Worker hashed */
async function used(
  registry: SlowRegistry,
  { shape, quiet, assumed }: Work,
  run: (flow: Flow) => Promise<number>,
): Promise<Usage> {
  await registry.forget();
  const flow = new Flow(registry, AT_ONCE, shape.keepsConnections);
  const bytesHashed = await run(flow);
  const calls = await registry.settle(quiet);
  return usageOf({ requests: flow.sent.length, bytesHashed, calls }, assumed);
}
