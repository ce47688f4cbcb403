import type { Digest } from "../../oci/digest.ts";
import { type Descriptor, descriptorOf, type Manifest, writeManifest } from "../image/manifest.ts";
import { hostOf } from "../image/reference.ts";
import { fallbackTag, type Repository } from "../image/repository.ts";
import type { Blob } from "../image/source.ts";
import { OCI_INDEX } from "../../oci/media-type.ts";
import type { ImageTarget, Writing, Written } from "./target.ts";
import type { BlobPlaces } from "../image/blob-places.ts";
import { BlobUpload } from "./blob-upload.ts";

export class RegistryTarget implements ImageTarget {
  readonly name: string;
  readonly #repository: Repository;
  readonly #places: BlobPlaces;

  constructor(repository: Repository, places: BlobPlaces) {
    this.name = `${hostOf(repository.registry)}/${repository.name}`;
    this.#repository = repository;
    this.#places = places;
  }

  async hasManifest(digest: Digest): Promise<boolean> {
    return (await this.#repository.digestOf(digest)) === digest;
  }

  async hasBlob({ digest }: Blob): Promise<boolean> {
    const isThere = await this.#repository.hasBlob(digest);
    if (isThere) this.#places.add(this.#repository, digest);
    return isThere;
  }

  async writeBlob(writing: Writing): Promise<Written> {
    const written = await this.#write(writing);
    this.#places.add(this.#repository, writing.blob.digest);
    return written;
  }

  async #write(writing: Writing): Promise<Written> {
    const { size } = writing.blob;
    const upload = new BlobUpload(this.#repository, writing);
    const sentBytes = await upload.resume();
    if (sentBytes !== null) return { outcome: "sent", sentBytes };
    const begun = await upload.begin(this.#mountable(writing));
    if (begun === null) return { outcome: "mounted", sentBytes: 0 };
    await upload.send(begun);
    return { outcome: "sent", sentBytes: size };
  }

  /** Another repository of this registry that the blob is in; null if none is known. */
  #mountable({ blob, source: { mountable } }: Writing): string | null {
    const { registry, name } = this.#repository;
    const isHere = mountable?.registry === registry && mountable.repository !== name;
    return isHere ? mountable.repository : this.#places.other(this.#repository, blob.digest);
  }

  async writeManifest(manifest: Manifest, tag: string | null): Promise<void> {
    const { bytes, digest, mediaType, body } = manifest;
    const answer = await this.#repository.call({
      method: "PUT",
      path: `manifests/${tag ?? digest}`,
      headers: { "content-type": mediaType },
      body: [bytes],
    });
    if (answer.status !== 201) throw await this.#repository.refused(answer, "write the manifest");
    answer.body.resume();
    const { subject } = body;
    // spec.md, "Pushing Manifests with Subject": without this header the client keeps the list of referrers.
    if (subject == null || answer.headers["oci-subject"] !== undefined) return;
    await this.#addReferrer(subject.digest, manifest);
  }

  /** Adds a manifest to the index under the tag that stands in for the list of referrers. */
  async #addReferrer(subject: Digest, manifest: Manifest): Promise<void> {
    const { body, digest } = manifest;
    const tag = fallbackTag(subject);
    const before = (await this.#repository.manifest(tag))?.body.manifests ?? [];
    if (before.some((one) => one.digest === digest)) return;
    const { annotations } = body;
    const artifactType = body.artifactType || body.config?.mediaType;
    const entry = {
      ...descriptorOf(manifest),
      ...(artifactType ? { artifactType } : {}),
      ...(annotations != null && Object.keys(annotations).length > 0 ? { annotations } : {}),
    };
    const manifests = [...before.map(withoutDefaults), entry];
    const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests };
    await this.writeManifest(writeManifest(index, OCI_INDEX), tag);
  }

  digestOf(reference: string): Promise<Digest | null> {
    return this.#repository.digestOf(reference);
  }

  async close(): Promise<void> {
    this.#repository.close();
  }
}

/** The descriptor as it was written, without what reading it filled in. */
function withoutDefaults({ urls, annotations, platform, ...rest }: Descriptor): object {
  return {
    ...rest,
    ...(urls != null && urls.length > 0 ? { urls } : {}),
    ...(annotations != null && Object.keys(annotations).length > 0 ? { annotations } : {}),
    ...(platform == null ? {} : { platform }),
  };
}
