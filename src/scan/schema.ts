import * as v from "valibot";
import { count, someText, someTime, text, texts, time } from "../api/schema/common.ts";
import { SEVERITIES } from "./match/severity.ts";
import { PACKAGE_TYPES } from "./package.ts";

const severity = v.picklist(SEVERITIES);

export const Package = v.object({
  type: v.pipe(v.picklist(PACKAGE_TYPES), v.description("As package URLs have it.")),
  name: text,
  version: text,
  sourceName: v.pipe(
    someText,
    v.description(
      "The source package, which advisories of distributions name; null: its own name.",
    ),
  ),
  sourceVersion: someText,
  arch: someText,
  path: v.pipe(text, v.description("The file that names it.")),
  layer: v.pipe(someText, v.description("The digest of the layer that brought it.")),
  purl: text,
});
export type Package = v.InferOutput<typeof Package>;

export const distribution = v.pipe(
  v.nullable(v.object({ id: text, version: text, name: text })),
  v.description("As os-release says it; null: it has none."),
);

export const Finding = v.object({
  id: v.pipe(text, v.description("The CVE, if it has one alone.")),
  aliases: texts,
  severity,
  severitySource: v.pipe(someText, v.description("Who says the severity.")),
  summary: text,
  url: text,
  package: Package,
  fixedVersion: v.pipe(
    someText,
    v.description("The first version without it; null: none is known."),
  ),
  scanners: v.pipe(texts, v.description("Those that found it.")),
  firstSeenAt: v.pipe(time, v.description("When it was first seen in this image.")),
  status: v.pipe(
    v.picklist(["open", "accepted", "not_affected", "fixed"]),
    v.description("Open ones count; the others have been decided on."),
  ),
  reason: v.pipe(text, v.description("Why it is not open.")),
  author: text,
  until: v.pipe(someTime, v.description("Until when it is not open; null: for good.")),
  images: v.pipe(
    texts,
    v.description("The digests of the images that have it, of an index several."),
  ),
});
export type Finding = v.InferOutput<typeof Finding>;

const countOf = v.object({ all: count, fixable: count });
export const Counts = v.pipe(
  v.object(
    Object.fromEntries(SEVERITIES.map((name) => [name, countOf])) as Record<
      (typeof SEVERITIES)[number],
      typeof countOf
    >,
  ),
  v.description("Open vulnerabilities by severity, each once however many packages have it."),
);
export type Counts = v.InferOutput<typeof Counts>;

/** What a list of tags says of the scan of an image. */
export const TagScan = v.pipe(
  v.nullable(
    v.object({
      state: v.pipe(
        v.picklist(["waiting", "unscannable", "scanned"]),
        v.description(
          "Waiting: no scanner has matched it yet. Unscannable: its packages are not all known.",
        ),
      ),
      counts: v.nullable(Counts),
    }),
  ),
  v.description(
    "What scans found in it; null: it is no image, or is not scanned. Of an index the worst of its images: the highest number of each severity. At most 16 of the manifests that it names are looked at.",
  ),
);
export type TagScan = v.InferOutput<typeof TagScan>;

/** How far the scan of an image of one platform is. */
export const ImageScan = v.object({
  digest: text,
  platform: v.pipe(someText, v.description("As the index gives it.")),
  listedAt: v.pipe(someTime, v.description("When its packages were listed last; null: not yet.")),
  matchedAt: v.pipe(
    someTime,
    v.description("When they were matched with known vulnerabilities last; null: not yet."),
  ),
  nextAt: v.pipe(someTime, v.description("When the next scan is due.")),
  unscannable: v.pipe(
    someText,
    v.description("Why its packages are not all known; null: they are."),
  ),
  error: v.pipe(someText, v.description("Why the last try failed, if it did.")),
  scanners: v.array(
    v.object({
      name: text,
      matchedAt: time,
      dataVersion: v.pipe(someText, v.description("As the scanner calls its data.")),
    }),
  ),
  counts: v.nullable(Counts),
});
export type ImageScan = v.InferOutput<typeof ImageScan>;

export const scanned = {
  images: v.pipe(v.array(ImageScan), v.description("The image, or those of an index, at most 32.")),
  counts: v.pipe(
    v.nullable(Counts),
    v.description("Of all images together; null: none has been matched yet."),
  ),
};

export const listed = {
  distribution,
  problems: v.pipe(texts, v.description("What could not be read.")),
  origin: v.pipe(
    v.picklist(["layers", "sbom"]),
    v.description("sbom: an attached SBOM says so, which is its pusher's claim."),
  ),
  unscannable: v.pipe(someText, v.description("Why they are not all; null: they are.")),
  total: count,
};

export const VulnerableImage = v.object({
  repository: text,
  digest: text,
  tags: v.pipe(texts, v.description("The first ten of the image itself.")),
  matchedAt: someTime,
});
export type VulnerableImage = v.InferOutput<typeof VulnerableImage>;

/** A report of a scan that somebody attached to the image: a claim by whoever pushed it. */
export const AttachedReport = v.object({
  digest: text,
  manifest: v.pipe(text, v.description("The manifest that it is in.")),
  mediaType: text,
  tool: someText,
  scannedAt: someTime,
  counts: v.pipe(
    v.nullable(
      v.object(
        Object.fromEntries(SEVERITIES.map((name) => [name, count])) as Record<
          (typeof SEVERITIES)[number],
          typeof count
        >,
      ),
    ),
    v.description("Findings by severity."),
  ),
  problem: v.pipe(someText, v.description("Why it cannot be read; null: it can.")),
});
export type AttachedReport = v.InferOutput<typeof AttachedReport>;

export const AttachedReports = v.object({ items: v.array(AttachedReport) });
export type AttachedReports = v.InferOutput<typeof AttachedReports>;
