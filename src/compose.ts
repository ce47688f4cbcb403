import type { Env, Settings } from "./settings.ts";
import { AuditStore } from "./db/audit.ts";
import { CredentialStore } from "./db/credentials.ts";
import { BlobStore } from "./db/blobs.ts";
import { Bucket } from "./db/bucket.ts";
import { SummaryIndex } from "./db/summaries.ts";
import { EdgeCache } from "./db/edge-cache.ts";
import { FsckStore } from "./fsck/store.ts";
import { JobStore } from "./db/jobs.ts";
import { DetailStore } from "./db/details.ts";
import { DeleteStore } from "./trash/delete-store.ts";
import { TrashLists } from "./trash/list-store.ts";
import { ManifestStore } from "./db/manifests.ts";
import { MemberStore } from "./db/members.ts";
import { NamespaceStore } from "./db/namespaces.ts";
import { ObjectCache } from "./db/object-cache.ts";
import { PullStore } from "./events/pull-store.ts";
import { PullReads } from "./db/pull-reads.ts";
import { PurgeStore } from "./trash/purge-store.ts";
import { QuotaStore } from "./quota/store.ts";
import { ReferrerStore } from "./db/referrers.ts";
import { PolicyStore } from "./retention/policy-store.ts";
import { RepositoryStore } from "./db/repositories.ts";
import { RepositoryLists } from "./db/repository-lists.ts";
import { RepositorySearch } from "./db/repository-search.ts";
import { RobotStore } from "./db/robots.ts";
import { SessionStore } from "./db/sessions.ts";
import { prepare } from "./db/sql.ts";
import { TagLists } from "./db/tag-lists.ts";
import { TagStore } from "./db/tags.ts";
import { TokenStore } from "./db/tokens.ts";
import { TrustRuleStore } from "./db/trust-rules.ts";
import { RestoreStore } from "./trash/store.ts";
import { UserStore } from "./db/users.ts";
import { UnlinkedBlobs } from "./backup/unlinked-blobs.ts";
import { AttachmentStore } from "./db/attachments.ts";
import { AttachmentReader } from "./registry/attachments.ts";
import { SignatureChecks } from "./signatures/checks.ts";
import { SignerStore } from "./signatures/signer-store.ts";
import { AttachedDocuments } from "./scan/documents.ts";
import { ExceptionStore } from "./scan/exception-store.ts";
import { ScanGate } from "./scan/gate.ts";
import { ScanPolicyStore } from "./scan/policy-store.ts";
import { ImageLists } from "./scan/image-lists.ts";
import { LayerStore } from "./scan/layer-store.ts";
import { ScanReads } from "./scan/read-store.ts";
import { ScanReports } from "./scan/reports.ts";
import { ScanStore } from "./scan/store.ts";
import { createMaintenance, type Maintenance } from "./maintenance.ts";
import { Blobs } from "./registry/blobs.ts";
import { ManifestDetails } from "./registry/details.ts";
import { Summaries } from "./registry/summaries.ts";
import { PullCache, type InvalidatedAt } from "./registry/pull-cache.ts";
import { Manifests } from "./registry/manifests.ts";
import { Readiness } from "./registry/readiness.ts";
import { Room } from "./registry/room.ts";
import { Uploads } from "./registry/uploads.ts";

export interface Registry extends Maintenance {
  readonly audit: AuditStore;
  readonly blobs: Blobs;
  readonly summaries: Summaries;
  readonly credentials: CredentialStore;
  readonly details: ManifestDetails;
  readonly deletions: DeleteStore;
  readonly history: TrashLists;
  readonly jobs: JobStore;
  readonly manifests: Manifests;
  readonly members: MemberStore;
  readonly namespaces: NamespaceStore;
  readonly policies: PolicyStore;
  readonly pulls: PullStore;
  readonly purge: PurgeStore;
  readonly quotas: QuotaStore;
  readonly readiness: Readiness;
  readonly unlinkedBlobs: UnlinkedBlobs;
  readonly repositories: RepositoryStore;
  readonly repositoryLists: RepositoryLists;
  readonly search: RepositorySearch;
  readonly robots: RobotStore;
  readonly room: Room;
  readonly scans: ScanReports;
  readonly scanPolicies: ScanPolicyStore;
  readonly exceptions: ExceptionStore;
  readonly gate: ScanGate;
  readonly signers: SignerStore;
  readonly signatures: SignatureChecks;
  readonly sessions: SessionStore;
  readonly tags: TagStore;
  readonly tokens: TokenStore;
  readonly trustRules: TrustRuleStore;
  readonly trash: RestoreStore;
  readonly uploads: Uploads;
  readonly users: UserStore;
}

/**
 * Wires the registry to its stores; this is the only place that does so.
 * @param invalidatedAt when the cached entries of a repository were invalidated last, by the database's clock
 */
