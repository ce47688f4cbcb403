/** The checker finds bugs that are planted on purpose, one of each kind, and reports none where there is none. */
import { env } from "cloudflare:workers";
import { beforeEach, expect, test } from "vitest";
import type { Env } from "../../../src/settings.ts";
import type { Ages, ViolationKind } from "./model.ts";
import { USUAL, type Weights } from "./plan.ts";
import {
  CHECKS,
  ORDER,
  withDoubleCommit,
  withoutCheck,
  withoutOffset,
  withoutTouch,
  withTagFirst,
} from "./plants.ts";
import { report, run } from "./run.ts";
import { sample } from "../../support/sample.ts";
import { type Size, SMALL } from "./universe.ts";
import { placeHere, startAnew } from "./world.ts";

const FIRST_SEED = Number(env.TEST_SEED === "" ? 7 : env.TEST_SEED);
const COMMAND = `TEST_SAMPLE=many TEST_SEED=${FIRST_SEED} npx vitest run --config test/vitest.config.ts --project worker test/history/planted.test.ts`;
/** A bug that one run misses the next one finds. With a seed given, twenty of one run each: to see how many find it. */
const [SEEDS, TRIES] = env.TEST_SEED === "" ? [1, 3] : [20, 1];
const STEPS = 12;
const WEEK = 7 * 86_400_000;

/** Most pushed content is new. */
const MANY: Size = { ...SMALL, layers: 30, images: 30 };

interface Bug {
  readonly name: string;
  readonly plant: (env: Env) => Env;
  /** Statements that drop what would prevent the bug. */
  readonly needs?: readonly string[];
  readonly grace: number;
  readonly weights?: Partial<Weights>;
  readonly steps?: number;
  readonly size?: Size;
  readonly kind: ViolationKind;
}

const BUGS: readonly Bug[] = [
  {
    name: "missing touch",
    plant: withoutTouch,
    grace: 1_000,
    steps: 6,
    weights: { confirm: 80, orphan: 60, push: 1, pull: 0, retag: 0, look: 0 },
    size: { ...SMALL, repositories: 2, layers: 4 },
    kind: "missing",
  },
  {
    name: "missing state check",
    plant: withoutCheck,
    needs: CHECKS,
    grace: 0,
    weights: { push: 80, orphan: 20, pull: 60 },
    size: MANY,
    kind: "missing",
  },
  {
    name: "tag moved before its manifest",
    plant: withTagFirst,
    needs: ORDER,
    grace: 400,
    weights: { push: 60, look: 40, pull: 10, orphan: 0, confirm: 0, mount: 0 },
    size: { ...SMALL, repositories: 2, tags: 1, layers: 4, images: 30 },
    kind: "tag",
  },
  {
    name: "bytes appended where they come again",
    plant: withoutOffset,
    grace: 400,
    weights: { orphan: 80, "delete-blob": 40, pull: 5, push: 10 },
    size: MANY,
    kind: "bytes",
  },
  {
    name: "a commit done twice",
    plant: withDoubleCommit,
    grace: 400,
    steps: 6,
    weights: { orphan: 80, "delete-blob": 40, pull: 5, push: 10 },
    size: MANY,
    kind: "bytes",
  },
];

beforeEach(startAnew);

const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST_SEED + i);
/** The last two are found by the same workload. */
const CONTROLS = BUGS.length - 1;
const cases = BUGS.flatMap((bug, i) => seeds.map((seed) => ({ ...bug, seed: seed * 100 + i })));

test.each(sample("planted bugs", cases, { few: 1 }))(
  "seed $seed: $name",
  async ({ seed, plant, needs = [], grace, weights, size = SMALL, steps = STEPS, kind }) => {
    const ages: Ages = { grace, trash: WEEK };
    const given = { ages, clients: 8, steps, weights: { ...USUAL, ...weights }, size };
    for (const statement of needs) await env.DB.prepare(statement).run();
    const kinds = new Set<ViolationKind>();
    for (let i = 0; i < TRIES && !kinds.has(kind); i++) {
      const { violations } = await run({ ...given, seed: seed + i * 10 }, placeHere(ages, plant));
      for (const violation of violations) kinds.add(violation.kind);
    }
    expect([...kinds]).toContain(kind);
  },
);

test.each(sample("histories without a planted bug", cases.slice(0, CONTROLS * SEEDS), { few: 1 }))(
  "seed $seed: without the bug ($name), nothing",
  async ({ seed, grace, weights, size = SMALL, steps = STEPS }) => {
    const ages: Ages = { grace, trash: WEEK };
    const given = { seed, ages, clients: 8, steps, weights: { ...USUAL, ...weights }, size };
    const result = await run(given, placeHere(ages));
    expect(result.violations, report(result, COMMAND)).toEqual([]);
  },
);
