/**
 * Many clients push, pull, retag, delete, mount and restore in the same repositories, while garbage collection runs
 * with hardly any grace period and upload sessions are evicted. Every answer is recorded and checked afterwards: see
 * model.ts. A seed determines each run; `TEST_SEED=<seed>` begins with that one.
 */
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import { sample } from "../../support/sample.ts";
import { report, run } from "./run.ts";
import { type Size, SMALL } from "./universe.ts";
import { placeHere, startAnew } from "./world.ts";

const FIRST_SEED = Number(env.TEST_SEED === "" ? 20_261_123 : env.TEST_SEED);
const WEEK = 7 * 86_400_000;

/** One tag and a handful of manifests, so that all clients conflict. */
const CROWDED: Size = { ...SMALL, repositories: 2, tags: 1, layers: 4, images: 3, indexes: 2 };

const USUAL = { grace: 0, trash: WEEK, size: SMALL };
const KINDS = [
  USUAL,
  { grace: 500, trash: WEEK, size: SMALL },
  { grace: 150, trash: 1_000, size: CROWDED },
  { grace: 0, trash: 0, size: CROWDED },
];
/** The seed decides which kind of run it is, too. */
const ALL = KINDS.map((_, i) => {
  const seed = FIRST_SEED + i;
  return { seed, ...(KINDS[seed % KINDS.length] ?? USUAL) };
});
const RUNS = sample("histories", ALL, { few: 1 });

beforeEach(startAnew);

test.each(RUNS)(
  "seed $seed, a grace of $grace ms, a trash window of $trash ms: every answer can be explained",
  async ({ seed, size, ...ages }) => {
    const result = await run({ seed, ages, clients: 8, steps: 30, size }, placeHere(ages));
    const command = `TEST_SAMPLE=many TEST_SEED=${seed} npx vitest run --config test/vitest.config.ts --project worker test/history/history.test.ts`;
    expect(result.violations, report(result, command)).toEqual([]);
  },
);