export function createRegistry(
  env: Env,
  settings: Settings,
  invalidatedAt: InvalidatedAt = () => 0,
): Registry {
  const bucket = new Bucket(env.BLOBS);
  const absent = settings.createOnPush ? "make" : "refuse";
  const blobIndex = new BlobStore(env.DB, absent);
  const manifestIndex = {
    index: new ManifestStore(env.DB, absent),
    tags: new TagStore(env.DB),
    referrers: new ReferrerStore(env.DB),
  };
  const edge = new EdgeCache(settings.tokenKey);
  const reads = new PullReads(env.DB, settings.tagReads);
  const pulls = {
    reads,
    cache: new PullCache(reads, edge, invalidatedAt),
    objects: new ObjectCache(bucket, edge),
  };
  const repositories = new RepositoryStore(env.DB);
  const quotas = new QuotaStore(env.DB);
  const room = new Room(quotas);
  const stores = { bucket, jobs: new JobStore(env.DB), audit: new AuditStore(env.DB) };
  const scan = scanning(env, stores);
  return {
    ...createMaintenance(env, settings, { ...stores, ...scan, quotas }),
    audit: stores.audit,
    blobs: new Blobs({ index: blobIndex, ...pulls, room, grace: settings.grace }),
    ...readers(env, repositories, bucket),
    ...scan,
    credentials: new CredentialStore(env.DB),
    deletions: new DeleteStore(env.DB, settings.trashMs),
    history: new TrashLists(env.DB),
    jobs: stores.jobs,
    manifests: new Manifests({ ...manifestIndex, bucket, room, ...pulls }, settings),
    members: new MemberStore(env.DB),
    namespaces: new NamespaceStore(env.DB),
    policies: new PolicyStore(env.DB),
    pulls: new PullStore(env.DB),
    purge: new PurgeStore(env.DB),
    readiness: readinessOf(env, bucket),
    quotas,
    repositories,
    repositoryLists: new RepositoryLists(env.DB),
    robots: new RobotStore(env.DB),
    sessions: new SessionStore(env.DB),
    tags: manifestIndex.tags,
    tokens: new TokenStore(env.DB),
    trustRules: new TrustRuleStore(env.DB),
    trash: new RestoreStore(env.DB, settings.trashMs),
    room,
    unlinkedBlobs: unlinkedBlobsOf(env, bucket, settings.grace),
    uploads: new Uploads(env.SESSIONS, { bucket, index: blobIndex, room }, settings),
    users: new UserStore(env.DB),
  };
}

/** What is found belongs to a repository that was there. */
function unlinkedBlobsOf(env: Env, bucket: Bucket, grace: number): UnlinkedBlobs {
  const stores = { rows: new FsckStore(env.DB), blobs: new BlobStore(env.DB, "refuse") };
  return new UnlinkedBlobs(stores, bucket, grace);
}

/** What reads the index for those who look at it. */
function readers(env: Env, repositories: RepositoryStore, bucket: Bucket) {
  const index = { manifests: new SummaryIndex(env.DB), tags: new TagLists(env.DB) };
  return {
    summaries: new Summaries(index, repositories, bucket),
    details: new ManifestDetails(new DetailStore(env.DB), bucket),
    search: new RepositorySearch(env.DB),
  };
}

function scanning(
  env: Env,
  { bucket, audit }: { readonly bucket: Bucket; readonly audit: AuditStore },
) {
  const exceptions = new ExceptionStore(env.DB);
  const attachments = new AttachmentReader(new AttachmentStore(env.DB), bucket);
  const documents = new AttachedDocuments(attachments);
  const lists = new ImageLists(new LayerStore(env.DB), bucket);
  const index = { reads: new ScanReads(env.DB), scans: new ScanStore(env.DB), exceptions };
  const scans = new ScanReports({ ...index, documents, lists }, bucket);
  const scanPolicies = new ScanPolicyStore(env.DB);
  const signers = new SignerStore(env.DB);
  const signatures = new SignatureChecks(signers, attachments);
  const gate = new ScanGate(scans, audit);
  return { exceptions, scans, scanPolicies, gate, signers, signatures, documents, lists };
}

function readinessOf(env: Env, bucket: Bucket): Readiness {
  return new Readiness({
    database: () => prepare(env.DB, "SELECT 1").first(),
    bucket: () => bucket.sizeOf(NO_OBJECT),
    sessions: () => env.SESSIONS.getByName(NO_UPLOAD).status(NO_CLAIMS),
  });
}

/** Names that the readiness probes ask for; nothing has these names. */
const NO_OBJECT = "readyz";
const NO_UPLOAD = "readyz";
/** An upload that may no longer begin: its session stores nothing. */
const NO_CLAIMS = { repository: "", actor: "", algorithm: "sha256", deadline: 0 } as const;
