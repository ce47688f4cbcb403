import type { Digest } from "../oci/digest.ts";
import { isNonDistributable } from "../oci/media-type.ts";
import { type Part, partsOf } from "../oci/manifest-parts.ts";
import type { RepositoryName } from "../oci/reference.ts";
import type { Bucket } from "../db/bucket.ts";
import { READERS } from "./file/readers.ts";
import { LIMITS } from "./layer/limits.ts";
import type { LayerList } from "./layer/list.ts";
import { mergeLayers } from "./layer/merge.ts";
import { Meter } from "./layer/meter.ts";
import { readLayer } from "./layer/walk.ts";
import type { Distribution } from "./package.ts";
import type { LayerPackage } from "./package.ts";
import { deflated, inflatedText } from "./stored-text.ts";
import type { KnownLayer, LayerStore } from "./layer-store.ts";

/**
 * Raise it with each change of what is read of a layer: lists of before are made again when their images are scanned next.
 */
const READERS_VERSION = 1;

/** A layer that is larger is not read: 5 GiB take some minutes of a Worker's CPU, which has 5 for each message of a queue. */
const MAX_LAYER_BYTES = 5 * 1024 ** 3;
/** Engines take some 125 layers (overlayfs) to 500. */
const MAX_LAYERS = 500;
/** How often a layer is begun: one at which a Worker was ended each time would end each further one too. */
const MAX_ATTEMPTS = 3;
/** The most stored bytes of the lists of one image. */
const MAX_LISTS_BYTES = 4 * 1024 ** 2;
/** The most bytes of the lists of one image as JSON: some 80,000 packages. A Worker has 128 MB of memory. */
const MAX_TEXT_BYTES = 16 * 1024 ** 2;

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
  /** Bytes of layers, compressed and unpacked together. */
  bytes: number;
  layers: number;
}

/** An image by its manifest's text. */
interface Image {
  readonly repository: RepositoryName;
  readonly text: string;
}

type Known = ReadonlyMap<Digest, KnownLayer>;

/** The lists of packages of images, which are put together from those of their layers. */
export class ImageLists {
  readonly #store: LayerStore;
  readonly #bucket: Bucket;

  constructor(store: LayerStore, bucket: Bucket) {
    this.#store = store;
    this.#bucket = bucket;
  }

  /** Returns the list of an image whose layers have been read; null if one has not. */
  async read({ repository, text }: Image): Promise<ImageList | null> {
    const layers = layersOf(text);
    if (layers.length > MAX_LAYERS) return unlisted(TOO_MANY_LAYERS);
    const known = await this.#known(repository, layers);
    return layers.some((layer) => isMissing(layer, known)) ? null : this.#merged(layers, known);
  }

  /**
   * Reads those layers of an image that nobody has read, and returns its list.
   * @returns null if the budget did not suffice: the layers that were read are stored
   * @throws Error if the bucket or the database fails
   */
  async make({ repository, text }: Image, budget: ReadBudget): Promise<ImageList | null> {
    const layers = layersOf(text);
    if (layers.length > MAX_LAYERS) return unlisted(TOO_MANY_LAYERS);
    const known = await this.#known(repository, layers);
    const missing = layers.filter((layer) => isMissing(layer, known));
    if (missing.length === 0) return this.#merged(layers, known);
    for (const digest of new Set(digestsOf(missing))) {
      const row = known.get(digest);
      if (row === undefined) continue;
      if (budget.bytes <= 0 || budget.layers <= 0) return null;
      budget.layers--;
      budget.bytes -= row.size + (await this.#readLayer(row));
    }
    return this.#merged(layers, await this.#known(repository, layers));
  }

  #known(repository: RepositoryName, layers: readonly Part[]): Promise<Known> {
    return this.#store.layers(repository, digestsOf(layers), READERS_VERSION);
  }

  /** @returns how many bytes were unpacked */
  async #readLayer({ digest, key, attempts }: KnownLayer): Promise<number> {
    if (attempts >= MAX_ATTEMPTS) {
      const ended = `it was not read: of ${attempts} attempts none came to an end`;
      await this.#put(digest, { ...NOTHING, ended });
      return 0;
    }
    await this.#store.beginList(digest, READERS_VERSION);
    try {
      const body = await this.#bucket.open(key);
      if (body === null) throw new Error(`the blob ${digest} is missing though its row is there`);
      const meter = new Meter(LIMITS);
      await this.#put(digest, await readLayer(body, READERS, LIMITS, meter));
      return meter.unpackedBytes;
    } catch (error) {
      // The bucket or the database failed, which is not the layer's doing.
      await this.#store.endAttempt(digest, READERS_VERSION);
      throw error;
    }
  }

  async #put(digest: Digest, list: LayerList): Promise<void> {
    const stored =
      deflated(list) ??
      deflated({ ...NOTHING, ended: "its list of packages is too long to be kept" });
    if (stored !== null) await this.#store.putList(digest, READERS_VERSION, stored);
  }

  async #merged(layers: readonly Part[], known: Known): Promise<ImageList> {
    const lists = await this.#lists(layers, known);
    if (lists === null) return unlisted("it has too many packages");
    const unread = layers.flatMap((layer) => {
      const why = skipped(layer, known.get(layer.digest));
      return why === null ? [] : [`layer ${layer.digest}: ${why}`];
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

  /** Returns the lists of the layers, from the lowest to the uppermost; null where they are too long together. */
  async #lists(
    layers: readonly Part[],
    known: Known,
  ): Promise<readonly (LayerList & { readonly digest: Digest })[] | null> {
    const bytes = [...known.values()].reduce((sum, { listBytes }) => sum + (listBytes ?? 0), 0);
    if (bytes > MAX_LISTS_BYTES) return null;
    const stored = await this.#store.lists([...known.keys()], READERS_VERSION);
    const parsed = new Map<Digest, { readonly list: LayerList; readonly length: number }>();
    const lists = [];
    let left = MAX_TEXT_BYTES;
    for (const { digest } of layers) {
      const digits = stored.get(digest);
      if (digits === undefined) continue;
      // A layer that an image has several times is put over the others each time.
      const one = parsed.get(digest) ?? parsedList(digits, left);
      left -= one?.length ?? 0;
      if (one === null || left < 0) return null;
      parsed.set(digest, one);
      lists.push({ ...one.list, digest });
    }
    return lists;
  }
}

function parsedList(digits: string, maxBytes: number) {
  const text = inflatedText(digits, maxBytes);
  return text === null ? null : { list: JSON.parse(text) as LayerList, length: text.length };
}

const TOO_MANY_LAYERS = `it has more than ${MAX_LAYERS} layers`;

function unlisted(unscannable: string): ImageList {
  return { packages: [], distribution: null, problems: [], origin: "layers", unscannable };
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

/** Whether a layer has yet to be read. */
function isMissing(layer: Part, known: Known): boolean {
  const row = known.get(layer.digest);
  return skipped(layer, row) === null && row?.listBytes == null;
}

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
