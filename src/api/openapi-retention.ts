import type { Schema } from "./openapi-schemas.ts";
import { type Groups, NAMESPACE, op, PAGE, REPOSITORY } from "./openapi-shape.ts";

export const RETENTION_GROUPS: Groups = {
  retention: {
    [`GET ${REPOSITORY}/-/retention`]: op(
      "readRetention",
      "The retention policy that holds in a repository",
      { answer: ["one", "Retention"] },
    ),
    [`PUT ${REPOSITORY}/-/retention`]: op("setRetention", "Set a policy; it is carried out soon", {
      body: "RetentionPolicy",
      answer: ["one", "Retention"],
    }),
    [`DELETE ${REPOSITORY}/-/retention`]: op(
      "removeRetention",
      "Remove the repository's own policy",
      { answer: null },
    ),
    [`POST ${REPOSITORY}/-/retention/preview`]: op(
      "previewRetention",
      "What a policy would delete, and why; {} for the one in force",
      { query: PAGE, body: "SomePolicy", answer: ["one", "RetentionPreview"] },
    ),
    [`GET ${NAMESPACE}/retention`]: op("readNamespaceRetention", "A namespace's policy", {
      answer: ["one", "NamespaceRetention"],
    }),
    [`PUT ${NAMESPACE}/retention`]: op(
      "setNamespaceRetention",
      "Set a policy for all repositories without one of their own",
      { body: "RetentionPolicy", answer: ["one", "NamespaceRetention"] },
    ),
    [`DELETE ${NAMESPACE}/retention`]: op("removeNamespaceRetention", "Remove it", {
      answer: null,
    }),
  },
};

const text: Schema = { type: "string" };
const texts: Schema = { type: "array", items: text };
const time: Schema = { type: "string", format: "date-time" };
const someTime: Schema = { type: ["string", "null"], format: "date-time" };
const count: Schema = { type: "integer", minimum: 0 };
const number: Schema = { type: "integer", minimum: 1 };
const tags: Schema = { type: "array", items: text, minItems: 1 };

const rule: Schema = {
  type: "object",
  required: ["rulePriority", "selection", "action"],
  additionalProperties: false,
  properties: {
    rulePriority: number,
    description: text,
    selection: {
      type: "object",
      required: ["tagStatus"],
      additionalProperties: false,
      properties: {
        tagStatus: { enum: ["tagged", "untagged", "any"] },
        tagPatternList: tags,
        tagPrefixList: tags,
        storageClass: { enum: ["standard", "archive"] },
        countType: {
          enum: [
            "imageCountMoreThan",
            "sinceImagePushed",
            "sinceImagePulled",
            "sinceImageTransitioned",
            "mostRecent",
            "pushedWithin",
            "pulledWithin",
          ],
          description: "The last three are for keep rules, which may also have none.",
        },
        countUnit: { const: "days" },
        countNumber: number,
        orderBy: { enum: ["pushed", "semver"], default: "pushed" },
      },
    },
    action: {
      type: "object",
      required: ["type"],
      additionalProperties: false,
      properties: {
        type: { enum: ["expire", "transition", "keep"] },
        targetStorageClass: { const: "archive" },
      },
    },
  },
};
const rules: Schema = { type: "array", items: rule, minItems: 1, maxItems: 50 };
const policy = {
  type: "object",
  description: "As in Amazon ECR, with keep rules and orderBy; at most 30 720 characters.",
  properties: { rules },
  additionalProperties: false,
};
const run = object({ beganAt: time, endedAt: time, images: count, manifests: count });
const stored = {
  policy: { type: ["object", "null"], description: "As it was sent." },
  warnings: { ...texts, description: "What of it means nothing here." },
};

const image = { digest: text, tags: texts };
const kept = object({
  by: {
    enum: ["tags", "immutability", "grace", "rule", "use", "unknown"],
    description:
      "More than 100 tags; an immutable tag; the grace time after a push; a keep rule; pulls or HEAD requests; or that these are not noted for long enough.",
  },
  rule: { type: ["integer", "null"], description: "The keep rule's rulePriority." },
  lastUsed: {
    type: ["string", "null"],
    format: "date",
    description: "The last day that one of them was pulled or asked for.",
  },
  until: { ...someTime, description: "When the last of them goes if nothing changes." },
  images: number,
  examples: { type: "array", items: object(image) },
});

export const RETENTION_SCHEMAS: Readonly<Record<string, Schema>> = {
  RetentionPolicy: { ...policy, required: ["rules"] },
  SomePolicy: policy,
  Retention: object({
    ...stored,
    of: { enum: ["repository", "namespace", null], description: "Whose policy it is." },
    nextRunAt: someTime,
    lastRun: { oneOf: [run, { type: "null" }] },
  }),
  NamespaceRetention: object(stored),
  RetentionPreview: object({
    items: { type: "array", items: { $ref: "#/components/schemas/Expiring" } },
    next: {
      type: ["string", "null"],
      description: "What to ask for the next page with (`after`); null on the last one.",
    },
    kept: {
      type: "array",
      items: kept,
      description: "What a rule would take were it not for this, among the images of this page.",
    },
  }),
  Expiring: object({
    ...image,
    pushedAt: time,
    rule: { ...number, description: "Its rulePriority." },
    reason: text,
    attachments: {
      type: "array",
      items: object(image),
      description: "What belongs to it alone and goes with it.",
    },
  }),
};

/** Makes the schema of an object of which every property is required. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, required: Object.keys(properties) };
}
