import { isWebLink, LINK_LABELS } from "../oci/link.ts";
import { annotationsOf } from "../oci/manifest.ts";
import type { ImageAnnotations } from "../db/repositories.ts";

const ANNOTATION = "org.opencontainers.image.";
/** The annotations that describe the repository, and not only one image in it. */
const LABELS = ["source", "url", "documentation", "licenses", "vendor", "title"];
const MAX_ANNOTATION = 512;

/** What a repository that nobody has described can be known by. */
export function imageAnnotationsOf(manifest: string): ImageAnnotations | null {
  const annotations = annotationsOf(manifest);
  if (annotations === undefined) return null;
  // Control characters become spaces, because the management API accepts only one line: a client can send back what it
  // read.
  const read = (key: string) =>
    annotations[ANNOTATION + key]?.slice(0, MAX_ANNOTATION).replaceAll(/[\p{Cc}\p{Cs}]+/gu, " ");
  const labels = LABELS.flatMap((name) => {
    const key = ANNOTATION + name;
    const value = read(name);
    const isShown = value !== undefined && (!LINK_LABELS.includes(key) || isWebLink(value));
    return isShown ? [[key, value] as const] : [];
  });
  return { description: read("description") ?? "", labels: Object.fromEntries(labels) };
}
