/** What a manifest is for, as people name it. */
export const MANIFEST_KINDS = [
  "image",
  "index",
  "chart",
  "signature",
  "sbom",
  "attestation",
  "model",
  "cache",
  "other",
] as const;
export type ManifestKindName = (typeof MANIFEST_KINDS)[number];
