/** The manifest media types that this registry understands, and what each one is. */
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
export const OCI_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json";
export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";

export type ManifestKind = "image" | "index" | "artifact";

const KINDS: ReadonlyMap<string, ManifestKind> = new Map([
  [OCI_MANIFEST, "image"],
  [DOCKER_MANIFEST, "image"],
  [OCI_INDEX, "index"],
  [DOCKER_LIST, "index"],
  [OCI_ARTIFACT, "artifact"],
]);

export function manifestKind(mediaType: string): ManifestKind | undefined {
  return KINDS.get(mediaType);
}

/**
 * Returns whether a client may leave such a layer where it is instead of pushing it (image-spec layer.md,
 * "Non-Distributable Layers").
 */
export function isNonDistributable(mediaType: string): boolean {
  return (
    mediaType.includes(".nondistributable.") ||
    mediaType === "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
  );
}
