/** No step of an export or import grows with the registry. */
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import { kindNumber } from "../../src/db/manifest-references.ts";
import { idOf } from "../../src/db/digests.ts";
import { readSettings } from "../../src/settings.ts";
import { createRegistry, type Registry } from "../../src/compose.ts";
import type { Initiator } from "../../src/db/audit.ts";
import { deflateText } from "../../src/db/manifest-text.ts";
import { costOf } from "../../src/db/cost.ts";
import { RegistryClient } from "../support/client.ts";
import { blob } from "../support/images.ts";
import { tableScans, planOf } from "../support/plans.ts";
import { emptyBucket, expectLike, keysOf, loseDatabase, snapshot } from "../support/recovery.ts";

const MANIFESTS = 3_000;
const INITIATOR: Initiator = {
  actor: "admin",
  subject: null,
  via: "password",
  address: null,
  agent: null,
  requestId: "test",
};

/** D1's limit for one request of a Worker (developers.cloudflare.com/d1/platform/limits). */
const MAX_STATEMENTS = 1_000;
const MAX_PARAMETER = 2_000_000;

/** The real bindings, with a record of the statements of one step. */
class Watched {
  readonly registry: Registry;
  readonly sql = new Set<string>();
  #statements = 0;
  most = 0;
  #largest = 0;

  constructor() {
    const DB = new Proxy(env.DB, {
      get: (target, name) => {
        if (name === "batch") {
          return (batch: D1PreparedStatement[]) => {
            this.#statements += batch.length;
            return target.batch(batch);
          };
        }
        return (sql: string) => {
          this.sql.add(sql);
          return this.#measured(target.prepare(sql));
        };
      },
    });
    this.registry = createRegistry({ ...env, DB }, readSettings(env));
  }

  get largest(): number {
    return this.#largest;
  }

  async step<T>(work: () => Promise<T>): Promise<T> {
    this.#statements = 0;
    const result = await work();
    this.most = Math.max(this.most, this.#statements);
    return result;
  }

  #measured(statement: D1PreparedStatement): D1PreparedStatement {
    const bind = statement.bind.bind(statement);
    statement.bind = (...values: unknown[]) => {
      const sizes = values.map((value) => (typeof value === "string" ? value.length : 0));
      this.#largest = Math.max(this.#largest, ...sizes);
      this.#statements++;
      return bind(...values);
    };
    return statement;
  }
}

beforeAll(async () => {
  await loseDatabase();
  await emptyBucket();
  const client = new RegistryClient({ repository: "many/images" });
  const config = await client.pushBlob(blob());
  const layer = await client.pushBlob(blob());
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANIFESTS})`;
  const digest = `printf('sha256:%064x', i)`;
  await env.DB.batch([
    env.DB.prepare(
      `${numbers} INSERT INTO manifests
         (repository_id, digest, media_type, size, content, artifact_type, created_at, pushed_at, cost)
       SELECT 1, ${digest}, 'application/vnd.oci.image.manifest.v1+json', 1500, unhex(?1), '', i, i, ${costOf(1500, [config, layer])} FROM n`,
    ).bind(deflateText("é".repeat(1500))),
    ...[config, layer].map(({ digest: named }) =>
      env.DB.prepare(
        `INSERT INTO manifest_references (repository_id, manifest_id, digest_id, kind)
         SELECT 1, id, ${idOf("?1")}, ${kindNumber("blob")} FROM manifests WHERE repository_id = 1`,
      ).bind(named),
    ),
    env.DB.prepare(
      `${numbers} INSERT INTO tags (repository_id, name, digest, updated_at)
       SELECT 1, 'v' || i, ${digest}, i FROM n`,
    ),
  ]);
});

test("3,000 manifests go and come back in bounded steps", async () => {
  const watched = new Watched();
  const { exporter, importer, runner } = watched.registry;
  await watched.step(() => exporter.begin(INITIATOR));
  let steps = 0;
  for (let running = true; running; steps++) {
    running = (await watched.step(() => exporter.step())).running !== null;
  }
  // A page of 2,000 rows or 4 MiB, the changes meanwhile, the end.
  expect(steps).toBeLessThanOrEqual(12);
  const { objects } = await env.BLOBS.list({ prefix: "exports/" });
  for (const { key, size } of objects) expect(size, key).toBeLessThan(8 * 1024 * 1024);
  const before = await snapshot();
  await loseDatabase();
  await watched.step(() => runner.turn(exporter));
  for (let phase = "", i = 0; phase !== "done"; i++) {
    ({ phase } = await watched.step(() => importer.step(null, INITIATOR)));
    expect(i).toBeLessThan(40);
  }
  await expectLike(before);
  expect(watched.most).toBeLessThan(MAX_STATEMENTS);
  // Characters of up to three bytes.
  expect(watched.largest * 3).toBeLessThan(MAX_PARAMETER);
  const scanned: string[] = [];
  for (const sql of watched.sql) {
    // A page is read in the order of its key and ends; a new database has few changes in its log.
    if (/TRIGGER|sqlite_master|^UPDATE change_log/.test(sql)) continue;
    const plan = await planOf(sql);
    const isPage = / LIMIT \?\d/.test(sql) && !plan.some((line) => line.includes("B-TREE"));
    if (!isPage && tableScans(plan).length > 0) scanned.push(sql, ...plan);
  }
  expect(scanned).toEqual([]);
});

test("the cron takes thousands of changes in one tick", async () => {
  await loseDatabase();
  await emptyBucket();
  const client = new RegistryClient({ repository: "few/images" });
  await client.pushBlob(blob());
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)`;
  await env.DB.prepare(
    `${numbers} INSERT INTO users (name, password, created_at) SELECT 'user-' || i, 'x', i FROM n`,
  ).run();
  const { exporter, runner } = new Watched().registry;
  await runner.turn(exporter);
  expect((await exporter.overview()).pending).toBe(0);
  expect(await keysOf("exports/")).toHaveLength(3);
});
