import type { Schema } from "./openapi-schemas.ts";
import { type Groups, op } from "./openapi-shape.ts";

const text: Schema = { type: "string" };
const someText: Schema = { type: ["string", "null"] };
const count: Schema = { type: "integer", minimum: 0 };
const time: Schema = { type: "string", format: "date-time" };
const someTime: Schema = { type: ["string", "null"], format: "date-time" };

export const EXPORT_GROUPS: Groups = {
  recovery: {
    "GET /exports": op("readExports", "What of the index is in the bucket", {
      answer: ["one", "Exports"],
    }),
    "POST /exports": op("beginExport", "Begin a full export, unless one is under way", {
      body: "Nothing",
      answer: ["one", "Exports"],
    }),
    "POST /exports/steps": op("stepExport", "One step of it; running is null at its end", {
      body: "Nothing",
      answer: ["one", "Exports"],
    }),
    "POST /import": op("runImport", "Begin an import, or take its next step, until it is done", {
      body: "Importing",
      answer: ["one", "Import"],
    }),
    "POST /import/objects": op("findObjects", "What was pushed after what was imported", {
      body: "Search",
      answer: ["one", "FoundObjects"],
    }),
  },
};

const counts = { objects: count, rows: count };

export const EXPORT_SCHEMAS: Readonly<Record<string, Schema>> = {
  Exports: object({
    chain: { ...text, description: "The name of this index in the bucket." },
    pending: { ...count, description: "Changes that are not in the bucket yet." },
    exportedAt: someTime,
    running: {
      oneOf: [
        object({
          id: text,
          phase: { enum: ["rows", "changes", "prune"] },
          startedAt: time,
          ...counts,
        }),
        { type: "null" },
      ],
    },
    finished: {
      type: "array",
      description: "Complete full exports, the newest first.",
      items: object({ id: text, startedAt: time, finishedAt: time, ...counts }),
    },
  }),
  Importing: {
    type: "object",
    properties: { from: { ...text, description: "The chain or the full export to begin with." } },
    additionalProperties: false,
  },
  Import: object({
    phase: { enum: ["list", "read", "prune", "done"] },
    chain: text,
    full: someText,
    beganAt: time,
    endedAt: someTime,
    exportedAt: { ...someTime, description: "When the newest object of it was written." },
    objects: count,
    toRead: { ...count, description: "Objects to read in all: each is read three times." },
    read: count,
    rows: count,
    lost: { ...count, description: "Rows whose base the export does not have." },
    examples: { type: "array", items: object({ table: text, key: text }) },
  }),
  Search: {
    type: "object",
    properties: {
      after: { ...text, description: "`next` of the page before." },
      link: { type: "boolean", description: "Link the blobs that are found." },
    },
    additionalProperties: false,
  },
  FoundObjects: object({
    items: {
      type: "array",
      items: object({
        key: text,
        digest: text,
        size: count,
        uploadedAt: time,
        repository: someText,
        mediaType: someText,
        kind: { enum: ["blob", "manifest"] },
        outcome: { enum: ["offered", "linked", "refused"] },
        reason: someText,
      }),
    },
    next: someText,
  }),
};

/** Makes the schema of an object of which every property is required. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, required: Object.keys(properties) };
}
