/** Pulls of blobs of each size, by one client and by eight; and of a large one from the bucket and from the cache. */
import { type Body, makeBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import { type Case, quiet, type Target } from "./measure.ts";
import { sizeOf, titleOf } from "./push.ts";
import { type Asked, pullVariant } from "./rates.ts";
import { type Clients, MIB, type Size } from "./size.ts";
import type { Subject } from "./subject.ts";
import { BARE, type Registry, SLIPWAY, type Subjects } from "./subjects.ts";
import {
  barePullUrl,
  hexOf,
  openRepository,
  pullUrl,
  pushBareWhole,
  pushWhole,
  verify,
} from "./transfers.ts";

const REPOSITORY = "bench/pull";
/** The bare Worker again, with its bytes in the Cache API instead of R2. */
const IN_CACHE = `${BARE}, cache`;
const TARGETS: readonly Target[] = [
  { against: BARE, least: 0.95 },
  { against: "docker-registry 2.8.3", least: 1 },
];

export async function* pullCases(subjects: Subjects, size: Size): AsyncGenerator<Case> {
  for (const blob of size.blobs) {
    const asked = await place(subjects, makeBody(blob.bytes));
    for (const clients of [1, 8] as const) {
      const requests = blob.pulls[clients];
      yield {
        ...titles(blob.bytes, clients),
        work: blob.bytes < MIB ? "1000 requests" : "GB",
        rounds: size.rounds,
        // The comparison of the bytes was a pull too, so the cache has them.
        warmUp: false,
        variants: asked.map((one) => pullVariant(one, { connections: clients, requests })),
        targets: [],
        plotted: clients === 8 && blob.bytes === 10 * MIB,
      };
    }
  }
  yield* largeCases(subjects, size);
}

function titles(bytes: number, clients: Clients): Pick<Case, "name" | "title" | "unit"> {
  return {
    name: `pull-${sizeOf(bytes)}-${clients}`,
    title: `pull of ${titleOf(bytes)}, ${clients} client${clients === 1 ? "" : "s"}`,
    unit: bytes < MIB ? "blobs/s" : "MiB/s",
  };
}

/** The largest blob that the edge cache accepts; its first pull reads from R2. */
async function* largeCases(subjects: Subjects, size: Size): AsyncGenerator<Case> {
  const { slipway } = subjects;
  const asked = await place(subjects, makeBody(size.cached));
  const others = asked.filter(({ subject }) => subject.name !== SLIPWAY);
  const once = { connections: 1, requests: 1 };
  const common = {
    unit: "MiB/s",
    work: "GB",
    rounds: size.rounds + size.more,
    targets: TARGETS,
    plotted: true,
  } as const;
  const [ours] = asked;
  if (ours === undefined) return;
  const unknown = async (): Promise<Asked> => {
    const body = makeBody(size.cached);
    const to = await openRepository(slipway, REPOSITORY);
    await withConnection((send) => pushWhole(to, { body, send }));
    await quiet(slipway.pids());
    return { ...ours, url: pullUrl(to, body.digest) };
  };
  const title = `pull of ${titleOf(size.cached)}`;
  yield {
    ...common,
    name: "pull-first",
    title: `${title}, the first: Slipway's from R2`,
    warmUp: false,
    variants: [ours, ...others].map((one) =>
      one === ours ? pullVariant(one, once, unknown) : pullVariant(one, once),
    ),
  };
  yield {
    ...common,
    name: "pull-again",
    title: `${title}, again: Slipway's from the cache`,
    warmUp: true,
    targets: [...TARGETS, { against: IN_CACHE, least: null }],
    variants: [...asked, await placedInCache(subjects.bare, size.cached)].map((one) =>
      pullVariant(one, once),
    ),
  };
}

/** Makes the same blob readable everywhere, reads it once and compares it. Slipway's comes first. */
async function place({ registries, bare }: Subjects, body: Body): Promise<readonly Asked[]> {
  const asked = await Promise.all(registries.map((registry) => placed(registry, body)));
  return [...asked, await placedBare(bare, body)];
}

async function placed(registry: Registry, body: Body): Promise<Asked> {
  const to = await openRepository(registry, REPOSITORY);
  const url = pullUrl(to, body.digest);
  await withConnection(async (send) => {
    await pushWhole(to, { body, send });
    await verify({ send, url, headers: to.headers }, body);
  });
  await quiet(registry.pids());
  const headers = (): Promise<Readonly<Record<string, string>>> => registry.headers(REPOSITORY);
  return { subject: registry, url, headers, size: body.size };
}

async function placedBare(bare: Subject, body: Body): Promise<Asked> {
  const url = barePullUrl(bare, body.digest);
  await withConnection(async (send) => {
    await pushBareWhole(bare, { body, send });
    await verify({ send, url, headers: {} }, body);
  });
  return { subject: bare, url, headers: async () => ({}), size: body.size };
}

async function placedInCache(bare: Subject, bytes: number): Promise<Asked> {
  const body = makeBody(bytes);
  const url = `${bare.url}/cache/${hexOf(body)}`;
  await withConnection(async (send) => {
    await send({ method: "PUT", url, body, expect: 201 });
    await verify({ send, url, headers: {} }, body);
  });
  return { subject: bare, name: IN_CACHE, url, headers: async () => ({}), size: bytes };
}
