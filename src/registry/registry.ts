import type { Env, Settings } from "../env.ts";
import {
  type AuditEvent,
  auditEvent,
  type AuditFilter,
  AuditIndex,
  type Origin,
} from "../storage/audit-index.ts";
import { BlobIndex } from "../storage/blob-index.ts";
import { Bucket } from "../storage/bucket.ts";
import type { Creation } from "../storage/change.ts";
import { ContentIndex, type ManifestRow } from "../storage/content-index.ts";
import { ManifestIndex } from "../storage/manifest-index.ts";
import { type Member, MemberIndex, memberKey } from "../storage/member-index.ts";
import { NamespaceIndex, type NamespaceRecord } from "../storage/namespace-index.ts";
import { PullIndex } from "../storage/pull-index.ts";
import { ReferrerIndex } from "../storage/referrer-index.ts";
import { RepositoryIndex, type StoredRepository } from "../storage/repository-index.ts";
import { type Robot, RobotIndex } from "../storage/robot-index.ts";
import { TagIndex } from "../storage/tag-index.ts";
import { type NewToken, type Token, TokenIndex, type UserToken } from "../storage/token-index.ts";
import { type StoredRule, TrustIndex } from "../storage/trust-index.ts";
import { type User, UserIndex } from "../storage/user-index.ts";
import { Blobs } from "./blobs.ts";
import { Contents, type Measured } from "./contents.ts";
import { Manifests } from "./manifests.ts";
import { Uploads } from "./uploads.ts";

export { auditEvent, memberKey };
export type {
  AuditEvent,
  AuditFilter,
  AuditIndex,
  Creation,
  ManifestRow,
  Measured,
  Member,
  NamespaceRecord,
  NewToken,
  Origin,
  Robot,
  StoredRepository,
  StoredRule,
  Token,
  User,
  UserToken,
};

export interface Registry {
  readonly audit: AuditIndex;
  readonly blobs: Blobs;
  readonly contents: Contents;
  readonly manifests: Manifests;
  readonly members: MemberIndex;
  readonly namespaces: NamespaceIndex;
  readonly pulls: PullIndex;
  readonly repositories: RepositoryIndex;
  readonly robots: RobotIndex;
  readonly tags: TagIndex;
  readonly tokens: TokenIndex;
  readonly trustRules: TrustIndex;
  readonly uploads: Uploads;
  readonly users: UserIndex;
}

/** The one place where the registry is wired to its stores. */
export function createRegistry(env: Env, settings: Settings): Registry {
  const bucket = new Bucket(env.BLOBS);
  const absent = settings.createOnPush ? "make" : "refuse";
  const blobIndex = new BlobIndex(env.DB, absent);
  const manifestIndexes = {
    index: new ManifestIndex(env.DB, absent),
    referrers: new ReferrerIndex(env.DB),
  };
  const repositories = new RepositoryIndex(env.DB);
  return {
    audit: new AuditIndex(env.DB),
    blobs: new Blobs(blobIndex, bucket),
    contents: new Contents(new ContentIndex(env.DB), repositories, bucket),
    manifests: new Manifests(manifestIndexes, bucket, settings),
    members: new MemberIndex(env.DB),
    namespaces: new NamespaceIndex(env.DB),
    pulls: new PullIndex(env.DB),
    repositories,
    robots: new RobotIndex(env.DB),
    tags: new TagIndex(env.DB),
    tokens: new TokenIndex(env.DB),
    trustRules: new TrustIndex(env.DB),
    uploads: new Uploads(env.SESSIONS, bucket, blobIndex),
    users: new UserIndex(env.DB),
  };
}
