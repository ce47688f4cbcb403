import * as v from "valibot";
import {
  count,
  day,
  describedBy,
  someCount,
  someTime,
  text,
  texts,
  time,
} from "../api/schema/common.ts";

const number = v.pipe(v.number(), v.integer(), v.minValue(1));
const patterns = v.pipe(texts, v.minLength(1));

/** A rule, as Amazon ECR has it; `parsePolicy` checks it, and says what is wrong in words. */
const Rule = v.strictObject({
  rulePriority: number,
  description: v.optional(text),
  selection: v.strictObject({
    tagStatus: v.picklist(["tagged", "untagged", "any"]),
    tagPatternList: v.optional(patterns),
    tagPrefixList: v.optional(patterns),
    storageClass: v.optional(v.picklist(["standard", "archive"])),
    countType: v.pipe(
      v.optional(
        v.picklist([
          "imageCountMoreThan",
          "sinceImagePushed",
          "sinceImagePulled",
          "sinceImageTransitioned",
          "mostRecent",
          "pushedWithin",
          "pulledWithin",
        ]),
      ),
      v.description("The last three are for keep rules, which may also have none."),
    ),
    countUnit: v.optional(v.literal("days")),
    countNumber: v.optional(number),
    orderBy: v.optional(v.picklist(["pushed", "semver"]), "pushed"),
  }),
  action: v.strictObject({
    type: v.picklist(["expire", "transition", "keep"]),
    targetStorageClass: v.optional(v.literal("archive")),
  }),
});
const rules = v.pipe(v.array(Rule), v.minLength(1), v.maxLength(50));
const POLICY = "As in Amazon ECR, with keep rules and orderBy; at most 30 720 characters.";

/** Takes any object: `parsePolicy` checks it with better messages, and the document has the schema. */
function policy(schema: v.GenericSchema) {
  const anyObject = v.custom<Readonly<Record<string, unknown>>>(
    (value) => typeof value === "object" && value !== null,
    "must be a JSON object",
  );
  return describedBy(schema, anyObject);
}

export const RetentionPolicy = policy(v.pipe(v.strictObject({ rules }), v.description(POLICY)));
export const SomePolicy = policy(
  v.pipe(v.strictObject({ rules: v.optional(rules) }), v.description(POLICY)),
);

const stored = {
  policy: v.pipe(v.nullable(v.record(text, v.unknown())), v.description("As it was sent.")),
  warnings: v.pipe(texts, v.description("What of it means nothing here.")),
};

export const NamespaceRetention = v.object(stored);
export type NamespaceRetention = v.InferOutput<typeof NamespaceRetention>;

export const Retention = v.object({
  ...stored,
  of: v.pipe(
    v.nullable(v.picklist(["repository", "namespace"])),
    v.description("Whose policy it is."),
  ),
  nextRunAt: someTime,
  lastRun: v.nullable(v.object({ beganAt: time, endedAt: time, images: count, manifests: count })),
});
export type Retention = v.InferOutput<typeof Retention>;

const image = { digest: text, tags: texts };

/** An image that a policy would delete. */
export const Expiring = v.object({
  ...image,
  pushedAt: time,
  rule: v.pipe(v.nullable(number), v.description("Its rulePriority.")),
  reason: text,
  attachments: v.pipe(
    v.array(v.object(image)),
    v.description("What belongs to it alone and goes with it."),
  ),
});
export type Expiring = v.InferOutput<typeof Expiring>;

/** Images that a rule selects, and why they stay. */
export const Protected = v.object({
  by: v.pipe(
    v.picklist(["tags", "immutability", "grace", "rule", "use", "unknown"]),
    v.description(
      "More than 100 tags; an immutable tag; the grace time after a push; a keep rule; pulls or HEAD requests; or that these are not noted for long enough.",
    ),
  ),
  rule: v.pipe(v.nullable(v.number()), v.description("The keep rule's rulePriority.")),
  lastUsed: v.pipe(
    v.nullable(day),
    v.description("The last day that one of them was pulled or asked for."),
  ),
  until: v.pipe(someTime, v.description("When the last of them goes if nothing changes.")),
  images: number,
  examples: v.array(v.object(image)),
});
export type Protected = v.InferOutput<typeof Protected>;

/** A page of what a policy would delete, with what stays although a rule selects it. */
export const protectedImages = v.pipe(
  v.array(Protected),
  v.description("What a rule would take were it not for this, among the images of this page."),
);
export const freedBytes = v.pipe(
  someCount,
  v.description(
    "Bytes of the blobs that no other manifest of the repository names than those of this page. They go when what is in the trash is purged. null: too many to add up.",
  ),
);
export interface RetentionPreview {
  readonly items: readonly Expiring[];
  readonly freedBytes: number | null;
  readonly next: string | null;
  readonly kept: readonly Protected[];
}
