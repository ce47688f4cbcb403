import type { AuditStore } from "./db/audit.ts";
import type { Bucket } from "./db/bucket.ts";
import { IdentityStore } from "./db/identities.ts";
import type { JobStore } from "./db/jobs.ts";
import { LoginAttemptStore } from "./db/login-attempts.ts";
import { SessionStore } from "./db/sessions.ts";
import { Exporter } from "./backup/export.ts";
import { ExportStore } from "./backup/export-store.ts";
import { Importer } from "./backup/import.ts";
import { ImportStore } from "./backup/import-store.ts";
import { IDLE_MS } from "./auth/sign-in/session.ts";
import { MAX_LIFETIME } from "./auth/oidc/trust-check.ts";
import { DeadEventStore } from "./events/dead-store.ts";
import { Dispatcher } from "./events/dispatcher.ts";
import { OutboxStore } from "./events/outbox-store.ts";
import type { Subscription } from "./events/subscriber.ts";
import { jobsSubscriber } from "./events/subscribers/jobs.ts";
import { expirePulls } from "./events/prune-store.ts";
import { RefusalStore } from "./events/refusal-store.ts";
import { BackgroundFsck } from "./fsck/background.ts";
import { BlobRepairStore } from "./fsck/blob-store.ts";
import { Fsck } from "./fsck/fsck.ts";
import { ManifestRepairStore } from "./fsck/manifest-store.ts";
import { FsckStore } from "./fsck/store.ts";
import { GarbageCollector } from "./gc/job.ts";
import { GcStore } from "./gc/store.ts";
import { type Job, statelessJob } from "./jobs/job.ts";
import { type Ages, prune } from "./jobs/prune.ts";
import { JobRunner } from "./jobs/runner.ts";
import type { QuotaStore } from "./quota/store.ts";
import { Retention } from "./retention/job.ts";
import { RunStore } from "./retention/run-store.ts";
import { RetentionStore } from "./retention/store.ts";
import { ScanJob, type ScanParts } from "./scan/job.ts";
import { matchersOf } from "./scan/matchers.ts";
import { OsvRecords } from "./scan/osv-store.ts";
import { ScanStore } from "./scan/store.ts";
import type { Env, Settings } from "./settings.ts";

/** What the registry does by itself, and the parts of it that requests use too. */
export interface Maintenance {
  readonly backgroundFsck: BackgroundFsck;
  readonly exporter: Exporter;
  readonly fsck: Fsck;
  readonly gc: GarbageCollector;
  readonly importer: Importer;
  readonly retention: Retention;
  readonly runner: JobRunner;
  readonly deadEvents: DeadEventStore;
  /** The subscribers of events. */
  readonly subscriptions: readonly Subscription[];
}

interface Stores extends Omit<ScanParts, "store"> {
  readonly audit: AuditStore;
  readonly bucket: Bucket;
  readonly jobs: JobStore;
  readonly quotas: QuotaStore;
}

/** Wires the jobs, and lists them. */
export function createMaintenance(env: Env, settings: Settings, stores: Stores): Maintenance {
  const { bucket, jobs, quotas } = stores;
  const { grace, trashMs: trash, uploadTtl, fsckBytes } = settings;
  const db = env.DB;
  const repairs = { blobs: new BlobRepairStore(db), manifests: new ManifestRepairStore(db) };
  // A session clears what it left when it has expired, and once more after that.
  const ages = { orphan: 2 * uploadTtl, trash };
  const fsck = new Fsck({ index: new FsckStore(db), ...repairs, bucket }, ages);
  const exports = new ExportStore(db);
  const retentionStores = { index: new RetentionStore(db), runs: new RunStore(db), jobs };
  const gc = new GarbageCollector(new GcStore(db), bucket, { grace, trash });
  const exporter = new Exporter(exports, bucket, jobs);
  const importer = new Importer({ index: new ImportStore(db), exports }, bucket, jobs);
  const backgroundFsck = new BackgroundFsck(fsck, stores, fsckBytes);
  const retention = new Retention(retentionStores, grace);
  const enqueue = (job: string, delaySeconds = 0) =>
    env.EVENTS.send({ kind: "job", job }, { delaySeconds });
  const osvRecords = new OsvRecords(db);
  const matchers = matchersOf(settings, osvRecords);
  const scan = new ScanJob({ ...stores, store: new ScanStore(db) }, bucket, matchers, {
    ...settings.scan,
    wake: (delaySeconds) => enqueue("scan", delaySeconds),
  });
  const subscriptions: readonly Subscription[] = [
    { subscriber: jobsSubscriber(enqueue), queue: env.EVENTS_JOBS },
  ];
  const outbox = new OutboxStore(db);
  // What is about to be deleted is exported first. What policies cost is their authors' doing, so they come after
  // the others; events of all of them are handed on in the end.
  const list: readonly Job[] = [
    statelessJob("bounds", () => quotas.setBounds(settings.defaultQuota, settings.maxRepositories)),
    statelessJob("pulls", () => expirePulls(db, Date.now())),
    statelessJob("prune", () => prune({ ...pruned(db, stores), outbox }, agesOf(settings))),
    importer,
    exporter,
    gc,
    backgroundFsck,
    retention,
    scan,
    new Dispatcher(outbox, subscriptions),
  ];
  const runner = new JobRunner(jobs, list, enqueue);
  const deadEvents = new DeadEventStore(db);
  const features = { backgroundFsck, exporter, fsck, gc, importer, retention };
  return { ...features, runner, deadEvents, subscriptions };
}

function pruned(db: D1Database, { audit }: Stores) {
  return {
    attempts: new LoginAttemptStore(db),
    audit,
    identities: new IdentityStore(db),
    refusals: new RefusalStore(db),
    sessions: new SessionStore(db),
  };
}

function agesOf({ auditAge, tokenSeconds, uploadTtl }: Settings): Ages {
  // A revocation is kept as long as any token signed before it can be valid, including expired ones that end an upload.
  const tokens = Math.max(tokenSeconds, MAX_LIFETIME) * 1000 + uploadTtl;
  return { audit: auditAge, sessions: IDLE_MS, tokens };
}
