import type { Digest } from "../../oci/digest.ts";
import { CliError } from "../error.ts";
import type { Descriptor, Manifest } from "./manifest.ts";
import { type RegistryImage, showImage } from "./reference.ts";
import type { Repository } from "./repository.ts";
import type { Blob, Bytes, ImageSource } from "./source.ts";

export class RegistrySource implements ImageSource {
  readonly name: string;
  readonly mountable: ImageSource["mountable"];
  readonly #image: RegistryImage;
  readonly #repository: Repository;

  constructor(image: RegistryImage, repository: Repository) {
    this.name = showImage(image);
    this.mountable = { registry: image.registry, repository: image.repository };
    this.#image = image;
    this.#repository = repository;
  }

  async root(): Promise<Manifest> {
    const { digest, tag } = this.#image;
    const manifest = await this.#repository.manifest(digest ?? tag ?? "latest");
    if (manifest !== null) return manifest;
    throw new CliError(`there is no ${this.name}, or you may not see it`, { code: "NOT_FOUND" });
  }

  async manifest({ digest }: Descriptor): Promise<Manifest> {
    const manifest = await this.#repository.manifest(digest);
    if (manifest !== null) return manifest;
    throw new CliError(`${this.name} names the manifest ${digest}, which is not there`, {
      code: "DAMAGED",
    });
  }

  open(blob: Blob, offset: number): Promise<Bytes> {
    return this.#repository.openBlob(blob, offset);
  }

  referrers(subject: Digest): Promise<Descriptor[]> {
    return this.#repository.referrers(subject);
  }

  tagged(tag: string): Promise<Manifest | null> {
    return this.#repository.manifest(tag);
  }

  async close(): Promise<void> {
    this.#repository.close();
  }
}
