import * as v from "valibot";
import { count, flag, someTime, time } from "../api/schema/common.ts";

const queue = { waiting: count, due: count, firstDueAt: someTime };

/** What one run deleted. */
const Run = v.object({
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

export const GcState = v.object({
  blobs: v.object(queue),
  objects: v.object({ ...queue, failing: count }),
  manifests: v.object(queue),
  repositories: v.object(queue),
  lastRun: v.nullable(Run),
  failedAt: someTime,
});
export type GcState = v.InferOutput<typeof GcState>;

export const GcRun = v.object({ run: v.nullable(Run) });
export type GcRun = v.InferOutput<typeof GcRun>;
