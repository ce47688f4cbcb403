import type { Schema } from "./openapi-schemas.ts";
import { type Groups, NAMESPACE, op, PAGE, REPOSITORY } from "./openapi-shape.ts";

export const RETENTION_GROUPS: Groups = {
  retention: {
    [`GET ${REPOSITORY}/-/retention`]: op(
      "readRetention",
      "The lifecycle policy that holds in a repository",
      { answer: ["one", "Retention"] },
    ),
    [`PUT ${REPOSITORY}/-/retention`]: op("setRetention", "Set a policy; it is carried out soon", {
      body: "LifecyclePolicy",
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
      { query: PAGE, body: "SomePolicy", answer: ["page", "Expiring"] },
    ),
    [`GET ${NAMESPACE}/retention`]: op("readNamespaceRetention", "A namespace's policy", {
      answer: ["one", "NamespaceRetention"],
    }),
    [`PUT ${NAMESPACE}/retention`]: op(
      "setNamespaceRetention",
      "Set a policy for all repositories without one of their own",
      { body: "LifecyclePolicy", answer: ["one", "NamespaceRetention"] },
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

export const RETENTION_SCHEMAS: Readonly<Record<string, Schema>> = {
  LifecyclePolicy: { ...policy, required: ["rules"] },
  SomePolicy: policy,
  Retention: object({
    ...stored,
    of: { enum: ["repository", "namespace", null], description: "Whose policy it is." },
    nextRunAt: someTime,
    lastRun: { oneOf: [run, { type: "null" }] },
  }),
  NamespaceRetention: object(stored),
  Expiring: object({
    digest: text,
    tags: texts,
    pushedAt: time,
    rule: { ...number, description: "Its rulePriority." },
    reason: text,
    parts: {
      type: "array",
      items: object({ digest: text, tags: texts }),
      description: "What belongs to it alone and goes with it.",
    },
  }),
};

/** Every one of these is always there. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, required: Object.keys(properties) };
}
