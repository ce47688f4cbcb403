/** What is in a repository: tags, manifests, and how often they were pulled. */
import * as v from "valibot";
import { MANIFEST_KINDS } from "../../oci/manifest-kind.ts";
import { TagScan } from "../../scan/schema.ts";
import { content, count, day, flag, someCount, someText, text, texts, time } from "./common.ts";

const someDay = v.nullable(day);
const annotations = v.record(text, text);
export const manifestKind = v.picklist(MANIFEST_KINDS);

/** What is known of a manifest's origin, by what is attached to it. It is there; nobody has checked it. */
const evidence = {
  signed: v.pipe(
    flag,
    v.description("Whether it has a signature. The registry does not verify it."),
  ),
  sbom: v.pipe(flag, v.description("Whether it has an SBOM.")),
  provenance: v.pipe(flag, v.description("Whether it has an attestation of how it was built.")),
};

export const Tag = v.object({
  name: text,
  digest: text,
  ...content,
  kind: manifestKind,
  updatedAt: v.pipe(time, v.description("When it was last pushed, also to the same digest.")),
  lastPulledAt: v.pipe(
    someDay,
    v.description("The day of the last pull by this tag; no times are kept."),
  ),
  pulls: v.pipe(
    count,
    v.description(
      "Pulls by this tag in the last 400 days. Of a day with more than a hundred, the last hundred may be missing.",
    ),
  ),
  aliases: v.pipe(texts, v.description("Other tags of the same digest, the first ten.")),
  ...evidence,
  immutable: v.pipe(flag, v.description("Whether a rule keeps it from being moved or deleted.")),
  vulnerabilities: TagScan,
});
export type Tag = v.InferOutput<typeof Tag>;

export const Manifest = v.object({
  digest: text,
  ...content,
  kind: manifestKind,
  subject: someText,
  tags: v.pipe(texts, v.description("The first hundred.")),
  createdAt: v.pipe(time, v.description("When it was pushed first.")),
  pushedAt: v.pipe(time, v.description("When it was last pushed, or restored.")),
  lastPulledAt: v.pipe(
    someDay,
    v.description("The last day on which a client asked for it or for a layer that only it has."),
  ),
});
export type Manifest = v.InferOutput<typeof Manifest>;

/** An image's config, as far as it is shown; a field that it does not have is null or empty. */
export const ImageConfig = v.object({
  os: someText,
  architecture: someText,
  variant: someText,
  createdAt: v.pipe(someText, v.description("As the config says it.")),
  author: someText,
  entrypoint: texts,
  cmd: texts,
  env: texts,
  workingDir: someText,
  user: someText,
  ports: v.pipe(texts, v.description('Such as "80/tcp".')),
  volumes: texts,
  labels: annotations,
  stopSignal: someText,
});
export type ImageConfig = v.InferOutput<typeof ImageConfig>;

/** A step of an image's history, with the layer that it made; or a layer that no history tells of. */
export const Layer = v.object({
  digest: v.pipe(someText, v.description("null: the step made no layer.")),
  mediaType: someText,
  size: v.pipe(someCount, v.description("Compressed, as it is stored and pulled.")),
  command: v.pipe(someText, v.description("What made it; null: the config does not say.")),
  createdAt: v.pipe(someText, v.description("As the config says it.")),
  comment: someText,
  annotations,
  sharedBy: v.pipe(
    someCount,
    v.description(
      "How many other manifests of the repository name it, among the last twenty that do; null: not counted.",
    ),
  ),
});
export type Layer = v.InferOutput<typeof Layer>;

/** A manifest that an index names. */
export const Child = v.object({
  digest: text,
  mediaType: text,
  kind: v.pipe(v.nullable(manifestKind), v.description("null: the repository does not have it.")),
  platform: v.pipe(someText, v.description('Such as "linux/arm64/v8".')),
  size: v.pipe(someCount, v.description("As `size` of a manifest.")),
  manifestSize: count,
  annotations,
  attestations: v.pipe(
    v.array(v.object({ digest: text, sbom: flag, provenance: flag })),
    v.description("What BuildKit attached to it; these are no items of `children` themselves."),
  ),
});
export type Child = v.InferOutput<typeof Child>;

export const Referrer = v.object({
  digest: text,
  mediaType: text,
  artifactType: someText,
  kind: manifestKind,
  size: v.pipe(
    someCount,
    v.description("The bytes of the blobs that it names; null: its manifest has more than 16 KiB."),
  ),
  createdAt: time,
  annotations,
});
export type Referrer = v.InferOutput<typeof Referrer>;

/** A tag that pointed to the manifest until it was moved or deleted. */
export const PastUse = v.object({
  tag: text,
  successor: v.pipe(someText, v.description("What it pointed to then; null: it was deleted.")),
  changedAt: time,
  changedBy: someText,
});
export type PastUse = v.InferOutput<typeof PastUse>;

export const ManifestDetails = v.object({
  ...Manifest.entries,
  ...evidence,
  manifestSize: v.pipe(count, v.description("The bytes of the manifest itself.")),
  annotations,
  config: v.pipe(
    v.nullable(
      v.object({
        digest: text,
        mediaType: text,
        size: count,
        image: v.pipe(
          v.nullable(ImageConfig),
          v.description("null: it is no image's, has more than 64 KiB, or cannot be read."),
        ),
      }),
    ),
    v.description("null: an index has none."),
  ),
  layers: v.pipe(v.array(Layer), v.description("The lowest first, at most 500.")),
  moreLayers: v.pipe(
    flag,
    v.description("Whether there are more, or the manifest has more than 256 KiB and is not read."),
  ),
  children: v.pipe(
    v.array(Child),
    v.description("What an index names, in its order, at most 200."),
  ),
  moreChildren: v.pipe(flag, v.description("As `moreLayers`.")),
  referrers: v.pipe(
    v.array(Referrer),
    v.description("The first hundred by digest; `…/referrers` lists all."),
  ),
  moreReferrers: flag,
  history: v.pipe(
    v.nullable(v.array(PastUse)),
    v.description(
      "Tags that pointed to it until they were moved or deleted, the newest fifty; null for callers who may not push.",
    ),
  ),
  pulls: v.pipe(
    v.array(v.object({ day, count })),
    v.description(
      "Of each of the last 30 days, the oldest first: by the tags that point to it now, at most a hundred of them.",
    ),
  ),
});
export type ManifestDetails = v.InferOutput<typeof ManifestDetails>;

export const PullCount = v.object({
  tag: v.pipe(text, v.description('"": pulls by digest.')),
  day,
  count,
});
export type PullCount = v.InferOutput<typeof PullCount>;
