import { ALL_KINDS as FSCK_KINDS, OUTCOMES as FSCK_OUTCOMES } from "../fsck/findings.ts";
import { PHASES as FSCK_PHASES } from "../fsck/fsck.ts";
import type { Schema } from "./openapi-schemas.ts";

const text: Schema = { type: "string" };
const count: Schema = { type: "integer", minimum: 0 };
const time: Schema = { type: "string", format: "date-time" };
const phase: Schema = { type: "string", enum: FSCK_PHASES };

const cursor: Schema = {
  type: "object",
  description: "How far a pass is: what the last step answered as next.",
  required: ["phase", "repository", "name", "hashed"],
  properties: { phase, repository: count, name: { ...text, maxLength: 1024 }, hashed: count },
  additionalProperties: false,
};

const finding: Schema = object({
  kind: { type: "string", enum: FSCK_KINDS },
  repository: { type: ["string", "null"] },
  subject: { ...text, description: "The digest, tag, namespace or key that it is about." },
  outcome: {
    type: "string",
    enum: FSCK_OUTCOMES,
    description: "marked: the bytes are lost, clients are told so, and a push puts it right.",
  },
  message: { ...text, description: "What it means, and what to do." },
  affected: { type: "array", items: text, description: "What cannot be pulled, some of it." },
});

const counts = { checked: count, bytes: { ...count, description: "How many were hashed." } };

const round: Schema = object({
  beganAt: time,
  endedAt: { type: ["string", "null"], format: "date-time" },
  ...counts,
  findings: count,
});

const rounds = object({
  round: { oneOf: [round, { type: "null" }] },
  last: { oneOf: [round, { type: "null" }] },
});

export const FSCK_SCHEMAS: Readonly<Record<string, Schema>> = {
  FsckRun: {
    type: "object",
    properties: {
      cursor,
      hash: { ...count, description: "Bytes to hash in all; left out: all there are." },
      repair: { type: "boolean", default: false },
    },
    additionalProperties: false,
  },
  FsckStep: object({
    phase,
    findings: { type: "array", items: finding },
    checked: count,
    bytes: counts.bytes,
    unhashed: { ...count, description: "Objects that are too large to be hashed." },
    next: { oneOf: [cursor, { type: "null" }] },
  }),
  FsckState: object({
    bytesPerDay: count,
    look: { ...rounds, description: "Whether everything is there; nothing is hashed." },
    hash: { ...rounds, description: "Whether the bytes are what their digests say." },
  }),
};

/** Makes the schema of an object of which every property is required. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  return { type: "object", properties, required: Object.keys(properties) };
}
