import type { Env, Settings } from "./settings.ts";
import { AuditIndex } from "./db/audit.ts";
import { BlobIndex } from "./db/blobs.ts";
import { BlobRepairs } from "./fsck/blob-store.ts";
import { Bucket } from "./db/bucket.ts";
import { CollectionIndex } from "./gc/store.ts";
import { ContentIndex } from "./db/summaries.ts";
import { Edge } from "./db/edge-cache.ts";
import { ExportIndex } from "./backup/export-store.ts";
import { FsckIndex } from "./fsck/store.ts";
import { ImportIndex } from "./backup/import-store.ts";
import { JobIndex } from "./db/jobs.ts";
import { DeletionIndex } from "./trash/delete-store.ts";
import { HistoryIndex } from "./trash/list-store.ts";
import { ManifestIndex } from "./db/manifests.ts";
import { ManifestRepairs } from "./fsck/manifest-store.ts";
import { MemberIndex } from "./db/members.ts";
import { NamespaceIndex } from "./db/namespaces.ts";
import { Objects } from "./db/object-cache.ts";
import { PullIndex } from "./events/pull-store.ts";
import { PullReads } from "./db/pull-reads.ts";
import { PurgeIndex } from "./trash/purge-store.ts";
import { QuotaIndex } from "./quota/store.ts";
import { ReferrerIndex } from "./db/referrers.ts";
import { RetentionIndex } from "./retention/store.ts";
import { RetentionPolicies } from "./retention/policy-store.ts";
import { RetentionRuns } from "./retention/run-store.ts";
import { RepositoryIndex } from "./db/repositories.ts";
import { RepositoryLists } from "./db/repository-lists.ts";
import { RobotIndex } from "./db/robots.ts";
import { TagIndex } from "./db/tags.ts";
import { TokenIndex } from "./db/tokens.ts";
import { TrustIndex } from "./db/trust-rules.ts";
import { UndoIndex } from "./trash/store.ts";
import { UserIndex } from "./db/users.ts";
import { Collector } from "./gc/job.ts";
import { Exporter } from "./backup/export.ts";
import { Fsck } from "./fsck/fsck.ts";
import { FsckSample } from "./fsck/background.ts";
import { Importer } from "./backup/import.ts";
import { Relinker } from "./backup/unlinked-blobs.ts";
import { Retention } from "./retention/job.ts";
import { Blobs } from "./registry/blobs.ts";
import { Contents } from "./registry/summaries.ts";
import { Facts, type VoidedAt } from "./registry/pull-cache.ts";
import { Manifests } from "./registry/manifests.ts";
import { Readiness } from "./registry/readiness.ts";
import { Room } from "./registry/room.ts";
import { Uploads } from "./registry/uploads.ts";

export interface Registry {
  readonly audit: AuditIndex;
  readonly blobs: Blobs;
  readonly collector: Collector;
  readonly contents: Contents;
  readonly deletions: DeletionIndex;
  readonly exporter: Exporter;
  readonly fsck: Fsck;
  readonly fsckSample: FsckSample;
  readonly history: HistoryIndex;
  readonly importer: Importer;
  readonly jobs: JobIndex;
  readonly manifests: Manifests;
  readonly members: MemberIndex;
  readonly namespaces: NamespaceIndex;
  readonly policies: RetentionPolicies;
  readonly pulls: PullIndex;
  readonly purge: PurgeIndex;
  readonly quotas: QuotaIndex;
  readonly readiness: Readiness;
  readonly relinker: Relinker;
  readonly repositories: RepositoryIndex;
  readonly repositoryLists: RepositoryLists;
  readonly retention: Retention;
  readonly robots: RobotIndex;
  readonly room: Room;
  readonly tags: TagIndex;
  readonly tokens: TokenIndex;
  readonly trustRules: TrustIndex;
  readonly undo: UndoIndex;
  readonly uploads: Uploads;
  readonly users: UserIndex;
}

/**
 * Wires the registry to its stores; this is the only place that does so.
 * @param voidedAt when the cached entries of a repository were invalidated last, by the database's clock
 */
