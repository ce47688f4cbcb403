/** Opens what a name says as a source. */
import { execFile } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { type FileHandle, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { CliError } from "../error.ts";
import { reasonOf } from "../file.ts";
import { copyable } from "../sentence.ts";
import type { Progress } from "../upload/progress.ts";
import type { Connections } from "./connections.ts";
import { CompressingSource } from "./compressing-source.ts";
import { DockerArchiveSource } from "./docker-archive.ts";
import { Folder } from "./files.ts";
import { LayoutSource } from "./layout-source.ts";
import { type Platform, withPlatforms } from "./platforms.ts";
import {
  type DockerArchive,
  type ImageReference,
  type LayoutImage,
  showImage,
} from "./reference.ts";
import { RegistrySource } from "./registry-source.ts";
import type { ImageSource } from "./source.ts";

export interface Opening {
  readonly platforms: readonly Platform[];
  readonly parallel: number;
  readonly progress: Progress;
  readonly connections: Connections;
  readonly signal: AbortSignal;
}

export async function openSource(image: ImageReference, opening: Opening): Promise<ImageSource> {
  const { platforms, connections } = opening;
  switch (image.kind) {
    case "registry": {
      const repository = await connections.repository(image, "pull");
      return withPlatforms(new RegistrySource(image, repository), platforms);
    }
    case "oci":
      return withPlatforms(await openLayout(image), platforms);
    case "oci-archive": {
      const { files, close } = await openArchive(image.path);
      const layout = new LayoutSource(showImage(image), files, image);
      return withPlatforms(closing(layout, close), platforms);
    }
    case "docker-archive":
      return openDockerArchive(image, showImage(image), opening);
    case "docker-daemon":
      return openDaemon(image.name, opening);
  }
}

async function openLayout(image: LayoutImage): Promise<ImageSource> {
  const found = await stat(image.path).catch((error: unknown) => {
    throw new CliError(`cannot read ${image.path}: ${reasonOf(error)}`, { cause: error });
  });
  if (!found.isDirectory()) {
    const [layout, docker] = [`oci-archive:${image.path}`, `docker-archive:${image.path}`];
    throw new CliError(`${image.path} is a file, and no folder`, {
      code: "USAGE",
      hint: `For an archive: ${copyable(layout)}, or ${copyable(docker)} if docker save wrote it`,
    });
  }
  return new LayoutSource(showImage(image), new Folder(image.path), image);
}

/** Since version 25 docker writes an OCI layout that has the layers as they were pulled, beside the older manifest.json. */
async function openDockerArchive(
  { path, name }: DockerArchive,
  shown: string,
  opening: Opening,
): Promise<ImageSource> {
  const { files, close } = await openArchive(path);
  const isLayout = await files.has("index.json");
  if (!isLayout && !(await files.has("manifest.json"))) {
    await close();
    throw new CliError(`${path} is no image: it has neither index.json nor manifest.json`);
  }
  const inside = isLayout
    ? new LayoutSource(shown, files, { name, digest: null })
    : new DockerArchiveSource(shown, files, name);
  const selected = withPlatforms(closing(inside, close), opening.platforms);
  return new CompressingSource(selected, opening);
}

async function openDaemon(name: string, opening: Opening): Promise<ImageSource> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-image-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  const path = join(folder, "image.tar");
  const step = opening.progress.begin(name, null);
  try {
    await save(name, path, opening.signal);
    step.done("read from the docker daemon");
    const shown = `docker-daemon:${name}`;
    // The archive has this one image.
    const source = await openDockerArchive(
      { kind: "docker-archive", path, name: null },
      shown,
      opening,
    );
    return closing(source, remove);
  } catch (error) {
    step.failed("not read");
    await remove();
    throw error;
  }
}

async function save(name: string, path: string, signal: AbortSignal): Promise<void> {
  try {
    await promisify(execFile)("docker", ["save", "--output", path, "--", name], { signal });
  } catch (error) {
    signal.throwIfAborted();
    const { code, stderr = "" } = error as NodeJS.ErrnoException & { stderr?: string };
    const why = code === "ENOENT" ? "there is no program docker" : stderr.trim();
    throw new CliError(`cannot read ${name} from the docker daemon: ${why}`, {
      hint: "Without a daemon: docker-archive:FILE or oci:FOLDER",
      cause: error,
    });
  }
}

/** An archive that is compressed as a whole is unpacked once, into a temporary file: in it no file can be read in place. */
async function openArchive(path: string) {
  // Only archives need a reader of tar.
  const { TarFile } = await import("./tar-file.ts");
  if (!(await isGzip(path)))
    return { files: await TarFile.open(path), close: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), "slipway-archive-"));
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    const plain = join(folder, "archive.tar");
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(plain));
    return { files: await TarFile.open(plain), close };
  } catch (error) {
    await close();
    if (error instanceof CliError) throw error;
    throw new CliError(`cannot read ${path}: it is damaged`, { code: "DAMAGED", cause: error });
  }
}

async function isGzip(path: string): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    throw new CliError(`cannot read ${path}: ${reasonOf(error)}`, { cause: error });
  }
  try {
    if ((await file.stat()).isDirectory()) {
      const hint = `For an OCI layout in a folder: ${copyable(`oci:${path}`)}`;
      throw new CliError(`${path} is a folder, and no archive`, { code: "USAGE", hint });
    }
    const { bytesRead, buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer.readUInt16BE() === 0x1f8b;
  } finally {
    await file.close();
  }
}

/** The same source; closing it also does this. */
function closing<T extends ImageSource>(source: T, after: () => Promise<unknown>): T {
  const close = source.close.bind(source);
  source.close = async () => {
    await close();
    await after();
  };
  return source;
}
