/**
 * A registry of any size: one big repository, in which all operations are tried, many small ones that share its layers,
 * and rows that wait for garbage collection. Everything in it is numbered, so a bigger world is a smaller one with more
 * behind it.
 */

/** The numbers of a world's rows. */
export interface World {
  /**
   * Manifests of the big repository, each with a tag, a config and four layers; up to 10,000 others are attachments of
   * the first.
   */
  readonly manifests: number;
  /**
   * Due rows of each kind: links that no manifest names, objects, deleted manifests, past tags, and manifests of a
   * deleted repository.
   */
  readonly due: number;
}

export const EMPTY: World = { manifests: 0, due: 0 };

export const BIG = "big/app";
export const BIG_ID = 1;
/** Repositories that are created later have higher ids. */
export const GONE_ID = 1_000_000_000;
export const FIRST_SMALL_ID = 10;
/** References of each manifest. */
export const LAYERS = 4;
/** The artifact type of half of the first manifest's referrers. */
export const OTHER_TYPE = "application/vnd.docker.container.image.v1+json";
export const CONFIG_SIZE = 1_500;
/**
 * When the first manifest was pushed, in milliseconds since 1970, with a millisecond between two; long due for garbage
 * collection.
 */
export const LONG_AGO = 1_000_000_000_000;

const KINDS = [
  "manifest",
  "referrer",
  "config",
  "layer",
  "deleted",
  "unlinked",
  "small",
  "gone",
  "gone-config",
] as const;
export type Kind = (typeof KINDS)[number];

/**
 * The start of the upper half of all digests. The lower half has only images and their blobs, so that all pages are
 * alike.
 */
export const UPPER_HALF = "sha256:8";
const EVERYWHERE: readonly Kind[] = ["manifest", "config", "layer"];
/** Spreads numbers over all of an index, as digests are. */
const SPREAD = 2_654_435_761;

/** Returns a digest that no content has: numbered rows have no bytes. */
export function digest(kind: Kind, n: number): string {
  const spread = Math.imul(n, SPREAD) >>> 0;
  const begin = EVERYWHERE.includes(kind) ? spread : (spread >>> 1) + 2 ** 31;
  const rest = KINDS.indexOf(kind) * 2 ** 32 + n;
  return `sha256:${begin.toString(16).padStart(8, "0")}${rest.toString(16).padStart(56, "0")}`;
}

/** SQL: the same digest. */
export function digestSql(kind: Kind, n: string): string {
  const spread = `((${n}) * ${SPREAD}) & 4294967295`;
  const begin = EVERYWHERE.includes(kind) ? spread : `((${spread}) >> 1) + ${2 ** 31}`;
  return `printf('sha256:%08x%056x', ${begin}, ${KINDS.indexOf(kind) * 2 ** 32} + (${n}))`;
}

/** Returns images for an index, none of which is on a page at an end or in the middle of the lists. */
export function childNumbers(children: number): number[] {
  const inner = Array.from({ length: 220 }, (_, i) => 60 + i);
  return inner.filter((n) => digest("manifest", n) >= UPPER_HALF).slice(0, children);
}

/** SQL: the layer of manifest n at position j; most images share those with low numbers. */
export function layerSql(n: string, j: string): string {
  return `(${LAYERS} * (((${n}) * 7919 + ${j} * 104729) % ((${n}) / 20 + 1)) + ${j})`;
}

export function tag(n: number): string {
  return `v${String(n).padStart(7, "0")}`;
}

export function layerSize(n: number): number {
  return 3_000_000 + n;
}

export function smallRepositories({ manifests }: World): number {
  return Math.ceil(manifests / 20);
}

export function smallRepository(n: number): string {
  return `small-${String(Math.floor(n / 100)).padStart(3, "0")}/r${String(n).padStart(6, "0")}`;
}

export function scheduledKey(n: number): string {
  return `blobs/doomed-${String(n).padStart(7, "0")}`;
}
