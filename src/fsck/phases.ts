/**
 * The phases in order: a blob that a manifest names is linked before blobs without links are deleted, and counts are
 * repaired before their sums.
 */
export const PHASES = [
  "manifests",
  "tags",
  "links",
  "trashed",
  "blobs",
  "counts",
  "usage",
  "objects",
] as const;
export type PhaseName = (typeof PHASES)[number];
