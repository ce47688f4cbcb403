import type { Env, Settings } from "../env.ts";
import { AuditIndex, type Origin } from "../storage/audit-index.ts";
import { BlobIndex } from "../storage/blob-index.ts";
import { Bucket } from "../storage/bucket.ts";
import { ManifestIndex } from "../storage/manifest-index.ts";
import { PullIndex } from "../storage/pull-index.ts";
import { RepositoryIndex } from "../storage/repository-index.ts";
import { TagIndex } from "../storage/tag-index.ts";
import { Blobs } from "./blobs.ts";
import { Manifests } from "./manifests.ts";
import { Uploads } from "./uploads.ts";

export type { Origin };

export interface Registry {
  readonly audit: AuditIndex;
  readonly blobs: Blobs;
  readonly manifests: Manifests;
  readonly pulls: PullIndex;
  readonly repositories: RepositoryIndex;
  readonly tags: TagIndex;
  readonly uploads: Uploads;
}

/** The one place where the registry is wired to its stores. */
export function createRegistry(env: Env, settings: Settings): Registry {
  const bucket = new Bucket(env.BLOBS);
  const blobIndex = new BlobIndex(env.DB);
  return {
    audit: new AuditIndex(env.DB),
    blobs: new Blobs(blobIndex, bucket),
    manifests: new Manifests(new ManifestIndex(env.DB), bucket, settings),
    pulls: new PullIndex(env.DB),
    repositories: new RepositoryIndex(env.DB),
    tags: new TagIndex(env.DB),
    uploads: new Uploads(env.SESSIONS, bucket, blobIndex),
  };
}
