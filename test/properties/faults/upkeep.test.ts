/** Faults in background work: each call of the cron, of the queue's consumer and of an import fails once. */
import { createMessageBatch, createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, test } from "vitest";
import type { RepositoryName } from "../../../src/oci/reference.ts";
import { auditEvent } from "../../../src/db/audit.ts";
import type { EventMessage } from "../../../src/events/message.ts";
import worker from "../../../src/worker.ts";
import { RegistryClient } from "../../support/client.ts";
import { blob, type Content, imageManifest } from "../../support/images.ts";
import { done } from "../../support/management.ts";
import { populate } from "../../support/populated.ts";
import {
  emptyBucket,
  expectLike,
  expectSame,
  exportAll,
  exportChanges,
  keysOf,
  loseDatabase,
  snapshot,
} from "../../support/recovery.ts";
import { applies, type Fault, Faults, type Mode } from "./faults.ts";
import { expectReadable } from "./invariants.ts";
import { sample, tell } from "../../support/sample.ts";
import { hurry, senderOf } from "./run.ts";
import { turn } from "../../support/jobs.ts";
import {
  alpine,
  layer,
  ListMatcher,
  npm,
  pushImage,
  scanJob,
  scanJobOf,
} from "../../scan/images.ts";

const MODES: readonly Mode[] = ["lost", "unanswered", "busy", "busy, but done"];
/** Without grace period and trash window, everything unneeded is deleted at once. */
const AT_ONCE = { GC_GRACE_HOURS: "0", TRASH_DAYS: "0" };
const BIG = { annotations: { pad: "x".repeat(300_000) } };

beforeAll(hurry);
beforeEach(async () => {
  await loseDatabase();
  await emptyBucket();
});

/** Every fault of these calls, or some. @param what does the calls */
function faultsOf(what: string, calls: readonly string[]): Fault[] {
  const all = calls.flatMap((name, call) =>
    MODES.filter((mode) => applies(mode, name)).map((mode) => ({ call, mode })),
  );
  return sample(`faults of what runs when nobody asks: ${what}`, all, { few: 1, many: 8 });
}

/** Lets leases end, so that work which died is taken over, and work which failed is tried again. */
async function later(): Promise<void> {
  const statements = [
    `UPDATE jobs SET lease_until = 0`,
    `UPDATE object_deletions SET due_at = 0`,
    `UPDATE retention_runs SET next_at = 0`,
  ];
  await env.DB.batch(statements.map((sql) => env.DB.prepare(sql)));
}

function cron(faults: Faults): Promise<unknown> {
  return Promise.resolve(worker.scheduled(createScheduledController(), faults.env));
}

interface Past {
  readonly kept: Content;
  /** The policy deletes it. */
  readonly untagged: Content;
}

/** Makes a repository with work for every job. */
async function past(): Promise<Past> {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const untagged = await client.pushManifest(
    imageManifest({ config: await client.pushBlob(blob()), fields: BIG }),
    "latest",
  );
  const kept = await client.pushManifest(imageManifest({ config }), "latest");
  const deleted = await client.pushManifest(imageManifest({ config, fields: BIG }), "deleted");
  expect((await client.request("DELETE", `manifests/${deleted.digest}`)).status).toBe(202);
  await client.pushBlob(blob());
  const other = client.in(`${client.repository}/other`);
  await other.pushManifest(imageManifest({ config: await other.pushBlob(blob()) }), "v1");
  await done("DELETE", `/repositories/${other.repository}`);
  const selection = { tagStatus: "untagged", countType: "imageCountMoreThan", countNumber: 1 };
  await client.pushManifest(imageManifest({ config, fields: { annotations: { a: "b" } } }));
  const rules = [{ rulePriority: 1, selection, action: { type: "expire" } }];
  await done("PUT", `/repositories/${client.repository}/-/retention`, { rules });
  return { kept, untagged };
}

async function tick(fault: Fault | null): Promise<Faults> {
  await loseDatabase();
  await emptyBucket();
  const { kept, untagged } = await past();
  const faults = new Faults(fault, AT_ONCE);
  await cron(faults).catch(() => {});
  await expectReadable();
  for (let i = 0; i < 4; i++) {
    await later();
    await cron(new Faults(null, AT_ONCE));
  }
  await expectReadable();
  const { results } = await env.DB.prepare(
    `SELECT 'blobs/' || d.digest AS digest FROM blobs b JOIN digests d ON d.id = b.digest_id UNION ALL SELECT digest FROM manifests`,
  ).all<{ digest: string }>();
  const left = results.map(({ digest }) => digest);
  expect(left.filter((digest) => digest.startsWith("sha"))).toContain(kept.digest);
  expect(left).not.toContain(untagged.digest);
  expect(left.length).toBe(3);
  expect((await keysOf("blobs/")).length + (await keysOf("manifests/")).length).toBe(1);
  const events = await env.DB.prepare(
    `SELECT action, count(*) AS times FROM audit WHERE action IN ('manifest.expire', 'fsck.finding') GROUP BY 1`,
  ).all();
  expect(events.results).toEqual([{ action: "manifest.expire", times: 1 }]);
  await expectSame();
  return faults;
}

test("the cron", async () => {
  const { calls } = await tick(null);
  const chosen = faultsOf("the cron", calls);
  for (const fault of chosen) {
    await tick(fault).catch((error: unknown) => {
      throw new Error(`${calls[fault.call]} (${fault.call}) ${fault.mode}: ${String(error)}`);
    });
  }
  tell(`faults: the cron: ${calls.length} calls, ${chosen.length} runs`);
});

