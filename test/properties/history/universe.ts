/** The content that the clients of a run push, determined by a seed. It is small and shared, so that they conflict. */
import {
  type Bytes,
  type Content,
  content,
  imageManifest,
  index,
  type Manifest,
  random,
  randomBytes,
} from "../../support/images.ts";
import type { Universe as Known } from "./model.ts";

export interface Image extends Manifest {
  readonly blobs: readonly Content[];
  readonly children: readonly Image[];
}

export interface Universe extends Known {
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  readonly layers: readonly Content[];
  /** Images first, then the indexes that name them. */
  readonly images: readonly Image[];
}

export interface Size {
  readonly repositories: number;
  readonly tags: number;
  readonly layers: number;
  readonly images: number;
  readonly indexes: number;
  /** Bytes of the largest layer. */
  readonly largest: number;
}

export const SMALL: Size = {
  repositories: 3,
  tags: 3,
  layers: 10,
  images: 8,
  indexes: 3,
  largest: 40_000,
};

/** A manifest with this padding is too big for its row, so its bytes go to R2. */
const PADDING = 270_000;

export function universeOf(seed: number, size: Size = SMALL): Universe {
  const next = random(seed);
  const layers = Array.from({ length: size.layers }, (_, i) => {
    const bytes = i === 0 ? size.largest : i === 1 ? 0 : 20 + (next() % 3_000);
    // The content depends on the seed, so that no run finds what another one has left.
    return content(joined(new TextEncoder().encode(`${seed} ${i} `), randomBytes(bytes, next)));
  });
  const singles = Array.from({ length: size.images }, (_, i) => image(i, layers, next));
  const indexes = Array.from({ length: size.indexes }, (_, i): Image => {
    const first = next() % singles.length;
    const second = (first + 1 + (next() % (singles.length - 1))) % singles.length;
    const children = [singles[first], singles[second]].filter((child) => child !== undefined);
    return { ...index(children, { annotations: { i: `${seed} ${i}` } }), blobs: [], children };
  });
  const images = [...singles, ...indexes];
  const all = [...layers, ...images];
  return {
    repositories: Array.from({ length: size.repositories }, (_, i) => nameOf(seed, i)),
    tags: Array.from({ length: size.tags }, (_, i) => `v${i}`),
    layers,
    images,
    blobs: new Map(images.map(({ digest, blobs }) => [digest, blobs.map((one) => one.digest)])),
    children: new Map(
      images.map(({ digest, children }) => [digest, children.map((child) => child.digest)]),
    ),
    sizes: new Map(all.map(({ digest, bytes }) => [digest, bytes.length])),
  };
}

/** The first two are in the same namespace. */
function nameOf(seed: number, i: number): string {
  return `history-${seed}${i < 2 ? "" : "-other"}/repository-${i}`;
}

/** Makes an image of some layers, which others have as well; the first image is too big for its row. */
function image(i: number, layers: readonly Content[], next: () => number): Image {
  const chosen = new Set([0, 1, 2].map(() => layers[next() % layers.length]));
  const [config, ...rest] = [...chosen].filter((layer) => layer !== undefined);
  if (config === undefined) throw new Error("there are no layers");
  const annotations = { i: `${i}`, ...(i === 0 ? { padding: "x".repeat(PADDING) } : {}) };
  const made = imageManifest({ config, layers: rest, fields: { annotations } });
  return { ...made, blobs: [...chosen].filter((layer) => layer !== undefined), children: [] };
}

function joined(first: Uint8Array, second: Uint8Array): Bytes {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
