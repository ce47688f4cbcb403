/** A place that images are written to. */
import type { Digest } from "../../oci/digest.ts";
import type { Manifest } from "../image/manifest.ts";
import type { Blob, ImageSource } from "../image/source.ts";
import type { Step } from "../upload/progress.ts";

/** How a blob came there: it was sent, taken from another repository of the registry, or there before. */
export type Outcome = "sent" | "mounted" | "there";

export interface Written {
  readonly outcome: Outcome;
  /** What went over the line: less than the blob where an earlier run sent its beginning. */
  readonly sentBytes: number;
}

export interface Writing {
  readonly blob: Blob;
  readonly source: ImageSource;
  readonly step: Step;
  readonly signal: AbortSignal;
}

export interface ImageTarget {
  /** As it can be typed, without a tag. */
  readonly name: string;
  hasManifest(digest: Digest): Promise<boolean>;
  hasBlob(blob: Blob): Promise<boolean>;
  /** Writes a blob that is not there yet, and goes on where an earlier run stopped. */
  writeBlob(writing: Writing): Promise<Written>;
  /**
   * Writes a manifest after what it names.
   * @param tag null for none
   * @param isChild whether an index names it: then it is in no list of images
   */
  writeManifest(manifest: Manifest, tag: string | null, isChild: boolean): Promise<void>;
  /** The digest of what is there by a tag, or by a digest; null if there is none. */
  digestOf(reference: string): Promise<Digest | null>;
  close(): Promise<void>;
}
