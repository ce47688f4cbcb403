import type { Bucket } from "./bucket.ts";
import type { StoredManifest } from "./manifests.ts";

/** Returns the text of a manifest, which is in its row or in the bucket. @throws Error if its object is gone */
export async function readManifestText(
  bucket: Bucket,
  { digest, content, object }: Pick<StoredManifest, "digest" | "content" | "object">,
): Promise<string> {
  const text = content ?? (object === null ? null : await bucket.read(object));
  if (text === null) throw new Error(`manifest ${digest} is missing though its row is there`);
  return text;
}
