import type { Defer } from "../defer.ts";
import type { Settings } from "../settings.ts";
import { algorithmOf, type Digest, digestOf } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { annotationsOf, type Manifest, parseManifest } from "../oci/manifest.ts";
import type { Reference, RepositoryName, Sources, Tag } from "../oci/reference.ts";
import type { Initiator } from "../db/audit.ts";
import type { Bucket } from "../db/bucket.ts";
import { manifestKey } from "../db/keys.ts";
import type { ManifestStore, StoredManifest } from "../db/manifests.ts";
import type { ObjectCache } from "../db/object-cache.ts";
import type { PulledManifest, PullReads } from "../db/pull-reads.ts";
import { readManifestText } from "../db/read-manifest-text.ts";
import type { ReferrerStore } from "../db/referrers.ts";
import type { TagStore } from "../db/tags.ts";
import { ConfigPrefetch } from "./config-prefetch.ts";
import { MAX_ROW_CONTENT } from "../db/manifest-text.ts";
import type { PullCache } from "./pull-cache.ts";
import { imageAnnotationsOf } from "./image-annotations.ts";
import { resolveReferences } from "./references.ts";
import type { Room } from "./room.ts";

/**
 * The size of a page of referrers. A page is an index that clients read as a whole, so it is no larger than the 4 MiB
 * that they accept for a manifest.
 */
const REFERRERS_PAGE = { limit: 100, maxBytes: 4 * 1024 * 1024 };
/** Longer than any request takes between the write of an object and the write of its row, in milliseconds. */
const MAX_REQUEST = 86_400_000;
/**
 * How often a push resolves its references: one may be deleted after it was resolved and before the manifest is
 * written.
 */
const PUT_TRIES = 3;

export interface Push {
  readonly repository: RepositoryName;
  readonly target: Reference;
  /** Further tags to point to the manifest. */
  readonly tags: readonly Tag[];
  readonly bytes: Uint8Array;
  readonly contentType: string | null;
  /** The repositories from which the pusher may mount blobs that the repository does not hold yet. */
  readonly sources: Sources;
  readonly initiator: Initiator;
}

export interface Pushed {
  readonly digest: Digest;
  readonly subject: Digest | null;
}

interface Writing {
  readonly digest: Digest;
  readonly tags: readonly Tag[];
  readonly store: (() => Promise<string>) | null;
}

/** A descriptor in the referrers list. */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Record<string, string>;
}

interface Stores {
  readonly index: ManifestStore;
  readonly tags: TagStore;
  readonly referrers: ReferrerStore;
  readonly reads: PullReads;
  readonly cache: PullCache;
  readonly objects: ObjectCache;
  readonly bucket: Bucket;
  readonly room: Room;
}

export class Manifests {
  readonly #index: ManifestStore;
  readonly #tags: TagStore;
  readonly #referrers: ReferrerStore;
  readonly #reads: PullReads;
  readonly #cache: PullCache;
  readonly #objects: ObjectCache;
  readonly #prefetch: ConfigPrefetch;
  readonly #bucket: Bucket;
  readonly #room: Room;
  readonly #settings: Settings;

  constructor(stores: Stores, settings: Settings) {
    const { cache, objects } = stores;
    this.#index = stores.index;
    this.#tags = stores.tags;
    this.#referrers = stores.referrers;
    this.#reads = stores.reads;
    this.#cache = cache;
    this.#objects = objects;
    this.#prefetch = new ConfigPrefetch(cache, objects);
    this.#bucket = stores.bucket;
    this.#room = stores.room;
    this.#settings = settings;
  }

  /** @throws MANIFEST_UNKNOWN */
  async find(
    repository: RepositoryName,
    reference: Reference,
    defer: Defer,
  ): Promise<PulledManifest> {
    const manifest =
      reference.kind === "tag"
        ? await this.#cache.tagged(repository, reference.tag)
        : await this.#cache.manifest(repository, reference.digest, defer);
    return manifest ?? unknown(reference);
  }

  /**
   * Finds a manifest for a client that asks whether it has to push it: by the database alone, never from a cache.
   * @throws MANIFEST_UNKNOWN
   */
  async confirm(repository: RepositoryName, reference: Reference): Promise<PulledManifest> {
    const manifest =
      reference.kind === "tag"
        ? await this.#cache.tagged(repository, reference.tag)
        : await this.#reads.currentManifest(repository, reference.digest);
    return manifest ?? unknown(reference);
  }

  /**
   * Returns the exact bytes that were pushed.
   * @throws MANIFEST_UNKNOWN when the manifest has been deleted since it was found
   */
  async open(
    repository: RepositoryName,
    manifest: StoredManifest,
    defer: Defer,
  ): Promise<ReadableStream | ArrayBuffer | string> {
    const { digest, content } = manifest;
    if (content !== null) {
      this.#prefetch.config(repository, manifest, defer);
      return content;
    }
    const body = await this.#objectOf(manifest, defer);
    if (body !== null) return body;
    await this.#cache.forget(repository, digest);
    const current = await this.#reads.currentManifest(repository, digest);
    if (current === null) return unknown({ kind: "digest", digest });
    const isOther = current.object !== manifest.object;
    const other = isOther ? await this.#objectOf(current, defer) : null;
    if (other === null) throw new Error(`manifest ${digest} is missing though its row is there`);
    return other;
  }

