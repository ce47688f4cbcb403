/** What the job asks of a scanner. */
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { ImageList } from "./image-lists.ts";
import type { Finding } from "./match/finding.ts";

/** An image as scanners get it. */
export interface ScannedImage extends ImageList {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** The manifest's. */
  readonly mediaType: string;
  /** From the lowest to the uppermost. */
  readonly layers: readonly Digest[];
  /** One text for each list of packages. */
  readonly listId: string;
}

/** A match that is not finished. */
export interface Unfinished {
  /** The next call gets on after so many milliseconds. */
  readonly waitMs: number;
  /** JSON that the next call is given: a scan that goes on by itself; null if there is none. */
  readonly state: unknown;
}

/** What finds the known vulnerabilities of an image. */
export interface Matcher {
  /** As results have it. */
  readonly name: string;
  /** Whether it pulls the image by itself, so that only some are given to it at once. */
  readonly isPulling?: true;
  /** Which data it matches with; null if it does not say. @throws ScannerUnavailable */
  readonly dataVersion: () => Promise<string | null>;
  /**
   * @param state what the last call returned, if that did not finish; else null
   * @throws ScannerUnavailable
   */
  readonly match: (image: ScannedImage, state: unknown) => Promise<readonly Finding[] | Unfinished>;
}
