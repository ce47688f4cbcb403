/** Background work, one step of each kind. */
import { parsePolicy } from "../../../src/retention/policy.ts";
import { type Ages, GcStore } from "../../../src/gc/store.ts";
import { ExportStore } from "../../../src/backup/export-store.ts";
import { FsckStore } from "../../../src/fsck/store.ts";
import { JobStore } from "../../../src/db/jobs.ts";
import { RetentionStore } from "../../../src/retention/store.ts";
import { RunStore } from "../../../src/retention/run-store.ts";
import type { Digest } from "../../../src/oci/digest.ts";
import { Retention } from "../../../src/retention/job.ts";
import { beginScan } from "../../../src/retention/scan.ts";
import type { Operation, Work } from "./operation.ts";
import type { Trial } from "./trial.ts";
import { BIG_ID, digest, LONG_AGO, tag } from "./world.ts";

/** Due rows that a step takes; a run of garbage collection takes more, in several steps. */
const DUE = 50;
const PAGE = 50;
const DAY = 86_400_000;
const AGES: Ages = { grace: DAY, trash: 7 * DAY };

/** Makes a step that needs no preparation. */
function step(name: string, most: number, take: (trial: Trial) => Promise<unknown>): Operation {
  return { name, most, ready: (trial) => () => take(trial) };
}

function collection(
  name: string,
  most: number,
  take: (index: GcStore) => Promise<unknown>,
): Operation {
  return step(`collection: ${name}`, most, ({ env }) => take(new GcStore(env.DB)));
}

const COLLECTION: readonly Operation[] = [
  collection("50 blobs unlinked", 1_400, (index) => index.unlink(AGES, DUE)),
  collection("50 manifests", 1_700, (index) => index.expireManifests(AGES, DUE)),
  collection("50 past tags", 500, (index) => index.expireHistory(AGES, DUE)),
  collection("50 of a repository", 1_000, (index) => index.drainRepository(AGES, DUE)),
  collection("50 objects", 300, async (index) => {
    await index.forgetObjects(await index.dueObjects(DUE));
  }),
  collection("50 objects put off", 300, async (index) => {
    await index.postponeObjects(await index.dueObjects(DUE));
  }),
  { ...collection("overview", 60_000, (index) => index.queues(AGES)), counts: "bounded" },
];

const POLICY = {
  rules: [
    {
      rulePriority: 1,
      selection: {
        tagStatus: "any",
        countType: "sinceImagePushed",
        countUnit: "days",
        countNumber: 1,
      },
      action: { type: "expire" },
    },
  ],
};
const LOOK = { repository: BIG_ID, since: Date.now(), pulls: true };

/** Makes a policy due that deletes everything, from the newest of the numbered manifests on. */
async function readyToExpire({ env, world }: Trial): Promise<Work> {
  const runs = new RunStore(env.DB);
  const index = new RetentionStore(env.DB);
  const policy = JSON.stringify(POLICY);
  await env.DB.batch([
    env.DB.prepare(`UPDATE repositories SET retention = ?2 WHERE id = ?1`).bind(BIG_ID, policy),
    env.DB.prepare(
      `INSERT INTO retention_runs (repository_id, next_at) VALUES (?1, 0) ON CONFLICT DO NOTHING`,
    ).bind(BIG_ID),
  ]);
  const now = Date.now();
  const scan = beginScan(parsePolicy(POLICY), now);
  const state = { ...scan, after: [LONG_AGO + world.manifests, ""] };
  const fresh = await runs.find(BIG_ID);
  if (fresh === null) throw new Error("there is no run");
  await runs.save(fresh, { policy, state, nextAt: now }, null);
  const run = await runs.find(BIG_ID);
  if (run === null) throw new Error("there is no run");
  const retention = new Retention({ index, runs, jobs: new JobStore(env.DB) }, DAY);
  return () => retention.step(run, now);
}

const RETENTION: readonly Operation[] = [
  { name: "retention: 50 images go", most: 20_000, ready: readyToExpire },
  step("retention: a page", 1_500, ({ env, world }) => {
    const after = [LONG_AGO + world.manifests * 0.75, ""] as const;
    return new RetentionStore(env.DB).page(LOOK, after, PAGE);
  }),
  step("retention: what is about one image", 6_000, ({ env }) =>
    new RetentionStore(env.DB).families(LOOK, [digest("manifest", 0) as Digest]),
  ),
];

const IN_BIG = { repository: BIG_ID, name: "" };

function fsck(
  name: string,
  most: number,
  look: (index: FsckStore, trial: Trial) => Promise<unknown>,
): Operation {
  return step(`fsck: 50 ${name}`, most, (trial) => look(new FsckStore(trial.env.DB), trial));
}

const FSCK: readonly Operation[] = [
  fsck("manifests", 2_000, async (index) => {
    await index.manifests(await index.manifestKeys(IN_BIG, PAGE));
  }),
  fsck("tags", 300, (index, { world }) =>
    index.tags({ ...IN_BIG, name: tag(world.manifests / 2) }, PAGE),
  ),
  fsck("links", 500, (index) => index.links(IN_BIG, PAGE)),
  fsck("blobs", 500, (index) => index.blobs(IN_BIG, PAGE)),
  fsck("counts", 700, (index) => index.counts({ repository: 0, name: "big 1" }, PAGE)),
  {
    ...fsck("counts of what thousands hold", 250_000, (index) =>
      index.counts({ repository: 0, name: "small" }, 2),
    ),
    counts: "unbounded",
  },
  {
    ...fsck("namespaces", 4_000_000, (index) => index.usages({ repository: 0, name: "" }, 1)),
    counts: "unbounded",
  },
];

function exported(
  name: string,
  most: number,
  read: (index: ExportStore, trial: Trial) => Promise<unknown>,
): Operation {
  return step(`export: 50 ${name}`, most, (trial) => read(new ExportStore(trial.env.DB), trial));
}

const EXPORT: readonly Operation[] = [
  {
    name: "export: 50 changes",
    most: 500,
    ready: async ({ env }) => {
      const index = new ExportStore(env.DB);
      const { id } = await index.newest();
      await env.DB.prepare(
        `UPDATE tags SET updated_at = updated_at WHERE repository_id = ?1 AND name IN (
           SELECT name FROM tags WHERE repository_id = ?1 ORDER BY name LIMIT ?2)`,
      )
        .bind(BIG_ID, PAGE)
        .run();
      return async () => index.lines(await index.changes(id, PAGE));
    },
  },
  exported("manifests", 2_000, async (index) => {
    const after = JSON.stringify([BIG_ID, "sha256:2"]);
    await index.lines(await index.page("manifests", after, PAGE));
  }),
  exported("tags", 500, async (index, { world }) => {
    const after = JSON.stringify([BIG_ID, tag(world.manifests / 2)]);
    await index.lines(await index.page("tags", after, PAGE));
  }),
];

export const UPKEEP: readonly Operation[] = [...COLLECTION, ...RETENTION, ...FSCK, ...EXPORT];
