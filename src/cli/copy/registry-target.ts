import type { Digest } from "../../oci/digest.ts";
import { algorithmOf } from "../../oci/digest.ts";
import { type Descriptor, descriptorOf, type Manifest, writeManifest } from "../image/manifest.ts";
import { hostOf } from "../image/reference.ts";
import { fallbackTag, type Repository } from "../image/repository.ts";
import type { Blob } from "../image/source.ts";
import { OCI_INDEX } from "../../oci/media-type.ts";
import { type Answer } from "../remote/upstream.ts";
import { pathOf } from "../upload/session.ts";
import type { ImageTarget, Outcome, Writing } from "./target.ts";
import { type Begun, BlobUpload } from "./blob-upload.ts";

export class RegistryTarget implements ImageTarget {
  readonly name: string;
  readonly #repository: Repository;

  constructor(repository: Repository) {
    this.name = `${hostOf(repository.registry)}/${repository.name}`;
    this.#repository = repository;
  }

  async hasManifest(digest: Digest): Promise<boolean> {
    return (await this.#repository.digestOf(digest)) === digest;
  }

  hasBlob({ digest }: Blob): Promise<boolean> {
    return this.#repository.hasBlob(digest);
  }

  async writeBlob(writing: Writing): Promise<Outcome> {
    const upload = new BlobUpload(this.#repository, writing);
    if (await upload.resume()) return "sent";
    const begun = await this.#begin(writing);
    if (begun === null) return "mounted";
    await upload.send(begun);
    return "sent";
  }

  /** Begins an upload. @returns null where the registry had the blob in the other repository, and linked it */
  async #begin({ blob, source, signal }: Writing): Promise<Begun | null> {
    const { registry, name, scopes } = this.#repository;
    const { mountable } = source;
    const query = new URLSearchParams();
    const from =
      mountable?.registry === registry && mountable.repository !== name
        ? mountable.repository
        : null;
    if (from !== null) {
      query.set("mount", blob.digest);
      query.set("from", from);
    }
    // spec.md, "Pushing a blob": sha256 is what an upload is hashed with unless it says so.
    if (algorithmOf(blob.digest) !== "sha256")
      query.set("digest-algorithm", algorithmOf(blob.digest));
    const more = query.size === 0 ? "" : `?${query.toString()}`;
    const answer = await this.#repository.call({
      method: "POST",
      path: `blobs/uploads/${more}`,
      headers: { "content-length": "0" },
      scopes: from === null ? scopes : [...scopes, `repository:${from}:pull`],
      signal,
    });
    if (answer.status === 201 && from !== null) {
      answer.body.resume();
      return null;
    }
    return this.#begun(answer);
  }

  async #begun(answer: Answer): Promise<Begun> {
    const { location, "oci-chunk-max-length": most } = answer.headers;
    if (answer.status !== 202 || location === undefined) {
      throw await this.#repository.refused(answer, "begin an upload");
    }
    answer.body.resume();
    const bytes = Number(most);
    return {
      location: pathOf(location, this.#repository.registry),
      maxRequestBytes: most !== undefined && bytes > 0 ? bytes : null,
    };
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
