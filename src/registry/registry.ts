import type { Env, Settings } from "../env.ts";
import {
  type AuditEvent,
  auditEvent,
  type AuditFilter,
  AuditIndex,
  type Origin,
} from "../storage/audit-index.ts";
import { BlobIndex } from "../storage/blob-index.ts";
import { BlobRepairs } from "../storage/blob-repairs.ts";
import { Bucket } from "../storage/bucket.ts";
import type { Creation } from "../storage/change.ts";
import { CollectionIndex } from "../storage/collection-index.ts";
import { ContentIndex, type ManifestRow } from "../storage/content-index.ts";
import { Edge } from "../storage/edge.ts";
import { ExportIndex } from "../storage/export-index.ts";
import { FsckIndex } from "../storage/fsck-index.ts";
import { ImportIndex } from "../storage/import-index.ts";
import { JobIndex } from "../storage/job-index.ts";
import { DeletionIndex } from "../storage/deletion-index.ts";
import {
  type DeletedManifest,
  type DeletedRepository,
  HistoryIndex,
  type ManifestPlace,
  type RepositoryPlace,
} from "../storage/history-index.ts";
import { ManifestIndex } from "../storage/manifest-index.ts";
import { ManifestRepairs } from "../storage/manifest-repairs.ts";
import { type Member, MemberIndex, memberKey } from "../storage/member-index.ts";
import { NamespaceIndex, type NamespaceRecord } from "../storage/namespace-index.ts";
import { Objects } from "../storage/objects.ts";
import { PullIndex } from "../storage/pull-index.ts";
import { PullReads } from "../storage/pull-reads.ts";
import { type Purged, PurgeIndex } from "../storage/purge-index.ts";
import { QuotaIndex } from "../storage/quota-index.ts";
import { ReferrerIndex } from "../storage/referrer-index.ts";
import { RetentionIndex } from "../storage/retention-index.ts";
import {
  type RepositoryPolicy,
  RetentionPolicies,
  type RunReport,
} from "../storage/retention-policies.ts";
import { RetentionRuns } from "../storage/retention-runs.ts";
import { RepositoryIndex, type StoredRepository } from "../storage/repository-index.ts";
import { RepositoryLists } from "../storage/repository-lists.ts";
import { type Robot, RobotIndex } from "../storage/robot-index.ts";
import { TagIndex } from "../storage/tag-index.ts";
import { type NewToken, type Token, TokenIndex, type UserToken } from "../storage/token-index.ts";
import { type StoredRule, TrustIndex } from "../storage/trust-index.ts";
import { type Restored, UndoIndex } from "../storage/undo-index.ts";
import { type User, UserIndex } from "../storage/user-index.ts";
import { Collector } from "../upkeep/collector.ts";
import { Exporter, type ExportOverview } from "../upkeep/export.ts";
import {
  type Cursor as FsckCursor,
  Fsck,
  PHASES as FSCK_PHASES,
  START as FSCK_START,
} from "../upkeep/fsck.ts";
import { ALL_KINDS as FSCK_KINDS, OUTCOMES as FSCK_OUTCOMES } from "../upkeep/fsck-findings.ts";
import { FsckSample } from "../upkeep/fsck-sample.ts";
import type { Rounds as FsckRounds } from "../upkeep/fsck-walk.ts";
import { Importer } from "../upkeep/import.ts";
import type { ImportProgress } from "../upkeep/import-state.ts";
import { type FoundPage, Relinker } from "../upkeep/relink.ts";
import type { Leaving } from "../upkeep/family.ts";
import { Retention } from "../upkeep/retention.ts";
import type { ProtectedGroup } from "../upkeep/protection.ts";
import type { Walk } from "../upkeep/retention-walk.ts";
import { Blobs } from "./blobs.ts";
import { Contents, type Measured } from "./contents.ts";
import { Facts, type VoidedAt } from "./facts.ts";
import { Manifests } from "./manifests.ts";
import { Readiness } from "./readiness.ts";
import { Room } from "./room.ts";
import { Uploads } from "./uploads.ts";

export { auditEvent, FSCK_KINDS, FSCK_OUTCOMES, FSCK_PHASES, FSCK_START, memberKey };
export type {
  AuditEvent,
  AuditFilter,
  AuditIndex,
  Creation,
  DeletedManifest,
  DeletedRepository,
  ExportOverview,
  FoundPage,
  FsckCursor,
  FsckRounds,
  ImportProgress,
  Leaving,
  ProtectedGroup,
  ManifestPlace,
  ManifestRow,
  Measured,
  Member,
  NamespaceRecord,
  NewToken,
  Origin,
  Purged,
  RepositoryPlace,
  RepositoryPolicy,
  Restored,
  Robot,
  RunReport,
  StoredRepository,
  StoredRule,
  Token,
  User,
  UserToken,
  Walk,
};

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
 * The one place where the registry is wired to its stores.
 * @param voidedAt as of when what was read of a repository before holds no longer
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

/** What is asked for to see whether anybody answers; nothing has these names. */
const NO_OBJECT = "readyz";
const NO_UPLOAD = "readyz";
/** An upload that may no longer begin: its session stores nothing. */
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
  // A session clears what it left when it has expired, and once more after that.
  const fsck = new Fsck({ index: rows, ...repairs, bucket }, { orphan: 2 * uploadTtl, undo });
  const exports = new ExportIndex(db);
  const retention = { index: new RetentionIndex(db), runs: new RetentionRuns(db), jobs };
  return {
    collector: new Collector(new CollectionIndex(db), bucket, { grace, undo }),
    exporter: new Exporter(exports, bucket, jobs),
    fsck,
    fsckSample: new FsckSample(fsck, { jobs, audit }, fsckBytes),
    importer: new Importer({ index: new ImportIndex(db), exports }, bucket, jobs),
    // What is found belongs to a repository that was there.
    relinker: new Relinker({ rows, blobs: new BlobIndex(db, "refuse") }, bucket, grace),
    retention: new Retention(retention, grace),
  };
}
