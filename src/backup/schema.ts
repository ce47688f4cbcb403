import * as v from "valibot";
import { count, flag, someText, someTime, text, time } from "../api/schema/common.ts";

const counts = { objects: count, rows: count };

export const Exports = v.object({
  backupId: v.pipe(text, v.description("The name of this index in the bucket.")),
  pending: v.pipe(count, v.description("Changes that are not in the bucket yet.")),
  exportedAt: someTime,
  running: v.nullable(
    v.object({
      id: text,
      phase: v.picklist(["rows", "changes", "prune"]),
      startedAt: time,
      ...counts,
    }),
  ),
  finished: v.pipe(
    v.array(v.object({ id: text, startedAt: time, finishedAt: time, ...counts })),
    v.description("Complete full exports, the newest first."),
  ),
});
export type Exports = v.InferOutput<typeof Exports>;

export const Importing = v.strictObject({
  from: v.pipe(
    v.optional(v.pipe(text, v.minLength(1), v.maxLength(64))),
    v.description("The backup or the full export to begin with."),
  ),
});

export const Import = v.object({
  phase: v.picklist(["list", "read", "prune", "done"]),
  backupId: text,
  full: someText,
  beganAt: time,
  endedAt: someTime,
  exportedAt: v.pipe(someTime, v.description("When the newest object of it was written.")),
  objects: count,
  toRead: v.pipe(count, v.description("Objects to read in all: each is read three times.")),
  read: count,
  rows: count,
  lost: v.pipe(count, v.description("Rows whose base the export does not have.")),
  examples: v.array(v.object({ table: text, key: text })),
});
export type Import = v.InferOutput<typeof Import>;

export const Search = v.strictObject({
  after: v.pipe(
    v.optional(v.pipe(text, v.minLength(1), v.maxLength(1024))),
    v.description("`next` of the page before."),
  ),
  link: v.pipe(v.optional(flag), v.description("Link the blobs that are found.")),
});

export const FoundObjects = v.object({
  items: v.array(
    v.object({
      key: text,
      digest: text,
      size: count,
      uploadedAt: time,
      repository: someText,
      mediaType: someText,
      kind: v.picklist(["blob", "manifest"]),
      outcome: v.picklist(["offered", "linked", "refused"]),
      reason: someText,
    }),
  ),
  next: someText,
});
export type FoundObjects = v.InferOutput<typeof FoundObjects>;
