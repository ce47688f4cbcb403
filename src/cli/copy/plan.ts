/** What a copy has to bring: the manifests, each after those that it names, and their blobs. */
import { type Digest, hexOf } from "../../oci/digest.ts";
import { blobsOf, childrenOf, type Descriptor, type Manifest } from "../image/manifest.ts";
import type { Blob, ImageSource } from "../image/source.ts";
import { mapPool } from "../pool.ts";
import type { ImageTarget } from "./target.ts";

export interface Plan {
  readonly root: Manifest;
  /** All but the root, in the order in which they are written. */
  readonly manifests: readonly Planned[];
  /** Each once; those of images that the target has already are left out. */
  readonly blobs: readonly Blob[];
}

interface Planned {
  readonly manifest: Manifest;
  readonly tag: string | null;
  /** Whether the target has it. */
  readonly isThere: boolean;
  /** Whether an index names it that is copied, too. */
  readonly isChild: boolean;
}

export interface Planning {
  readonly source: ImageSource;
  readonly target: ImageTarget;
  readonly parallel: number;
  /** Whether signatures, attestations and the like come along: referrers, and cosign's tags. */
  readonly referrers: boolean;
}

/** The endings of the tags by which cosign attaches to a digest. */
const COSIGN_ENDINGS = [".sig", ".att", ".sbom"];

export async function makePlan(planning: Planning): Promise<Plan> {
  const planner = new Planner(planning);
  const root = await planning.source.root();
  await planner.add(root, null);
  const manifests = [...planner.planned.values()];
  return {
    root,
    manifests: manifests.filter(({ manifest }) => manifest.digest !== root.digest),
    blobs: [...planner.blobs.values()],
  };
}

class Planner {
  readonly planned = new Map<string, Planned>();
  readonly blobs = new Map<Digest, Blob>();
  readonly #seen = new Set<Digest>();
  readonly #planning: Planning;

  constructor(planning: Planning) {
    this.#planning = planning;
  }

  /** Plans a manifest after its children, and after it what is attached to it. */
  async add(manifest: Manifest, tag: string | null, isChild = false): Promise<void> {
    const { digest } = manifest;
    const key = tag ?? digest;
    if (this.planned.has(key)) return;
    const isFirst = !this.#seen.has(digest);
    this.#seen.add(digest);
    const { source, target, parallel, referrers } = this.#planning;
    const isThere = await target.hasManifest(digest);
    if (isFirst) {
      const children = await mapPool(childrenOf(manifest), parallel, (child) =>
        source.manifest(child),
      );
      for (const child of children) await this.add(child, null, true);
      // A registry takes an image only with its blobs, so one that has the image has them.
      if (!isThere) for (const blob of blobsOf(manifest)) this.blobs.set(blob.digest, blob);
    }
    this.planned.set(key, { manifest, tag, isThere, isChild });
    if (referrers && isFirst) await this.#addAttached(digest);
  }

  async #addAttached(subject: Digest): Promise<void> {
    const { source } = this.#planning;
    const found: Descriptor[] = await source.referrers(subject);
    for (const one of found) await this.add(await source.manifest(one), null);
    for (const ending of COSIGN_ENDINGS) {
      const tag = `sha256-${hexOf(subject)}${ending}`;
      const manifest = await source.tagged(tag);
      if (manifest !== null) await this.add(manifest, tag);
    }
  }
}
