/**
 * The test images, made here byte for byte the same each time and kept in the cache: an OCI layout
 * for the clients that read one, and an archive that is an OCI layout and a `docker save` at once
 * for the engines. Running an image prints the SHA-256 of each file it brought, so a run compares
 * what the client unpacked with what was pushed.
 */
import { createCipheriv, createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  indexType,
  platformName,
  writeArchive,
  writeBlob,
  writeIndexFile,
  writeLayer,
  writeManifest,
  type Layer,
  type Written,
} from "./layout.ts";
import { file, type Entry } from "./tar.ts";

export interface Image {
  name: string;
  layout: string;
  archive: string;
  /** The digest of the manifest, or of the index. */
  digest: string;
  config: string;
  layers: string[];
  diffIds: string[];
  /** The output of running it. */
  sums: string;
  platforms: Record<string, string>;
}

/** Changes whenever the images made below would differ, so that cached ones are made again. */
const VERSION = "1";
const MIB = 1024 * 1024;
const TWELVE_MIB = [1, 1, 1, 1, 2, 2, 2, 4, 4, 8, 12];
const ARCHITECTURES: Record<string, string> = { x64: "amd64", arm64: "arm64", arm: "arm" };
const APPLETS = ["cat", "ls", "sh", "sha256sum", "sleep", "true"];

export const nativeArchitecture = ARCHITECTURES[process.arch] ?? process.arch;

export interface Images {
  hello: Image;
  twelve: Image;
  big: Image;
  /** Above the limit of the suite's edge, by one layer of 12 MiB. */
  large: Image;
  index: Image;
}

export async function makeImages(cache: string): Promise<Images> {
  const folder = join(cache, "images", VERSION);
  return {
    hello: await cached(folder, "hello", (at) => makeImage(at, "hello", [])),
    twelve: await cached(folder, "twelve", (at) => makeImage(at, "twelve", TWELVE_MIB)),
    big: await cached(folder, "big", (at) => makeImage(at, "big", [600])),
    large: await cached(folder, "large", (at) => makeImage(at, "large", [12])),
    index: await cached(folder, "index", makeIndex),
  };
}

type Made = Omit<Image, "name" | "layout" | "archive">;

async function cached(
  folder: string,
  name: string,
  make: (at: string) => Promise<Made>,
): Promise<Image> {
  const home = join(folder, name);
  const layout = join(home, "layout");
  const archive = join(home, "archive.tar");
  const record = join(home, "image.json");
  if (!existsSync(record)) {
    // Made beside and renamed, so that an interrupted run leaves no half image that looks whole.
    const draft = `${home}.draft`;
    await rm(draft, { recursive: true, force: true });
    await rm(home, { recursive: true, force: true });
    await mkdir(join(draft, "layout", "blobs", "sha256"), { recursive: true });
    const made = await make(join(draft, "layout"));
    await writeArchive(join(draft, "layout"), join(draft, "archive.tar"), saved(name, made));
    await writeFile(join(draft, "image.json"), JSON.stringify(made, null, 2));
    await rename(draft, home);
  }
  const made: Made = JSON.parse(await readFile(record, "utf8"));
  return { name, layout, archive, ...made };
}

async function makeImage(layout: string, name: string, mib: number[]): Promise<Made> {
  const busybox = await readFile("/bin/busybox");
  const greeting = Buffer.from(`hello from ${name}\n`);
  const native = { os: "linux", architecture: nativeArchitecture };
  const contents = mib.map((size, index) => ({
    path: `data/${index + 1}`,
    size: size * MIB,
    seed: `${name}/${index}`,
  }));
  const layers = [await writeLayer(layout, [...system(busybox), file("greeting", greeting)], 6)];
  for (const { path, size, seed } of contents) {
    // Random bytes don't shrink: storing them saves the time of trying.
    layers.push(await writeLayer(layout, [{ path, size, content: randomBytes(seed, size) }], 0));
  }
  const sums = [`${sha256Of([greeting])}  /greeting`];
  for (const { path, size, seed } of contents) {
    sums.push(`${sha256Of(randomBytes(seed, size))}  /${path}`);
  }
  const command = ["/bin/sha256sum", "/greeting", ...contents.map(({ path }) => `/${path}`)];
  const manifest = await writeManifest(layout, { platform: native, layers, command });
  await writeIndexFile(layout, name, manifest);
  return {
    ...partsOf(manifest, layers),
    sums: sums.join("\n"),
    platforms: { [`linux/${nativeArchitecture}`]: manifest.digest },
  };
}

/** Three platforms, of which this machine can run its own; the others differ in one file. */
async function makeIndex(layout: string): Promise<Made> {
  const busybox = await readFile("/bin/busybox");
  const manifests: Written[] = [];
  let own: Made | undefined;
  for (const architecture of ["amd64", "arm64", "arm"]) {
    const variant = architecture === "arm" ? { variant: "v7" } : {};
    const platform = { os: "linux", architecture, ...variant };
    const greeting = Buffer.from(`hello from linux/${architecture}\n`);
    const native = architecture === nativeArchitecture;
    const entries = [...(native ? system(busybox) : []), file("greeting", greeting)];
    const layers = [await writeLayer(layout, entries, 6)];
    const command = ["/bin/sha256sum", "/greeting"];
    const manifest = await writeManifest(layout, { platform, layers, command });
    manifests.push(manifest);
    if (native) {
      own = {
        ...partsOf(manifest, layers),
        sums: `${sha256Of([greeting])}  /greeting`,
        platforms: {},
      };
    }
  }
  if (own === undefined) throw new Error(`no test image for the platform ${nativeArchitecture}`);
  const descriptors = manifests.map(({ mediaType, digest, size, platform }) => ({
    mediaType,
    digest,
    size,
    platform,
  }));
  const index = { schemaVersion: 2, mediaType: indexType, manifests: descriptors };
  const written = await writeBlob(layout, indexType, JSON.stringify(index));
  await writeIndexFile(layout, "index", written);
  const platforms = descriptors.map(({ platform, digest }) => [platformName(platform), digest]);
  return { ...own, digest: written.digest, platforms: Object.fromEntries(platforms) };
}

function partsOf(manifest: Written, layers: Layer[]) {
  return {
    digest: manifest.digest,
    config: manifest.config,
    layers: layers.map(({ digest }) => digest),
    diffIds: layers.map(({ diffId }) => diffId),
  };
}

function system(busybox: Buffer): Entry[] {
  return [
    { path: "bin/" },
    file("bin/busybox", busybox, 0o755),
    ...APPLETS.map((applet) => ({ path: `bin/${applet}`, link: "busybox", mode: 0o777 })),
    { path: "tmp/", mode: 0o1777 },
  ];
}

/** Adds what `docker save` adds to a layout, so that engines without OCI support can load it. */
function saved(name: string, made: Made): string {
  const RepoTags = [`slipway/${name}:v1`];
  return JSON.stringify([
    { Config: pathOf(made.config), RepoTags, Layers: made.layers.map(pathOf) },
  ]);
}

function pathOf(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

const ZEROS = Buffer.alloc(MIB);

/** Bytes that don't compress and are the same for the same seed: a cipher's key stream. */
function* randomBytes(seed: string, size: number): Generator<Buffer> {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  for (let left = size; left > 0; left -= MIB) {
    yield cipher.update(left < MIB ? ZEROS.subarray(0, left) : ZEROS);
  }
}

function sha256Of(chunks: Iterable<Buffer>): string {
  const hash = createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}
