/** An OCI layout in a folder as a target (image-spec image-layout.md). A blob that was not written to its end is gone on with. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { algorithmOf, type Digest } from "../../oci/digest.ts";
import { CliError } from "../error.ts";
import { reasonOf } from "../file.ts";
import { Folder, readJson } from "../image/files.ts";
import { pathOf } from "../image/layout-source.ts";
import { descriptorOf, type Manifest } from "../image/manifest.ts";
import type { Blob } from "../image/source.ts";
import { type Beginning, bodyOf, counted, fromStart } from "./blob-body.ts";
import type { ImageTarget, Writing, Written } from "./target.ts";

const REF_NAME = "org.opencontainers.image.ref.name";

/** An entry of index.json; fields of others are kept. */
interface Entry {
  readonly digest: string;
  readonly annotations?: Readonly<Record<string, string>> | null;
}

export class LayoutTarget implements ImageTarget {
  readonly name: string;
  readonly #path: string;
  readonly #files: Folder;

  constructor(path: string) {
    this.name = `oci:${path}`;
    this.#path = path;
    this.#files = new Folder(path);
  }

  /** Makes the folder where there is none. @throws CliError if it holds something else */
  static async open(path: string): Promise<LayoutTarget> {
    const target = new LayoutTarget(path);
    try {
      await mkdir(join(path, "blobs"), { recursive: true });
      await target.#write("oci-layout", JSON.stringify({ imageLayoutVersion: "1.0.0" }));
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      const isFile = code === "EEXIST" || code === "ENOTDIR";
      const why = isFile ? "it is a file, and a layout is a folder" : reasonOf(error);
      throw new CliError(`cannot write to ${path}: ${why}`, { cause: error });
    }
    return target;
  }

  hasManifest(digest: Digest): Promise<boolean> {
    return this.#files.has(pathOf(digest));
  }

  async hasBlob({ digest, size }: Blob): Promise<boolean> {
    const path = pathOf(digest);
    return (await this.#files.has(path)) && (await this.#files.sizeOf(path)) === size;
  }

  async writeBlob({ blob, source, step, signal }: Writing): Promise<Written> {
    const path = join(this.#path, pathOf(blob.digest));
    const partial = join(dirname(path), `.${path.slice(dirname(path).length + 1)}.partial`);
    await mkdir(dirname(path), { recursive: true });
    const beginning = await this.#beginning(partial, blob);
    const { offset } = beginning;
    if (offset > 0) step.resumed(offset);
    const body = counted(bodyOf(source, blob, beginning, signal), offset, step.at.bind(step));
    try {
      await pipeline(body, createWriteStream(partial, { flags: offset === 0 ? "w" : "a" }));
    } catch (error) {
      if (error instanceof CliError && error.code === "DAMAGED") await rm(partial, { force: true });
      throw error;
    }
    await rename(partial, path);
    return { outcome: "sent", sentBytes: blob.size - offset };
  }

  /** Hashes what an earlier run wrote. */
  async #beginning(partial: string, blob: Blob): Promise<Beginning> {
    const found = await stat(partial).catch(() => null);
    if (found === null || found.size > blob.size) return fromStart(blob);
    const hash = createHash(algorithmOf(blob.digest));
    for await (const chunk of createReadStream(partial)) hash.update(chunk as Buffer);
    return { offset: found.size, hash };
  }

  /** Lists a manifest in index.json unless an index names it: a tagged one, an attachment, an image without a tag. */
  async writeManifest(manifest: Manifest, tag: string | null, isChild: boolean): Promise<void> {
    const { digest, bytes } = manifest;
    await this.#write(pathOf(digest), bytes);
    if (isChild) return;
    const entries = await this.#entries();
    const others = entries.filter((one) =>
      tag === null ? one.digest !== digest : one.annotations?.[REF_NAME] !== tag,
    );
    const entry = {
      ...descriptorOf(manifest),
      ...(tag === null ? {} : { annotations: { [REF_NAME]: tag } }),
    };
    await this.#write(
      "index.json",
      JSON.stringify({ schemaVersion: 2, manifests: [...others, entry] }, null, 2),
    );
  }

  async digestOf(reference: string): Promise<Digest | null> {
    const found = (await this.#entries()).find(
      (one) => one.digest === reference || one.annotations?.[REF_NAME] === reference,
    );
    return (found?.digest ?? null) as Digest | null;
  }

  async close(): Promise<void> {
    // Each file is closed when it was written.
  }

  async #entries(): Promise<readonly Entry[]> {
    if (!(await this.#files.has("index.json"))) return [];
    const { manifests } = (await readJson(this.#files, "index.json")) as { manifests: Entry[] };
    return manifests;
  }

  /** The new file takes the old one's place in one step. */
  async #write(name: string, content: string | Uint8Array): Promise<void> {
    const path = join(this.#path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
  }
}
