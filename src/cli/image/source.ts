/** A place that images are read from. */
import type { Digest } from "../../oci/digest.ts";
import type { Descriptor, Manifest } from "./manifest.ts";

export type Bytes = AsyncIterable<Uint8Array>;

export interface ImageSource {
  /** As it can be typed. */
  readonly name: string;
  /** The registry's origin and the repository, from which another repository there can mount a blob; null elsewhere. */
  readonly mountable: { readonly registry: string; readonly repository: string } | null;
  /** The manifest that was asked for. */
  root(): Promise<Manifest>;
  /** A manifest that another one names. @throws CliError if it is not there */
  manifest(child: Descriptor): Promise<Manifest>;
  /** The bytes of a blob from an offset to its end; nothing of them is checked. */
  open(blob: Blob, offset: number): Promise<Bytes>;
  /** The manifests whose subject is this one. */
  referrers(subject: Digest): Promise<Descriptor[]>;
  /** The manifest with a tag; null if there is none. */
  tagged(tag: string): Promise<Manifest | null>;
  close(): Promise<void>;
}

export type Blob = Pick<Descriptor, "digest" | "size">;
