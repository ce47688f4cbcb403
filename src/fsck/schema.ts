import * as v from "valibot";
import { count, flag, someText, someTime, text, texts, time } from "../api/schema/common.ts";
import { isLine } from "../oci/line.ts";
import { ALL_KINDS, OUTCOMES } from "./kinds.ts";
import { PHASES } from "./phases.ts";

/** The longest name in a cursor, in characters: R2's keys have at most 1,024 bytes, and other names are shorter. */
const MAX_NAME = 1024;

/** How far a pass is: what the last step answered as next. */
const Cursor = v.pipe(
  v.strictObject({
    phase: v.picklist(PHASES),
    repository: count,
    name: v.pipe(text, v.maxLength(MAX_NAME), v.check(isLine, "must be on one line")),
    hashed: count,
  }),
  v.description("How far a pass is: what the last step answered as next."),
);

const Finding = v.object({
  kind: v.picklist(ALL_KINDS),
  repository: someText,
  subject: v.pipe(text, v.description("The digest, tag, namespace or key that it is about.")),
  outcome: v.pipe(
    v.picklist(OUTCOMES),
    v.description("marked: the bytes are lost, clients are told so, and a push puts it right."),
  ),
  message: v.pipe(text, v.description("What it means, and what to do.")),
  affected: v.pipe(texts, v.description("What cannot be pulled, some of it.")),
});

const bytes = v.pipe(count, v.description("How many were hashed."));
const Round = v.object({
  beganAt: time,
  endedAt: someTime,
  checked: count,
  bytes,
  findings: count,
});
const rounds = { round: v.nullable(Round), last: v.nullable(Round) };

/** The options of one step. */
export const FsckRun = v.strictObject({
  cursor: v.optional(Cursor),
  hash: v.pipe(
    v.optional(count, Number.MAX_SAFE_INTEGER),
    v.description("Bytes to hash in all; left out: all there are."),
  ),
  repair: v.optional(flag, false),
});

export const FsckStep = v.object({
  phase: v.picklist(PHASES),
  findings: v.array(Finding),
  checked: count,
  bytes,
  unhashed: v.pipe(count, v.description("Objects that are too large to be hashed.")),
  next: v.nullable(Cursor),
});
export type FsckStep = v.InferOutput<typeof FsckStep>;

export const FsckState = v.object({
  bytesPerDay: count,
  metadata: v.pipe(
    v.object(rounds),
    v.description("Whether everything is there; nothing is hashed."),
  ),
  hash: v.pipe(v.object(rounds), v.description("Whether the bytes are what their digests say.")),
});
export type FsckState = v.InferOutput<typeof FsckState>;
