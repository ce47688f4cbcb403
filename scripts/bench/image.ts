/** A whole image of twelve layers, pushed and pulled by skopeo: the wait of a person at a keyboard. */
import { createCipheriv } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeIndexFile, writeLayer, writeManifest } from "../../test/e2e/layout.ts";
import { run } from "../../test/e2e/shell.ts";
import { type Case, timed, type Variant } from "./measure.ts";
import { MIB, type Size } from "./size.ts";
import type { Missing, Registry, Subjects } from "./subjects.ts";

const NAME = "bench/image:latest";

/** Returns the tool that is missing, or null. */
export function missingTool(): Missing | null {
  const { error } = spawnSync("skopeo", ["--version"]);
  return error === undefined ? null : { subject: "skopeo", reason: "not installed" };
}

export async function* imageCases(subjects: Subjects, size: Size): AsyncGenerator<Case> {
  const work = await mkdtemp(join(tmpdir(), "slipway-bench-image-"));
  try {
    const layout = join(work, "layout");
    await makeImage(layout, size.layers);
    const mebibytes = size.layers.reduce((sum, layer) => sum + layer, 0);
    const title = `an image of ${size.layers.length} layers, ${mebibytes} MiB, by skopeo`;
    const common = { unit: "images/min", work: "image", targets: [], plotted: true } as const;
    const { registries } = subjects;
    yield {
      ...common,
      name: "image-push",
      title: `push of ${title}`,
      rounds: size.rounds,
      warmUp: false,
      variants: registries.map((registry) => pushVariant(registry, layout, work)),
    };
    yield {
      ...common,
      name: "image-pull",
      title: `pull of ${title}`,
      rounds: size.rounds,
      warmUp: true,
      variants: registries.map((registry) => pullVariant(registry, work)),
    };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Pushes into an empty store each time. */
function pushVariant(registry: Registry, layout: string, work: string): Variant {
  return {
    name: registry.name,
    async sample() {
      await registry.renew();
      const argv = ["copy", "--dest-tls-verify=false", ...as(registry, "dest")];
      const sample = await copied(registry, work, [...argv, `oci:${layout}:v1`, remote(registry)]);
      spawnSync("sync");
      return sample;
    },
  };
}

function pullVariant(registry: Registry, work: string): Variant {
  return {
    name: registry.name,
    async sample() {
      const folder = join(work, "pulled");
      await rm(folder, { recursive: true, force: true });
      const argv = ["copy", "--src-tls-verify=false", ...as(registry, "src")];
      return copied(registry, work, [...argv, remote(registry), `dir:${folder}`]);
    },
  };
}

function as({ credentials }: Registry, side: "src" | "dest"): readonly string[] {
  return credentials === null ? [] : [`--${side}-creds=${credentials}`];
}

function remote({ url }: Registry): string {
  return `docker://${new URL(url).host}/${NAME}`;
}

async function copied(registry: Registry, work: string, argv: readonly string[]) {
  // skopeo caches which blobs other registries have, which would change what it sends. Where it keeps that depends on
  // its user, and for root there is no option.
  const memory = join(work, "memory");
  await rm(memory, { recursive: true, force: true });
  const env = { XDG_DATA_HOME: memory, _CONTAINERS_ROOTLESS_UID: "1" };
  const { seconds, cpu } = await timed(registry.pids(), async () => {
    await run(["skopeo", ...argv], { env, timeout: 300 });
  });
  return { value: 60 / seconds, cpu };
}

async function makeImage(layout: string, mebibytes: readonly number[]): Promise<void> {
  await mkdir(join(layout, "blobs", "sha256"), { recursive: true });
  const layers = [];
  for (const [index, size] of mebibytes.entries()) {
    const content = randomBytes(index, size);
    const entry = { path: `data/${index}`, size: size * MIB, content };
    // Random bytes don't shrink: storing them saves the time of trying.
    layers.push(await writeLayer(layout, [entry], 0));
  }
  const platform = { os: "linux", architecture: "amd64" };
  const manifest = await writeManifest(layout, { platform, layers, command: ["/none"] });
  await writeIndexFile(layout, "image", manifest);
}

function* randomBytes(seed: number, mebibytes: number): Generator<Buffer> {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, 1), Buffer.alloc(16, seed + 1));
  for (let left = mebibytes; left > 0; left--) yield cipher.update(Buffer.alloc(MIB));
}
