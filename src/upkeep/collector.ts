import type { Bucket } from "../storage/bucket.ts";
import type { CollectionIndex } from "../storage/collection-index.ts";

/** How long things stay, in milliseconds. */
export interface Ages {
  /** A blob that no manifest names. */
  readonly grace: number;
  /** What was deleted and can be restored. */
  readonly undo: number;
}

/** What one run did. */
export interface Collected {
  /** Blobs that a repository lost, as no manifest of it named them. */
  readonly blobs: number;
  /** Objects deleted from R2. */
  readonly objects: number;
  /** Manifests, past tags and repositories whose undo window is over. */
  readonly manifests: number;
  readonly pastTags: number;
  readonly repositories: number;
  /** Whether more is due than one run takes. */
  readonly more: boolean;
}

/** Online collection, in bounded steps. */
export class Collector {
  readonly #index: CollectionIndex;
  readonly #bucket: Bucket;
  readonly #ages: Ages;

  constructor(index: CollectionIndex, bucket: Bucket, ages: Ages) {
    this.#index = index;
    this.#bucket = bucket;
    this.#ages = ages;
  }

  async run(): Promise<Collected> {
    throw new Error("being written");
  }
}
