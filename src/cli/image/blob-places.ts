/** Which blobs a run has found or written where: another repository of the same registry gets them by a mount. */
import type { Digest } from "../../oci/digest.ts";

interface Place {
  /** The registry's origin. */
  readonly registry: string;
  readonly name: string;
}

export class BlobPlaces {
  readonly #repositories = new Map<string, string>();

  add({ registry, name }: Place, digest: Digest): void {
    this.#repositories.set(`${registry} ${digest}`, name);
  }

  /** @returns another repository of the registry that has the blob; null if none is known */
  other({ registry, name }: Place, digest: Digest): string | null {
    const known = this.#repositories.get(`${registry} ${digest}`) ?? name;
    return known === name ? null : known;
  }
}
