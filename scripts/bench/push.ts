/** Pushes of blobs of each size, by one client and by eight, in the two ways in which clients do it. */
import { spawnSync } from "node:child_process";
import { type Body, makeBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import { type Case, type Sample, type Target, timed, type Variant } from "./measure.ts";
import { type BlobSize, type Clients, MIB, type Size } from "./size.ts";
import type { Subject } from "./subject.ts";
import { BARE, type Registry, type Subjects } from "./subjects.ts";
import {
  barePullUrl,
  openRepository,
  pullUrl,
  type Push,
  pushAsDocker,
  pushBareMultipart,
  pushBareWhole,
  pushWhole,
  type Repository,
  verify,
} from "./transfers.ts";

interface Form {
  readonly name: string;
  readonly title: string;
  readonly push: (to: Repository, one: Push) => Promise<void>;
  readonly pushBare: (bare: Subject, one: Push) => Promise<void>;
}

const FORMS: readonly Form[] = [
  { name: "docker", title: "POST, PATCH, PUT", push: pushAsDocker, pushBare: pushBareMultipart },
  { name: "whole", title: "POST, PUT", push: pushWhole, pushBare: pushBareWhole },
];
const REPOSITORY = "bench/push";
const CLIENTS = [1, 8] as const;
/** Bytes of a sample above which the store is emptied after it: the disk cannot hold all of them. */
const STORE_BYTES = 0.5e9;
const LONGEST_BYTES = 2e9;
/** The push whose ratio was promised. */
const PROMISED = { form: "docker", bytes: 95 * MIB, clients: 1, least: 0.9 };

export async function* pushCases(subjects: Subjects, size: Size): AsyncGenerator<Case> {
  for (const blob of size.blobs) {
    for (const form of FORMS) {
      for (const clients of CLIENTS) {
        // With eight clients the largest blob takes minutes, so it is pushed in one of the two ways only.
        if (form.name === "whole" && clients * blob.bytes > LONGEST_BYTES) continue;
        yield pushCase(subjects, { blob, form, clients, size });
      }
    }
  }
}

interface Plan {
  readonly blob: BlobSize;
  readonly form: Form;
  readonly clients: Clients;
  readonly size: Size;
}

function pushCase({ registries, bare }: Subjects, plan: Plan): Case {
  const { blob, form, clients, size } = plan;
  const { bytes } = blob;
  const isPromised =
    form.name === PROMISED.form && bytes === PROMISED.bytes && clients === PROMISED.clients;
  const usual = blob.rounds?.[clients] ?? size.rounds;
  const rounds = isPromised ? size.rounds + size.more : usual;
  const target: Target = { against: BARE, least: PROMISED.least };
  return {
    name: `push-${form.name}-${sizeOf(bytes)}-${clients}`,
    title: `push of ${titleOf(bytes)}, ${form.title}, ${clients} client${clients === 1 ? "" : "s"}`,
    unit: bytes < MIB ? "blobs/s" : "MiB/s",
    work: bytes < MIB ? "1000 requests" : "GB",
    rounds,
    warmUp: bytes < MIB,
    variants: [...registries.map((one) => variant(one, plan)), bareVariant(bare, plan)],
    targets: isPromised ? [target] : [],
    plotted: clients === 1 && bytes === 95 * MIB,
  };
}

/** Pushes new bytes each time; the first time they are read back and compared. */
function variant(registry: Registry, plan: Plan): Variant {
  return checked(registry, plan, async () => {
    const to = await openRepository(registry, REPOSITORY);
    return {
      push: (one) => plan.form.push(to, one),
      url: (digest) => pullUrl(to, digest),
      headers: to.headers,
    };
  });
}

function bareVariant(bare: Subject, plan: Plan): Variant {
  return checked(bare, plan, async () => ({
    push: (one) => plan.form.pushBare(bare, one),
    url: (digest) => barePullUrl(bare, digest),
    headers: {},
  }));
}

interface Way {
  readonly push: (one: Push) => Promise<void>;
  readonly url: (digest: string) => string;
  readonly headers: Readonly<Record<string, string>>;
}

function checked(subject: Subject, { blob, clients }: Plan, open: () => Promise<Way>): Variant {
  let verified = false;
  return {
    name: subject.name,
    async sample(): Promise<Sample> {
      const count = blob.pushes[clients];
      const { push, url, headers } = await open();
      const bodies = Array.from({ length: count }, () => makeBody(blob.bytes));
      const { seconds, cpu } = await timed(subject.pids(), () => pushAll(bodies, clients, push));
      const [first] = bodies;
      if (!verified && first !== undefined) {
        await withConnection((send) => verify({ send, url: url(first.digest), headers }, first));
      }
      verified = true;
      // Otherwise the disk would still write this sample's bytes while the next one is measured.
      if (count * blob.bytes > STORE_BYTES) await subject.renew();
      else spawnSync("sync");
      const bytes = count * blob.bytes;
      return blob.bytes < MIB
        ? { value: count / seconds, cpu: (1000 * cpu) / count }
        : { value: bytes / MIB / seconds, cpu: (1e9 * cpu) / bytes };
    },
  };
}

/** Each client has a connection of its own, as an engine does within one push, and takes the next body when it is done. */
async function pushAll(bodies: readonly Body[], clients: number, push: Way["push"]): Promise<void> {
  const left = [...bodies];
  const client = (): Promise<void> =>
    withConnection(async (send) => {
      for (let body = left.pop(); body !== undefined; body = left.pop()) await push({ body, send });
    });
  await Promise.all(Array.from({ length: clients }, client));
}

export function titleOf(bytes: number): string {
  return bytes < MIB ? `${bytes / 1024} KiB` : `${bytes / MIB} MiB`;
}

export function sizeOf(bytes: number): string {
  return bytes < MIB ? `${bytes / 1024}k` : `${bytes / MIB}m`;
}
