import * as v from "valibot";
import { count } from "../api/schema/common.ts";

/** A number, or null for no limit. */
const limit = v.pipe(v.nullable(count), v.description("null: no limit."));
const Measure = v.object({ used: count, limit });

export const Quota = v.object({
  bytes: v.pipe(Measure, v.description("Of all its blobs, each once.")),
  repositories: Measure,
});
export type Quota = v.InferOutput<typeof Quota>;

/** A number, or null for no limit. */
const newLimit = v.pipe(
  v.nullable(
    v.pipe(v.number(), v.safeInteger("must be a whole number"), v.minValue(0, "must be 0 or more")),
  ),
  v.description("null: no limit."),
);

export const Limits = v.strictObject({
  bytes: v.optional(newLimit),
  repositories: v.optional(newLimit),
});
