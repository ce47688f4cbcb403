import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { attestedBy, type Part, partsOf } from "../oci/manifest-parts.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { AttachedManifest, AttachmentStore, Subject } from "../db/attachments.ts";
import type { Bucket } from "../db/bucket.ts";

/** A layer of a manifest that is attached to an image. */
export interface AttachedLayer extends Pick<Part, "digest" | "mediaType" | "annotations"> {
  /** The manifest that it is of, and its artifact type. */
  readonly manifest: Digest;
  readonly artifactType: string;
  readonly bytes: Uint8Array;
}

export interface Attachments {
  /** The image, and the indexes that name it: what is attached to these is about the image too. */
  readonly subjects: readonly Subject[];
  readonly layers: readonly AttachedLayer[];
  /** What was left out, a sentence each. */
  readonly problems: readonly string[];
}

/** The longest layer that is read, and the most of them, in number and bytes. They are in memory at the same time. */
const MAX_LAYER_BYTES = 4 * 1024 ** 2;
const MAX_LAYERS = 100;
const MAX_BYTES = 16 * 1024 ** 2;

/** Reads what is attached to images: by a subject, by cosign's tags, or by BuildKit in the index. */
export class AttachmentReader {
  readonly #store: AttachmentStore;
  readonly #bucket: Bucket;

  constructor(store: AttachmentStore, bucket: Bucket) {
    this.#store = store;
    this.#bucket = bucket;
  }

  /** @param isWanted chooses layers by their descriptors @throws MANIFEST_UNKNOWN */
  async read(
    repository: RepositoryName,
    digest: Digest,
    isWanted: (layer: Part, manifest: AttachedManifest) => boolean,
  ): Promise<Attachments> {
    const subjects = await this.#store.subjects(repository, digest);
    if (subjects.length === 0) throw new RegistryError("MANIFEST_UNKNOWN", { detail: { digest } });
    const beside = subjects.flatMap(({ content }) =>
      content === null ? [] : besideIn(content, digest),
    );
    const manifests = await this.#store.of(
      repository,
      subjects.map((subject) => subject.digest),
      beside,
    );
    const parts = manifests.flatMap((manifest) =>
      manifest.content === null
        ? []
        : partsOf(manifest.content)
            .layers.filter((layer) => isWanted(layer, manifest))
            .map((layer) => ({ layer, manifest })),
    );
    const { layers, problems } = await this.#fetch(repository, parts);
    return { subjects, layers, problems };
  }

  async #fetch(
    repository: RepositoryName,
    parts: readonly { readonly layer: Part; readonly manifest: AttachedManifest }[],
  ): Promise<Pick<Attachments, "layers" | "problems">> {
    const layers: AttachedLayer[] = [];
    const problems: string[] = [];
    if (parts.length === 0) return { layers, problems };
    if (parts.length > MAX_LAYERS) problems.push(`only ${MAX_LAYERS} attached layers are read`);
    const some = parts.slice(0, MAX_LAYERS);
    const blobs = await this.#store.blobs(
      repository,
      some.map(({ layer }) => layer.digest),
    );
    let left = MAX_BYTES;
    for (const { layer, manifest } of some) {
      const blob = blobs.get(layer.digest) ?? null;
      if (blob !== null && blob.size > Math.min(MAX_LAYER_BYTES, left)) {
        problems.push(`the attached layer ${layer.digest} is too large to be read`);
        continue;
      }
      const body = blob === null ? null : await this.#bucket.open(blob.key);
      if (blob === null || body === null) {
        problems.push(`the bytes of the attached layer ${layer.digest} are missing`);
        continue;
      }
      left -= blob.size;
      const { digest, mediaType, annotations } = layer;
      layers.push({
        digest,
        mediaType,
        annotations,
        manifest: manifest.digest,
        artifactType: manifest.artifactType,
        bytes: new Uint8Array(await new Response(body).arrayBuffer()),
      });
    }
    return { layers, problems };
  }
}

/** Returns the attestations that BuildKit put into an index beside an image. */
function besideIn(index: string, image: Digest): Digest[] {
  return partsOf(index)
    .manifests.filter((part) => attestedBy(part) === image)
    .map(({ digest }) => digest);
}
