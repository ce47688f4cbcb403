/** The cases that are timed: what Slipway does, and beside it the bare platform call. */
import { makeBody } from "./bodies.ts";
import { withConnection } from "./client.ts";
import { download } from "./download.ts";
import type { Size } from "./main.ts";
import { manifestCases } from "./manifests.ts";
import { type Case, timed, type Variant } from "./measure.ts";
import type { Bare, Subjects } from "./subjects.ts";
import { tokenCases } from "./tokens.ts";
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

const GB = 1e9;

/** Each case by its name; they are set up when their turn comes. */
export const CASES: Readonly<
  Record<string, (subjects: Subjects, size: Size) => Promise<readonly Case[]>>
> = {
  "push-docker": dockerPush,
  "push-whole": wholePush,
  "pull-blob": blobPull,
  "pull-manifest": manifestCases,
  token: tokenCases,
};

async function dockerPush({ slipway, bare }: Subjects, { layer }: Size): Promise<readonly Case[]> {
  const repository = await openRepository(slipway, "bench/docker");
  const push = {
    name: "push-docker",
    title: `push of ${mebibytes(layer)} as Docker does it`,
    unit: "s",
    work: { amount: layer / GB, unit: "GB" },
    slipway: pushVariant(repository, layer, (one) => pushAsDocker(repository, one)),
    bare: [
      {
        ...barePushVariant(bare, layer, (one) => pushBareMultipart(bare, one)),
        name: "bare multipart loop",
        target: 1.15,
      },
    ],
  } as const;
  return [push];
}

async function wholePush({ slipway, bare }: Subjects, { layer }: Size): Promise<readonly Case[]> {
  const repository = await openRepository(slipway, "bench/whole");
  const push = {
    name: "push-whole",
    title: `push of ${mebibytes(layer)} in one PUT`,
    unit: "s",
    work: { amount: layer / GB, unit: "GB" },
    slipway: pushVariant(repository, layer, (one) => pushWhole(repository, one)),
    bare: [
      {
        ...barePushVariant(bare, layer, (one) => pushBareWhole(bare, one, true)),
        name: "bare put with sha256",
        target: 1.1,
      },
      {
        ...barePushVariant(bare, layer, (one) => pushBareWhole(bare, one, false)),
        name: "bare put without checksum",
        target: null,
      },
    ],
  } as const;
  return [push];
}

async function blobPull({ slipway, bare }: Subjects, { blob }: Size): Promise<readonly Case[]> {
  const repository = await openRepository(slipway, "bench/pull");
  const body = makeBody(blob);
  const url = pullUrl(repository, body.digest);
  const bareUrl = barePullUrl(bare, body.digest);
  await withConnection(async (send) => {
    await pushWhole(repository, { body, send });
    await pushBareWhole(bare, { body, send }, true);
    await verify({ send, url, headers: repository.headers }, body);
    await verify({ send, url: bareUrl, headers: {} }, body);
  });
  const pull = (pids: readonly number[], from: string, headers: Record<string, string>) => () =>
    timed(pids, () => download(from, headers, blob));
  const one = {
    name: "pull-blob",
    title: `pull of ${mebibytes(blob)}`,
    unit: "s",
    work: { amount: blob / GB, unit: "GB" },
    slipway: { name: "slipway", sample: pull(slipway.pids, url, repository.headers) },
    bare: [{ name: "bare get", sample: pull(bare.pids, bareUrl, {}), target: 1.05 }],
  } as const;
  return [one];
}

/** Pushes new bytes each time; the first time they are read back and compared. */
function pushVariant(
  { slipway, name, headers }: Repository,
  size: number,
  push: (one: Push) => Promise<void>,
): Variant {
  const url = (digest: string): string => pullUrl({ slipway, name, headers }, digest);
  return variant({ name: "slipway", pids: slipway.pids, size, push, url, headers });
}

function barePushVariant(bare: Bare, size: number, push: (one: Push) => Promise<void>): Variant {
  const url = (digest: string): string => barePullUrl(bare, digest);
  return variant({ name: "bare", pids: bare.pids, size, push, url, headers: {} });
}

interface Pusher {
  readonly name: string;
  readonly pids: readonly number[];
  readonly size: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly push: (one: Push) => Promise<void>;
  readonly url: (digest: string) => string;
}

function variant({ name, pids, size, headers, push, url }: Pusher): Variant {
  let verified = false;
  return {
    name,
    sample: () =>
      withConnection(async (send) => {
        const body = makeBody(size);
        const sample = await timed(pids, () => push({ body, send }));
        if (!verified) await verify({ send, url: url(body.digest), headers }, body);
        verified = true;
        return sample;
      }),
  };
}

function mebibytes(bytes: number): string {
  return `${bytes / 1024 ** 2} MiB`;
}
