/** Images to push and to pull: random layers, a config, a manifest, and indexes of several. */
import { type Body, makeBody, textBody } from "../bench/bodies.ts";

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

export interface Document {
  readonly mediaType: string;
  readonly body: Body;
}

export interface Image {
  readonly repository: string;
  readonly tag: string;
  readonly manifest: Document;
  readonly config: Body;
  readonly layers: readonly Body[];
  /** The index that the tag points to, where that is not the manifest itself. */
  readonly index: Document | null;
}

/** @param sizes of the layers, in bytes */
export function makeImage(repository: string, sizes: readonly number[]): Image {
  const layers = sizes.map(makeBody);
  // As long as in real images, and unlike any other.
  const history = layers.map(({ digest }) => ({ created_by: `RUN ${digest.repeat(3)}` }));
  const diff_ids = layers.map(({ digest }) => digest);
  const rootfs = { type: "layers", diff_ids };
  const config = textBody(JSON.stringify({ architecture: "amd64", os: "linux", rootfs, history }));
  const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { ...descriptor(config), mediaType: "application/vnd.oci.image.config.v1+json" },
    layers: layers.map((layer) => ({ ...descriptor(layer), mediaType: layerType })),
  });
  const manifest = { mediaType: MANIFEST, body: textBody(text) };
  return { repository, tag: "latest", manifest, config, layers, index: null };
}

/** The first image under an index that names others too. */
export function underIndex(
  first: Image,
  others: readonly Image[],
): { readonly image: Image; readonly index: Document } {
  const platforms = ["amd64", "arm64", "arm", "s390x"];
  const manifests = [first, ...others].map(({ manifest }, i) => ({
    ...descriptor(manifest.body),
    mediaType: manifest.mediaType,
    platform: { os: "linux", architecture: platforms[i] },
  }));
  const text = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
  const index = { mediaType: INDEX, body: textBody(text) };
  return { image: { ...first, index }, index };
}

export function bytesOf({ pieces }: Body): Buffer {
  return Buffer.concat(pieces);
}

function descriptor({ digest, size }: Body) {
  return { digest, size };
}
