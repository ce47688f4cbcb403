import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import {
  IMAGE_CONFIG,
  type ImageConfig,
  MAX_CONFIG_BYTES,
  parseImageConfig,
  type Step,
} from "../oci/image-config.ts";
import { attestedBy, type Part, type Parts, partsOf } from "../oci/manifest-parts.ts";
import type { Page } from "../oci/page.ts";
import { isShownPlatform } from "../oci/platform.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { Bucket } from "../db/bucket.ts";
import {
  type ChildRow,
  type DetailStore,
  MAX_REFERRERS,
  type PastUseRow,
  type ReferrerRow,
} from "../db/details.ts";
import { type Evidence, evidenceIn } from "../db/evidence.ts";

const MAX_LAYERS = 500;
const MAX_CHILDREN = 200;
const DAYS = 30;
const DAY = 86_400_000;

/** A step of an image's history with the layer that it made, or a layer without its step. */
export interface Layer {
  readonly digest: Digest | null;
  readonly mediaType: string | null;
  readonly size: number | null;
  readonly command: string | null;
  readonly createdAt: string | null;
  readonly comment: string | null;
  readonly annotations: Readonly<Record<string, string>>;
  /** How many other manifests of the repository name the layer, among the twenty that were pushed last; null: not counted. */
  readonly sharedBy: number | null;
}

export interface Child {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly kind: ChildRow["kind"] | null;
  readonly platform: string | null;
  readonly size: number | null;
  readonly manifestSize: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly attestations: readonly {
    readonly digest: Digest;
    readonly sbom: boolean;
    readonly provenance: boolean;
  }[];
}

export interface Referrer extends Omit<ReferrerRow, "content"> {
  readonly size: number | null;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Details extends Evidence {
  readonly manifestSize: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly config:
    | (Pick<Part, "digest" | "mediaType" | "size"> & { readonly image: ImageConfig | null })
    | null;
  readonly layers: readonly Layer[];
  readonly moreLayers: boolean;
  readonly children: readonly Child[];
  readonly moreChildren: boolean;
  readonly referrers: readonly Referrer[];
  readonly moreReferrers: boolean;
  readonly history: readonly PastUseRow[];
  /** Each of the last thirty days, in days since 1970. */
  readonly pulls: readonly { readonly day: number; readonly count: number }[];
}

/** Reads all that the page of one manifest shows. */
export class ManifestDetails {
  readonly #store: DetailStore;
  readonly #bucket: Bucket;

  constructor(store: DetailStore, bucket: Bucket) {
    this.#store = store;
    this.#bucket = bucket;
  }

  /** @throws MANIFEST_UNKNOWN */
  async read(repository: RepositoryName, digest: Digest): Promise<Details> {
    const today = Math.floor(Date.now() / DAY);
    const found = await this.#store.read(repository, digest, today - DAYS + 1);
    if (found === null) throw new RegistryError("MANIFEST_UNKNOWN", { detail: { digest } });
    const { manifest, referrers, history } = found;
    const parts = manifest.content === null ? null : partsOf(manifest.content);
    const [config, children] = await Promise.all([
      this.#config(parts, manifest.configKey),
      this.#children(repository, parts),
    ]);
    const shared = new Map(found.sharing.map(({ digest: blob, others }) => [blob, others]));
    const layers = layersOf(parts?.layers ?? [], config.steps, shared);
    const counts = new Map(found.pulls.map(({ day, count }) => [day, count]));
    return {
      ...evidenceIn(manifest.bits),
      manifestSize: manifest.manifestSize,
      annotations: parts?.annotations ?? {},
      config: config.shown,
      layers: layers.slice(0, MAX_LAYERS),
      moreLayers: parts === null || layers.length > MAX_LAYERS,
      children,
      moreChildren: parts === null || imagesOf(parts).length > MAX_CHILDREN,
      referrers: referrers.slice(0, MAX_REFERRERS).map(referrerOf),
      moreReferrers: referrers.length > MAX_REFERRERS,
      history,
      pulls: Array.from({ length: DAYS }, (_, i) => {
        const day = today - DAYS + 1 + i;
        return { day, count: counts.get(day) ?? 0 };
      }),
    };
  }

