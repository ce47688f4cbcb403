import type { Digest } from "../oci/digest.ts";
import { isNonDistributable } from "../oci/media-type.ts";
import { type Part, partsOf } from "../oci/manifest-parts.ts";
import type { Bucket } from "../db/bucket.ts";
import { READERS } from "./file/readers.ts";
import type { LayerList } from "./layer/list.ts";
import { mergeLayers } from "./layer/merge.ts";
import { readLayer } from "./layer/walk.ts";
import type { Distribution } from "./package.ts";
import type { LayerPackage } from "./package.ts";
import { deflated, inflated } from "./stored-text.ts";
import type { KnownLayer, LayerStore } from "./layer-store.ts";

/**
 * Raise it with each change of what is read of a layer: lists of before are made again when their images are scanned next.
 */
const READERS_VERSION = 1;

/** A layer that is larger is not read: 5 GiB take some minutes of a Worker's CPU, which has 5 for each message of a queue. */
const MAX_LAYER_BYTES = 5 * 1024 ** 3;
/** The most stored bytes of the lists of one image: some 300,000 packages. */
const MAX_LISTS_BYTES = 4 * 1024 ** 2;

/** The packages of an image of one platform. */
export interface ImageList {
  readonly packages: readonly LayerPackage[];
  readonly distribution: Distribution | null;
  /** What could not be read, a sentence each. */
  readonly problems: readonly string[];
  /** Whether the layers were read, or an attached SBOM, which is a claim. */
  readonly origin: "layers" | "sbom";
  /** Why the packages are not all that there are; null if they are. */
  readonly unscannable: string | null;
}

/** How much may be read in one step. */
export interface ReadBudget {
  /** Compressed bytes of layers. */
  bytes: number;
}

/** The lists of packages of images, which are put together from those of their layers. */
export class ImageLists {
  readonly #store: LayerStore;
  readonly #bucket: Bucket;

  constructor(store: LayerStore, bucket: Bucket) {
    this.#store = store;
    this.#bucket = bucket;
  }

  /** Returns the list of an image whose layers have been read; null if one has not. @param text the manifest's */
  async read(text: string): Promise<ImageList | null> {
    const layers = layersOf(text);
    const known = await this.#store.layers(digestsOf(layers), READERS_VERSION);
    const isRead = layers.every((layer) => {
      const row = known.get(layer.digest);
      return skipped(layer, row) !== null || row?.listBytes != null;
    });
    return isRead ? this.#merged(layers, known) : null;
  }

  /**
   * Reads those layers of an image that nobody has read, and returns its list.
   * @returns null if the budget did not suffice: the layers that were read are stored
   * @throws Error if the bucket or the database fails
   */
  async make(text: string, budget: ReadBudget): Promise<ImageList | null> {
    const layers = layersOf(text);
    const known = await this.#store.layers(digestsOf(layers), READERS_VERSION);
    const missing = layers.filter((layer) => {
      const row = known.get(layer.digest);
      return skipped(layer, row) === null && row?.listBytes == null;
    });
    if (missing.length === 0) return this.#merged(layers, known);
    for (const { digest } of new Map(missing.map((layer) => [layer.digest, layer])).values()) {
      const row = known.get(digest);
      if (row === undefined) continue;
      if (budget.bytes <= 0) return null;
      budget.bytes -= row.size;
      await this.#readLayer(row);
    }
    return this.#merged(layers, await this.#store.layers(digestsOf(layers), READERS_VERSION));
  }

  async #readLayer({ digest, key }: KnownLayer): Promise<void> {
    const body = await this.#bucket.open(key);
    if (body === null) throw new Error(`the blob ${digest} is missing though its row is there`);
    const list = await readLayer(body, READERS);
    const stored =
      deflated(list) ??
      deflated({ ...NOTHING, ended: "its list of packages is too long to be kept" });
    if (stored !== null) await this.#store.putList(digest, READERS_VERSION, stored);
  }

  async #merged(
    layers: readonly Part[],
    known: ReadonlyMap<Digest, KnownLayer>,
  ): Promise<ImageList> {
    const bytes = [...known.values()].reduce((sum, { listBytes }) => sum + (listBytes ?? 0), 0);
    if (bytes > MAX_LISTS_BYTES) {
      return {
        packages: [],
        distribution: null,
        problems: [],
        origin: "layers",
        unscannable: "it has too many packages",
      };
    }
    const stored = await this.#store.lists(digestsOf(layers), READERS_VERSION);
    const unread = layers.flatMap((layer) => {
      const why = skipped(layer, known.get(layer.digest));
      return why === null ? [] : [`layer ${layer.digest}: ${why}`];
    });
    const lists = layers.flatMap(({ digest }) => {
      const text = stored.get(digest);
      return text === undefined ? [] : [{ ...(inflated(text) as LayerList), digest }];
    });
    const ended = lists.flatMap((list) =>
      list.ended === null ? [] : [`layer ${list.digest}: ${list.ended}`],
    );
    const { packages, distribution, problems } = mergeLayers(lists);
    const isEmpty = packages.length === 0 && distribution === null;
    const [unscannable = isEmpty ? "no packages were found in it" : null] = [...unread, ...ended];
    const all = [...unread, ...ended, ...problems];
    return { packages, distribution, problems: all, origin: "layers", unscannable };
  }
}

const NOTHING: LayerList = {
  packages: [],
  distributions: [],
  plainFiles: [],
  removed: [],
  opaque: [],
  problems: [],
  ended: null,
};

/** Returns why a layer is not read; null if it is. */
function skipped({ mediaType }: Part, row: KnownLayer | undefined): string | null {
  if (row === undefined) {
    return isNonDistributable(mediaType)
      ? "its bytes are kept elsewhere"
      : "the repository does not have its bytes";
  }
  return row.size > MAX_LAYER_BYTES ? "it is larger than 5 GiB" : null;
}

function layersOf(text: string): readonly Part[] {
  return partsOf(text).layers;
}

function digestsOf(layers: readonly Part[]): Digest[] {
  return layers.map(({ digest }) => digest);
}
