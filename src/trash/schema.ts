import * as v from "valibot";
import { REASONS } from "../oci/errors.ts";
import { content, count, someText, text, texts, time } from "../api/schema/common.ts";

const deleted = { deletedAt: time, deletedBy: someText, restorableUntil: time };

export const PastTag = v.object({
  id: text,
  tag: text,
  digest: text,
  successor: v.pipe(someText, v.description("What it pointed to then; null: it was deleted.")),
  changedAt: time,
  changedBy: someText,
  restorableUntil: time,
});
export type PastTag = v.InferOutput<typeof PastTag>;

export const DeletedManifest = v.object({
  digest: text,
  ...content,
  ...deleted,
});
export type DeletedManifest = v.InferOutput<typeof DeletedManifest>;

export const DeletedRepository = v.object({ id: text, name: text, ...deleted });
export type DeletedRepository = v.InferOutput<typeof DeletedRepository>;

/** The most that one request deletes: each takes up to six statements, and D1 allows a request a thousand. */
export const MAX_DELETED = 100;

const some = v.optional(v.pipe(texts, v.maxLength(MAX_DELETED)), []);

export const Deletion = v.pipe(
  v.strictObject({
    tags: v.pipe(some, v.description("Their manifests stay.")),
    digests: v.pipe(
      some,
      v.description(
        "Manifests, which go with all their tags, in this order: an index before what it names.",
      ),
    ),
  }),
  v.description(`1 to ${MAX_DELETED} tags and digests together; the tags go first.`),
);

export const Deleted = v.object({
  tag: someText,
  digest: someText,
  refused: v.pipe(
    v.nullable(v.object({ code: v.picklist(REASONS), detail: text })),
    v.description(
      "Why it was not deleted, as the request for it alone would be told; null: it was.",
    ),
  ),
});
export type Deleted = v.InferOutput<typeof Deleted>;

export const Deletions = v.object({ repository: text, items: v.array(Deleted) });
export type Deletions = v.InferOutput<typeof Deletions>;

/** The one thing to restore or purge. */
const target = { tag: v.optional(text), digest: v.optional(text) };

export const Restoration = v.pipe(
  v.strictObject({
    ...target,
    repository: v.pipe(v.optional(text), v.description('The id of a deleted one, or "newest".')),
  }),
  v.metadata({
    minProperties: 1,
    description:
      "One thing: a tag (as it was before its last change, or at the digest), a manifest by its digest, or the repository.",
  }),
);

export const Restored = v.object({
  repository: text,
  digest: v.pipe(someText, v.description("null: the repository itself.")),
  replaced: v.pipe(someText, v.description("What the tag pointed to until now.")),
  tags: texts,
  manifests: v.pipe(texts, v.description("Those that were deleted, children too.")),
});
export type Restored = v.InferOutput<typeof Restored>;

export const Purge = v.pipe(
  v.strictObject({
    ...target,
    repository: v.pipe(
      v.optional(text),
      v.description('The id of a deleted one, "newest" of them, or "live".'),
    ),
  }),
  v.metadata({
    minProperties: 1,
    maxProperties: 1,
    description: "One thing: a tag with its history, a manifest, or the repository.",
  }),
);

export const Purged = v.object({
  repository: text,
  tags: texts,
  blobs: v.pipe(count, v.description("What the repository lost.")),
  sharedBlobs: v.pipe(count, v.description("What it still has for other manifests.")),
});
export type Purged = v.InferOutput<typeof Purged>;