  /** Reads a page of what refers to a manifest, in the order of its digests. @throws MANIFEST_UNKNOWN */
  async referrers(
    repository: RepositoryName,
    digest: Digest,
    page: Page,
  ): Promise<readonly Referrer[]> {
    const rows = await this.#store.referrers(repository, digest, page);
    if (rows === null) throw new RegistryError("MANIFEST_UNKNOWN", { detail: { digest } });
    return rows.map(referrerOf);
  }

  async #config(
    parts: Parts | null,
    key: string | null,
  ): Promise<{ readonly shown: Details["config"]; readonly steps: readonly Step[] }> {
    const config = parts?.config ?? null;
    if (config === null) return { shown: null, steps: [] };
    const { digest, mediaType, size } = config;
    const isRead = IMAGE_CONFIG.test(mediaType) && size <= MAX_CONFIG_BYTES && key !== null;
    const body = isRead ? await this.#bucket.open(key) : null;
    const parsed = body === null ? null : parseImageConfig(await new Response(body).text());
    return {
      shown: { digest, mediaType, size, image: parsed?.image ?? null },
      steps: parsed?.steps ?? [],
    };
  }

  async #children(repository: RepositoryName, parts: Parts | null): Promise<Child[]> {
    if (parts === null || parts.manifests.length === 0) return [];
    const shown = imagesOf(parts).slice(0, MAX_CHILDREN);
    const attestations = parts.manifests
      .filter((part) => attestedBy(part) !== null)
      .slice(0, MAX_CHILDREN);
    const digests = [...shown, ...attestations].map(({ digest }) => digest);
    const known = await this.#store.children(repository, [...new Set(digests)]);
    return shown.map(({ size: manifestSize, platform, ...part }) => ({
      ...part,
      manifestSize,
      platform: platform !== null && isShownPlatform(platform) ? platform : null,
      kind: known.get(part.digest)?.kind ?? null,
      size: known.get(part.digest)?.size ?? null,
      attestations: attestations.flatMap((attestation) => {
        if (attestedBy(attestation) !== part.digest) return [];
        const { sbom, provenance } = evidenceIn(known.get(attestation.digest)?.evidence ?? 0);
        return { digest: attestation.digest, sbom, provenance };
      }),
    }));
  }
}

/** Returns what an index names, without the attestations of what it names. */
function imagesOf({ manifests }: Parts): Part[] {
  const digests = new Set<string>(manifests.map(({ digest }) => digest));
  return manifests.filter((part) => !digests.has(attestedBy(part) ?? ""));
}

/** Gives each layer the step that made it. Where their numbers differ, nobody knows which step made which. */
function layersOf(
  layers: readonly Part[],
  steps: readonly Step[],
  shared: ReadonlyMap<Digest, number>,
): Layer[] {
  const isKnown = steps.filter(({ hasLayer }) => hasLayer).length === layers.length;
  const all = isKnown && steps.length > 0 ? steps : layers.map(() => UNKNOWN);
  let next = 0;
  return all.map(({ hasLayer, ...step }) => {
    const layer = hasLayer ? layers[next++] : undefined;
    return {
      ...step,
      digest: layer?.digest ?? null,
      mediaType: layer?.mediaType ?? null,
      size: layer?.size ?? null,
      annotations: layer?.annotations ?? {},
      sharedBy: layer === undefined ? null : (shared.get(layer.digest) ?? null),
    };
  });
}

const UNKNOWN: Step = { command: null, createdAt: null, comment: null, hasLayer: true };

function referrerOf({ content, ...row }: ReferrerRow): Referrer {
  if (content === null) return { ...row, size: null, annotations: {} };
  const { annotations, config, layers } = partsOf(content);
  const blobs = new Map(
    [...(config === null ? [] : [config]), ...layers].map((part) => [part.digest, part.size]),
  );
  return { ...row, annotations, size: [...blobs.values()].reduce((sum, size) => sum + size, 0) };
}
