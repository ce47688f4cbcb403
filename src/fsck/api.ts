import { one } from "../api/answer.ts";
import { type Endpoint, endpoint } from "../api/endpoint.ts";
import { timestamp } from "../http/resource.ts";
import { START } from "./fsck.ts";
import type { Rounds } from "./scan.ts";
import { FsckRun, FsckState, FsckStep } from "./schema.ts";

/** Answers with the progress of the background check. */
const read = endpoint(
  "GET /fsck",
  {
    id: "readFsck",
    summary: "Read how far the background passes are",
    access: "administer",
    answer: one(FsckState),
  },
  async ({ registry, settings }) => {
    const { metadata, hash } = await registry.backgroundFsck.state();
    return { bytesPerDay: settings.fsckBytes, metadata: rounds(metadata), hash: rounds(hash) };
  },
);

/** Runs one bounded step, and answers with the cursor of the next. */
const run = endpoint(
  "POST /fsck",
  {
    id: "runFsck",
    summary: "Take one step of a pass; `next` is the cursor of the next step",
    access: "administer",
    body: FsckRun,
    answer: one(FsckStep),
    // While an import is running.
    refuses: ["CONFLICT"],
  },
  async ({ body, registry, initiator }) => {
    const { hashed, ...from } = body.cursor ?? { ...START, hashed: 0 };
    const { next, ...step } = await registry.fsck.step(from, {
      hash: Math.max(0, body.hash - hashed),
      beyond: "metadata",
      repair: body.repair ? initiator : null,
    });
    return { ...step, next: next === null ? null : { ...next, hashed: hashed + step.bytes } };
  },
);

export const FSCK: readonly Endpoint[] = [read, run];

function rounds({ round, last }: Rounds) {
  return { round: toJson(round), last: toJson(last) };
}

function toJson(given: Rounds["round"]) {
  if (given === null) return null;
  const { beganAt, endedAt, ...round } = given;
  return {
    beganAt: timestamp(beganAt),
    endedAt: endedAt === null ? null : timestamp(endedAt),
    ...round,
  };
}
