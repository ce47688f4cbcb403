import * as v from "valibot";
import { PHASES as FSCK_PHASES, START as FSCK_START, type Cursor as FsckCursor } from "./fsck.ts";
import type { Rounds as FsckRounds } from "./scan.ts";
import type { Context } from "../http/context.ts";
import { isLine, readJson } from "../http/input.ts";
import { timestamp } from "../http/resource.ts";

/** The longest name in a cursor, in characters: R2's keys have at most 1,024 bytes, and other names are shorter. */
const MAX_NAME = 1024;

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** The options of one step; the cursor is what the last step answered. */
const Run = v.strictObject({
  cursor: v.optional(
    v.strictObject({
      phase: v.picklist(FSCK_PHASES),
      repository: whole,
      name: v.pipe(v.string(), v.maxLength(MAX_NAME), v.check(isLine, "must be on one line")),
      hashed: whole,
    }),
  ),
  // Bytes to hash in all; left out, all there are.
  hash: v.optional(whole, Number.MAX_SAFE_INTEGER),
  repair: v.optional(v.boolean(), false),
});

/** Answers with the progress of the background check. */
export async function read({ registry, settings }: Context): Promise<Response> {
  const { look, hash } = await registry.backgroundFsck.state();
  return Response.json({ bytesPerDay: settings.fsckBytes, look: rounds(look), hash: rounds(hash) });
}

/** Runs one bounded step, and answers with the cursor of the next. @throws CONFLICT while an import is running */
export async function run({ request, registry, initiator }: Context): Promise<Response> {
  const body = await readJson(request, Run);
  const { hashed, ...from } = body.cursor ?? { ...FSCK_START, hashed: 0 };
  const { next, ...step } = await registry.fsck.step(from, {
    hash: Math.max(0, body.hash - hashed),
    beyond: "look",
    repair: body.repair ? initiator : null,
  });
  return Response.json({ ...step, next: next === null ? null : cursor(next, hashed + step.bytes) });
}

function cursor(next: FsckCursor, hashed: number) {
  return { ...next, hashed };
}

function rounds({ round, last }: FsckRounds) {
  return { round: toJson(round), last: toJson(last) };
}

function toJson(one: FsckRounds["round"]) {
  if (one === null) return null;
  const { beganAt, endedAt, ...round } = one;
  return {
    beganAt: timestamp(beganAt),
    endedAt: endedAt === null ? null : timestamp(endedAt),
    ...round,
  };
}
