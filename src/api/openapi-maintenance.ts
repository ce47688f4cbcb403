import { EXPORT_GROUPS, EXPORT_SCHEMAS } from "./openapi-backup.ts";
import { FSCK_SCHEMAS } from "./openapi-fsck.ts";
import { RETENTION_GROUPS, RETENTION_SCHEMAS } from "./openapi-retention.ts";
import type { Schema } from "./openapi-schemas.ts";
import { type Groups, NAMESPACE, op, PAGE, page, REPOSITORY } from "./openapi-shape.ts";

/** Operations of maintenance: trash, immutable tags, retention, quotas, garbage collection, repair and backup. */
export const MAINTENANCE_GROUPS: Groups = {
  ...EXPORT_GROUPS,
  ...RETENTION_GROUPS,
  undo: {
    [`GET ${REPOSITORY}/-/history`]: op("listHistory", "What its tags pointed to, newest first", {
      query: ["tag", ...PAGE],
      answer: ["page", "PastTag"],
    }),
    [`GET ${REPOSITORY}/-/deleted`]: page(
      "listDeleted",
      "Its deleted manifests, newest first",
      "DeletedManifest",
    ),
    "GET /deleted-repositories": op(
      "listDeletedRepositories",
      "The deleted repositories that the caller may maintain",
      { query: ["namespace", ...PAGE], answer: ["page", "DeletedRepository"] },
    ),
    [`POST ${REPOSITORY}/-/restore`]: op("restore", "Bring back what was deleted or moved", {
      body: "Restoration",
      answer: ["one", "Restored"],
    }),
    [`POST ${REPOSITORY}/-/purge`]: op("purge", "Delete for good", {
      body: "Purge",
      answer: ["one", "Purged"],
    }),
  },
  repair: {
    "GET /fsck": op("readFsck", "How far the background passes are", {
      answer: ["one", "FsckState"],
    }),
    "POST /fsck": op("runFsck", "One step of a pass; next says where the next step begins", {
      body: "FsckRun",
      answer: ["one", "FsckStep"],
    }),
  },
  gc: {
    "GET /gc": op("readGc", "What waits for garbage collection, and the last run", {
      answer: ["one", "GcState"],
    }),
    "POST /gc": op("runGc", "Run garbage collection; more says whether to ask again", {
      body: "Nothing",
      answer: ["one", "GcRun"],
    }),
  },
  quota: {
    [`GET ${NAMESPACE}/quota`]: op("readQuota", "What a namespace takes, and may take", {
      answer: ["one", "Quota"],
    }),
    [`PUT ${NAMESPACE}/quota`]: op("setQuota", "Limit it; what is left out stays as it is", {
      body: "Limits",
      answer: ["one", "Quota"],
    }),
  },
};

const count: Schema = { type: "integer", minimum: 0 };
const time: Schema = { type: "string", format: "date-time" };
const someTime: Schema = { type: ["string", "null"], format: "date-time" };
const flag: Schema = { type: "boolean" };

const limit: Schema = { type: ["integer", "null"], minimum: 0, description: "null: no limit." };
const measure: Schema = object({ used: count, limit });
const tagGlob: Schema = {
  type: "string",
  maxLength: 50,
  pattern: "^(?!(?:[^*]*\\*){5})(?:[\\w*]|\\[0-9\\])(?:[\\w.*-]|\\[0-9\\])*$",
  description:
    "A glob over tags: `*` stands for any characters (at most 4 times), `[0-9]` for a digit.",
};

const text: Schema = { type: "string" };
const someText: Schema = { type: ["string", "null"] };
const texts: Schema = { type: "array", items: text };
/** Fields that name a target: a tag or a manifest. */
const thing = { tag: text, digest: text };

const queue = { waiting: count, due: count, firstDueAt: someTime };
const run: Schema = object({
  blobs: count,
  objects: count,
  failed: count,
  manifests: count,
  pastTags: count,
  repositories: count,
  more: flag,
  endedAt: time,
  milliseconds: count,
});

export const MAINTENANCE_SCHEMAS: Readonly<Record<string, Schema>> = {
  ...EXPORT_SCHEMAS,
  ...RETENTION_SCHEMAS,
  PastTag: object({
    id: text,
    tag: text,
    digest: text,
    successor: { ...someText, description: "What it pointed to then; null: it was deleted." },
    changedAt: time,
    changedBy: someText,
    restorableUntil: time,
  }),
  DeletedManifest: object({
    digest: text,
    mediaType: text,
    artifactType: someText,
    size: { ...count, description: "Of the manifest itself." },
    deletedAt: time,
    deletedBy: someText,
    restorableUntil: time,
  }),
  DeletedRepository: object({
    id: text,
    name: text,
    deletedAt: time,
    deletedBy: someText,
    restorableUntil: time,
  }),
  Restoration: {
    type: "object",
    description:
      "One thing: a tag (as it was before its last change, or at the digest), a manifest by its digest, or the repository.",
    properties: {
      ...thing,
      repository: { ...text, description: 'The id of a deleted one, or "newest".' },
    },
    minProperties: 1,
    additionalProperties: false,
  },
  Restored: object({
    repository: text,
    digest: { ...someText, description: "null: the repository itself." },
    replaced: { ...someText, description: "What the tag pointed to until now." },
    tags: texts,
    manifests: { ...texts, description: "Those that were deleted, children too." },
  }),
  Purge: {
    type: "object",
    description: "One thing: a tag with its history, a manifest, or the repository.",
    properties: {
      ...thing,
      repository: { ...text, description: 'The id of a deleted one, "newest" of them, or "live".' },
    },
    minProperties: 1,
    maxProperties: 1,
    additionalProperties: false,
  },
  Purged: object({
    repository: text,
    tags: texts,
    blobs: { ...count, description: "What the repository lost." },
    sharedBlobs: { ...count, description: "What it still has for other manifests." },
  }),
  ...FSCK_SCHEMAS,
  Nothing: { type: "object", additionalProperties: false },
  GcState: object({
    blobs: object(queue),
    objects: object({ ...queue, failing: count }),
    manifests: object(queue),
    repositories: object(queue),
    lastRun: { oneOf: [run, { type: "null" }] },
    failedAt: someTime,
  }),
  Quota: object({
    bytes: { ...measure, description: "Of all its blobs, each once." },
    repositories: measure,
  }),
  Limits: {
    type: "object",
    minProperties: 1,
    properties: { bytes: limit, repositories: limit },
    additionalProperties: false,
  },
  TagRule: {
    type: "object",
    description:
      "Tags that cannot be moved or deleted. Versions, for example, by two rules: `v[0-9]*.[0-9]*.[0-9]*` and `[0-9]*.[0-9]*.[0-9]*`; everything but latest: `*` except `latest`.",
    required: ["tags"],
    properties: {
      tags: tagGlob,
      except: { type: "array", items: tagGlob, maxItems: 20, default: [] },
    },
    additionalProperties: false,
  },
  GcRun: object({ run: { oneOf: [run, { type: "null" }] } }),
};

/** Makes the schema of an object of which every property is required. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, required: Object.keys(properties) };
}