export function createRegistry(
  env: Env,
  settings: Settings,
  voidedAt: VoidedAt = () => 0,
): Registry {
  const bucket = new Bucket(env.BLOBS);
  const absent = settings.createOnPush ? "make" : "refuse";
  const blobIndex = new BlobIndex(env.DB, absent);
  const manifestIndex = new ManifestIndex(env.DB, absent);
  const referrers = new ReferrerIndex(env.DB);
  const edge = new Edge(settings.tokenKey);
  const reads = new PullReads(env.DB, settings.tagReads);
  const pulls = {
    reads,
    facts: new Facts(reads, edge, voidedAt),
    objects: new Objects(bucket, edge),
  };
  const repositories = new RepositoryIndex(env.DB);
  const quotas = new QuotaIndex(env.DB);
  const room = new Room(quotas);
  const stores = { bucket, jobs: new JobIndex(env.DB), audit: new AuditIndex(env.DB) };
  return {
    ...createUpkeep(env.DB, settings, stores),
    audit: stores.audit,
    blobs: new Blobs({ index: blobIndex, ...pulls, room, grace: settings.grace }),
    contents: new Contents(new ContentIndex(env.DB), repositories, bucket),
    deletions: new DeletionIndex(env.DB, settings.undoAge),
    history: new HistoryIndex(env.DB),
    jobs: stores.jobs,
    manifests: new Manifests({ index: manifestIndex, referrers, bucket, room, ...pulls }, settings),
    members: new MemberIndex(env.DB),
    namespaces: new NamespaceIndex(env.DB),
    policies: new RetentionPolicies(env.DB),
    pulls: new PullIndex(env.DB),
    purge: new PurgeIndex(env.DB),
    readiness: new Readiness({
      database: () => env.DB.prepare("SELECT 1").first(),
      bucket: () => bucket.sizeOf(NO_OBJECT),
      sessions: () => env.SESSIONS.getByName(NO_UPLOAD).status(NO_TICKET),
    }),
    quotas,
    repositories,
    repositoryLists: new RepositoryLists(env.DB),
    robots: new RobotIndex(env.DB),
    tags: new TagIndex(env.DB),
    tokens: new TokenIndex(env.DB),
    trustRules: new TrustIndex(env.DB),
    undo: new UndoIndex(env.DB, settings.undoAge),
    room,
    uploads: new Uploads(env.SESSIONS, { bucket, index: blobIndex, room }, settings),
    users: new UserIndex(env.DB),
  };
}

/** Names that the readiness probes ask for; nothing has these names. */
const NO_OBJECT = "readyz";
const NO_UPLOAD = "readyz";
/** Claims of an upload whose deadline has passed: its session stores nothing. */
const NO_TICKET = { repository: "", actor: "", algorithm: "sha256", deadline: 0 } as const;

interface Stores {
  readonly bucket: Bucket;
  readonly jobs: JobIndex;
  readonly audit: AuditIndex;
}

function createUpkeep(db: D1Database, settings: Settings, stores: Stores) {
  const { bucket, jobs, audit } = stores;
  const { grace, undoAge: undo, uploadTtl, fsckBytes } = settings;
  const rows = new FsckIndex(db);
  const repairs = { blobs: new BlobRepairs(db), manifests: new ManifestRepairs(db) };
  // A session clears its objects when it expires, and once more after that, hence twice the lifetime.
  const fsck = new Fsck({ index: rows, ...repairs, bucket }, { orphan: 2 * uploadTtl, undo });
  const exports = new ExportIndex(db);
  const retention = { index: new RetentionIndex(db), runs: new RetentionRuns(db), jobs };
  return {
    collector: new Collector(new CollectionIndex(db), bucket, { grace, undo }),
    exporter: new Exporter(exports, bucket, jobs),
    fsck,
    fsckSample: new FsckSample(fsck, { jobs, audit }, fsckBytes),
    importer: new Importer({ index: new ImportIndex(db), exports }, bucket, jobs),
    // "refuse": a blob is found for a repository that exists, so none is created for it.
    relinker: new Relinker({ rows, blobs: new BlobIndex(db, "refuse") }, bucket, grace),
    retention: new Retention(retention, grace),
  };
}
