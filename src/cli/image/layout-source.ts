/** An OCI layout as a source (image-spec image-layout.md): a folder, or an archive with one, such as `docker save` writes since 25. */
import { type Digest, hexOf, algorithmOf } from "../../oci/digest.ts";
import { CliError } from "../error.ts";
import { isSame } from "./name.ts";
import { type Files, readJson, readWhole } from "./files.ts";
import { type Descriptor, type Manifest, parseIndex, parseManifest } from "./manifest.ts";
import type { Blob, Bytes, ImageSource } from "./source.ts";

/** The tag of a manifest in index.json, and the whole name that containerd gives it. */
const NAMES = ["org.opencontainers.image.ref.name", "io.containerd.image.name"] as const;

export interface Wanted {
  readonly name: string | null;
  readonly digest: Digest | null;
}

export class LayoutSource implements ImageSource {
  readonly name: string;
  readonly mountable = null;
  readonly #files: Files;
  readonly #wanted: Wanted;

  constructor(name: string, files: Files, wanted: Wanted) {
    this.name = name;
    this.#files = files;
    this.#wanted = wanted;
  }

  async root(): Promise<Manifest> {
    const all = await this.#index();
    const { name, digest } = this.#wanted;
    const found = all.filter(
      (one) =>
        (digest === null || one.digest === digest) &&
        (name === null || namesOf(one).some((own) => isSame(own, name))),
    );
    const distinct = new Map(found.map((one) => [one.digest, one]));
    const [only] = [...distinct.values()];
    if (only !== undefined && distinct.size === 1) return this.manifest(only);
    if (only === undefined && digest !== null) {
      // A child of an index stands in no list.
      const path = pathOf(digest);
      if (name === null && (await this.#files.has(path))) {
        return parseManifest(await readWhole(this.#files, path), digest, "");
      }
    }
    throw unclear(this.name, all, distinct.size);
  }

  async manifest({ digest, mediaType }: Descriptor): Promise<Manifest> {
    const path = pathOf(digest);
    if (!(await this.#files.has(path))) {
      throw new CliError(`${this.name} names the manifest ${digest}, which is not in it`, {
        code: "DAMAGED",
        hint: "If it has some platforms only, name one of them: --platform linux/amd64",
      });
    }
    return parseManifest(await readWhole(this.#files, path), digest, mediaType);
  }

  open({ digest }: Blob, offset: number): Promise<Bytes> {
    return this.#files.read(pathOf(digest), offset);
  }

  async referrers(subject: Digest): Promise<Descriptor[]> {
    const found: Descriptor[] = [];
    for (const one of await this.#index()) {
      const { body } = await this.manifest(one);
      if (body.subject?.digest === subject) found.push(one);
    }
    return found;
  }

  async tagged(tag: string): Promise<Manifest | null> {
    const found = (await this.#index()).find((one) => namesOf(one).includes(tag));
    return found === undefined ? null : this.manifest(found);
  }

  async close(): Promise<void> {
    // Each file is closed when it was read.
  }

  async #index(): Promise<Descriptor[]> {
    if (!(await this.#files.has("index.json"))) {
      const { path } = this.#files;
      const isDockers = await this.#files.has("manifest.json");
      throw new CliError(`${path} is no OCI layout: it has no index.json`, {
        hint: isDockers ? `It is what docker save writes: docker-archive:${path}` : null,
      });
    }
    return parseIndex(await readJson(this.#files, "index.json"), this.#files.path);
  }
}

export function pathOf(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

export function namesOf({ annotations }: Descriptor): string[] {
  return NAMES.flatMap((key) => annotations?.[key] ?? []);
}

function unclear(source: string, all: readonly Descriptor[], count: number): CliError {
  const names = [...new Set(all.map((one) => namesOf(one)[0] ?? `@${one.digest}`))];
  const shown = names.slice(0, 10).join(", ");
  if (count === 0)
    return new CliError(`${source} is not there; there are: ${shown || "no images"}`);
  return new CliError(`${source} has several images; name one of: ${shown}`, { code: "USAGE" });
}