test("an import", async () => {
  await populate();
  await exportAll();
  await exportChanges();
  const before = await snapshot();
  const bring = async (fault: Fault | null): Promise<Faults> => {
    await loseDatabase();
    const faults = new Faults(fault);
    const send = senderOf(faults);
    const headers = { "content-type": "application/json" };
    let phase = "";
    for (let i = 0; phase !== "done"; i++) {
      if (i > 1_000) throw new Error("the import comes to no end");
      const client = new RegistryClient({ send });
      const answer = await client.request("POST", "/api/v1/import", { headers, body: "{}" });
      if (answer.ok) phase = (await answer.json<{ phase: string }>()).phase;
      else {
        expect(answer.status, await answer.text()).toBe(503);
        await later();
      }
    }
    await expectLike(before);
    const events = await env.DB.prepare(
      `SELECT action, count(*) AS times FROM audit WHERE action GLOB 'import.*' GROUP BY 1 ORDER BY 1`,
    ).all();
    expect(events.results).toEqual([
      { action: "import.begin", times: 1 },
      { action: "import.end", times: 1 },
    ]);
    return faults;
  };
  const { calls } = await bring(null);
  const chosen = faultsOf("an import", calls);
  for (const fault of chosen) {
    await bring(fault).catch((error: unknown) => {
      throw new Error(`${calls[fault.call]} (${fault.call}) ${fault.mode}: ${String(error)}`);
    });
  }
  tell(`faults: an import: ${calls.length} calls, ${chosen.length} runs`);
});

test("a scan", async () => {
  const matcher = new ListMatcher([{ id: "CVE-2099-1", severity: "high", package: "musl" }]);
  const scan = async (fault: Fault | null): Promise<Faults> => {
    await loseDatabase();
    await emptyBucket();
    await turn(scanJob(matcher));
    const client = new RegistryClient();
    const other = layer(npm("left-pad", "1.0.0"));
    await pushImage(client, [layer(alpine({ musl: "1" })), other], "v1");
    await pushImage(client, [other], "v2");
    const faults = new Faults(fault);
    await turn(scanJobOf(faults.env, [matcher])).catch(() => {});
    for (let i = 0; i < 3; i++) {
      await later();
      await env.DB.prepare(
        "UPDATE scans SET due_at = 0 WHERE due_at < unixepoch() * 1000 + 600000",
      ).run();
      await turn(scanJob(matcher));
    }
    const scans = await env.DB.prepare(
      `SELECT error, failures, unscannable, summary -> '$.counts.high.all' AS high,
         (SELECT count(*) FROM image_vulnerabilities v WHERE v.manifest_id = s.manifest_id) AS ids
       FROM scans s ORDER BY manifest_id`,
    ).all();
    const ended = { error: null, failures: 0, unscannable: null };
    expect(scans.results).toEqual([
      { ...ended, high: "1", ids: 1 },
      { ...ended, high: "0", ids: 0 },
    ]);
    const lists = await env.DB.prepare(
      "SELECT list IS NOT NULL AS isRead, attempts FROM layer_lists",
    ).all();
    const read = { isRead: 1, attempts: 0 };
    expect(lists.results).toEqual([read, read]);
    const events = await env.DB.prepare(
      `SELECT action, count(*) AS times FROM audit WHERE action IN ('image.scanned', 'vulnerability.found') GROUP BY 1 ORDER BY 1`,
    ).all();
    expect(events.results).toEqual([
      { action: "image.scanned", times: 2 },
      { action: "vulnerability.found", times: 1 },
    ]);
    return faults;
  };
  const { calls } = await scan(null);
  const chosen = faultsOf("a scan", calls);
  for (const fault of chosen) {
    await scan(fault).catch((error: unknown) => {
      throw new Error(`${calls[fault.call]} (${fault.call}) ${fault.mode}: ${String(error)}`);
    });
  }
  tell(`faults: a scan: ${calls.length} calls, ${chosen.length} runs`);
});

test("a batch of the queue comes again", async () => {
  const { repository } = new RegistryClient();
  const initiator = {
    actor: "a",
    subject: null,
    via: "password",
    address: null,
    agent: null,
    requestId: "r",
  };
  const count = { repository: repository as RepositoryName, tag: "latest", day: 1, count: 1 };
  const consume = async (fault: Fault | null): Promise<Faults> => {
    const client = new RegistryClient({ repository });
    await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }), "latest");
    await env.DB.batch([env.DB.prepare(`DELETE FROM audit`), env.DB.prepare(`DELETE FROM pulls`)]);
    await later();
    const bodies: EventMessage[] = [
      {
        kind: "audit",
        of: "password",
        event: auditEvent(initiator, { action: "login" }, "failed"),
      },
      { kind: "pulls", counts: [count] },
      { kind: "job", job: "gc" },
    ];
    const messages = bodies.map((body, i) => ({
      id: `${i}`,
      timestamp: Date.now(),
      attempts: 1,
      body,
    }));
    const faults = new Faults(fault);
    const failed = await worker
      .queue(createMessageBatch("slipway-events", messages), faults.env)
      .then(
        () => false,
        () => true,
      );
    if (failed) await worker.queue(createMessageBatch("slipway-events", messages), env);
    const events = await env.DB.prepare(`SELECT action FROM audit WHERE actor = 'a'`).all();
    expect(events.results).toEqual([{ action: "login" }]);
    const pulls = await env.DB.prepare(`SELECT sum(count) AS n FROM pulls`).first<{ n: number }>();
    // Counts of pulls are added up, so a message that was delivered twice may count twice.
    expect(failed ? [1, 2] : [1]).toContain(pulls?.n);
    return faults;
  };
  const { calls } = await consume(null);
  for (const fault of faultsOf("a batch of the queue", calls)) await consume(fault);
});
