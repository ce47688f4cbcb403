import type { Distribution, Package } from "../package.ts";

/** What one file says of an image. */
export interface FileContent {
  readonly packages: readonly Package[];
  /** What os-release says; null for other files. */
  readonly distribution: Distribution | null;
}

/** Reads one format of files that name packages. */
export interface FileReader {
  /** Tells by its path whether a file may have the format. Paths have no leading slash. */
  readonly matches: (path: string) => boolean;
  /** A larger file is not read. */
  readonly maxBytes: number;
  /** @throws UnreadableFile if the bytes do not have the format */
  readonly read: (bytes: Uint8Array, path: string) => FileContent | Promise<FileContent>;
}

/** A file could not be read as what its path says. The message says why, and is fit for a user's eyes. */
export class UnreadableFile extends Error {}

/** What one layer adds to an image's packages, and what it hides of the layers below. */
export interface LayerList {
  readonly packages: readonly Package[];
  readonly distributions: readonly { readonly path: string; readonly distribution: Distribution }[];
  /** Files without packages that may stand where a lower layer has a file with some. */
  readonly plainFiles: readonly string[];
  /** What whiteouts remove: a file, or a directory with all that is in it. */
  readonly removed: readonly string[];
  /** Directories of which nothing from the layers below remains. */
  readonly opaque: readonly string[];
  /** Files that could not be read, a sentence each. */
  readonly problems: readonly string[];
  /** Why the layer was not read to its end; null if it was. */
  readonly ended: string | null;
}