  #objectOf(
    { object, size }: StoredManifest,
    defer: Defer,
  ): Promise<ReadableStream | ArrayBuffer | null> {
    if (object === null) throw new Error("a manifest has content or an object");
    return this.#objects.open({ key: object, size }, undefined, defer);
  }

  /**
   * Pushes a manifest. The bytes are written first; then one batch writes the manifest, its references and its tags,
   * all or none of them.
   * @throws MANIFEST_INVALID, MANIFEST_TOO_LARGE, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, IMMUTABLE, QUOTA_EXCEEDED
   */
  async put(push: Push): Promise<Pushed> {
    const { target, bytes } = push;
    const manifest = parseManifest(bytes, push.contentType);
    const digest = await this.#digest(target, bytes);
    const inRow = bytes.length <= MAX_ROW_CONTENT;
    const tags = target.kind === "tag" ? [target.tag, ...push.tags] : push.tags;
    let object: string | null = null;
    const store = async () => (object ??= await this.#store(push, manifest, digest));
    try {
      const writing = { digest, tags, store: inRow ? null : store };
      const write = () => this.#write(push, manifest, writing);
      return await this.#room.within(push.repository, write);
    } catch (error) {
      if (object !== null) await this.#index.giveUpObject(object);
      throw error;
    }
  }

  /**
   * @param store puts a manifest that is too big for its row into the bucket; called once all references are resolved
   */
  async #write(push: Push, manifest: Manifest, { digest, tags, store }: Writing): Promise<Pushed> {
    const { repository, bytes } = push;
    for (let tries = 0; tries < PUT_TRIES; tries++) {
      const resolved = await resolveReferences(this.#index, push, manifest, this.#settings);
      const { references, adopt, evidence } = resolved;
      const object = store === null ? null : await store();
      const { mediaType, subject, artifactType } = manifest;
      const purpose = {
        kind: manifest.purpose.kind,
        evidence: manifest.purpose.evidence | evidence,
      };
      const content = object === null ? manifest.text : null;
      const row = { digest, mediaType, size: bytes.length, content, object, subject, artifactType };
      const imageAnnotations = tags.length === 0 ? null : imageAnnotationsOf(manifest.text);
      const all = { ...row, purpose, references, adopt, tags, imageAnnotations };
      const written = await this.#index.put(repository, all, push.initiator);
      if (written) return { digest, subject };
    }
    throw new RegistryError("UNAVAILABLE", {
      message: "content that the manifest names is being deleted at this moment; try again",
    });
  }

  /**
   * Stores the manifest's bytes in the bucket. The deletion of the object is scheduled first and cancelled by its row,
   * so bytes without a row do not stay.
   * @returns the object's key
   */
  async #store(
    { repository, bytes }: Push,
    { mediaType }: Manifest,
    digest: Digest,
  ): Promise<string> {
    const key = manifestKey(digest);
    const dueAt = Date.now() + MAX_REQUEST;
    await this.#index.announceObject(repository, { key, size: bytes.length, dueAt });
    await this.#bucket.put(key, bytes, digest, { repository, mediaType });
    return key;
  }

  /**
   * Deletes a tag, whose manifest stays, or a manifest with all its tags.
   * @throws MANIFEST_UNKNOWN, IMMUTABLE for such a tag or while one points to the manifest, or REFERENCED while an
   *   index names it
   */
  async delete(
    repository: RepositoryName,
    reference: Reference,
    initiator: Initiator,
  ): Promise<void> {
    if (reference.kind === "tag") {
      const deleted = await this.#tags.delete(repository, reference.tag, initiator);
      if (!deleted) unknown(reference);
      return;
    }
    const { digest } = reference;
    try {
      const deleted = await this.#index.delete(repository, digest, initiator);
      if (!deleted) unknown(reference);
    } finally {
      // What failed, or finds nothing, may have been done: the answer can be lost.
      await this.#cache.forget(repository, digest);
    }
  }

  /** Returns one page, and the digest after which the next page begins; null at the end. */
  async referrers(
    repository: RepositoryName,
    subject: Digest,
    artifactType: string | null,
    after: string,
  ): Promise<{ readonly referrers: Referrer[]; readonly next: Digest | null }> {
    const page = { ...REFERRERS_PAGE, after };
    const { rows, more } = await this.#referrers.list(repository, subject, artifactType, page);
    const referrers = await Promise.all(
      rows.map(async (row) => {
        const { mediaType, digest, size } = row;
        const annotations = annotationsOf(await readManifestText(this.#bucket, row));
        return {
          mediaType,
          digest,
          size,
          ...(row.artifactType === "" ? {} : { artifactType: row.artifactType }),
          ...(annotations === undefined ? {} : { annotations }),
        };
      }),
    );
    return { referrers, next: more ? (rows.at(-1)?.digest ?? null) : null };
  }

  /**
   * Returns the manifest's digest: sha256 for a push by tag; for a push by digest that digest, in its own algorithm.
   * @throws DIGEST_INVALID when the bytes do not have the digest
   */
  async #digest(target: Reference, bytes: Uint8Array): Promise<Digest> {
    if (target.kind === "tag") return digestOf("sha256", bytes);
    const actual = await digestOf(algorithmOf(target.digest), bytes);
    if (actual === target.digest) return actual;
    throw new RegistryError("DIGEST_INVALID", {
      message: "the manifest's bytes do not have the digest in the URL",
      detail: { digest: target.digest, actual },
    });
  }
}

function unknown(reference: Reference): never {
  const { kind } = reference;
  const detail = kind === "tag" ? { tag: reference.tag } : { digest: reference.digest };
  throw new RegistryError("MANIFEST_UNKNOWN", { detail });
}
