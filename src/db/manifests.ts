import { RAISED } from "./raised.ts";
import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Purpose } from "../oci/manifest-kind.ts";
import { namespaceOf, type RepositoryName, type Sources, type Tag } from "../oci/reference.ts";
import { assertion, hasFailed } from "./retry.ts";
import { deletion, MAX_DELETED_TAGS } from "./manifest-deletion.ts";
import { type AuditEntry, auditFound, type Initiator } from "./audit.ts";
import type { Absent } from "./blobs.ts";
import { idOf } from "./digests.ts";
import { letOthersIn, NOW } from "./clock.ts";
import { insertLinks, insertRepository, readableFrom, sourceList } from "./links.ts";
import {
  claimObject,
  insertManifest,
  insertReferences,
  namesAll,
  stageManifest,
  STEP,
  stepsOf,
  uncountObject,
} from "./manifest-rows.ts";
import type { NewReference } from "./manifest-references.ts";
import { STORED_TEXT } from "./manifest-text.ts";
import { broughtBlobs, pushDetails } from "./push-event.ts";
import { isStillReferenced, isUnresolved, refuseChange } from "./errors.ts";
import { type ImageAnnotations, describeFromAnnotations } from "./repositories.ts";
import { prepare } from "./sql.ts";
import { rememberTags } from "./tag-history.ts";
import { pointTags } from "./tag-rows.ts";

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** The text; null if the manifest is too big for its row and is stored in R2. */
  readonly content: string | null;
  /** The key of its object in R2; null if the text is in the row. */
  readonly object: string | null;
}

/** What the database knows of one digest that a manifest names. */
export interface Resolution {
  readonly digest: Digest;
  /** The blob's size in bytes; null if there is no blob that the pusher may read. */
  readonly blobSize: number | null;
  /** Whether the repository already holds the blob. */
  readonly linked: boolean;
  /** The size in bytes of the repository's manifest of that digest; null if there is none. */
  readonly manifestSize: number | null;
  /** What that manifest shows of the image that it belongs to (oci/manifest-kind.ts). */
  readonly evidence: number;
}

export interface NewManifest extends StoredManifest {
  readonly subject: Digest | null;
  readonly artifactType: string;
  readonly purpose: Purpose;
  readonly references: readonly NewReference[];
  /** Blobs that the repository does not hold yet and that are mounted with this manifest. */
  readonly adopt: readonly Digest[];
  readonly tags: readonly Tag[];
  readonly imageAnnotations: ImageAnnotations | null;
}

/** SQL over `manifests m`: the columns of a StoredManifest, whose text has yet to be inflated (manifest-text.ts). */
export const COLUMNS = `m.digest, m.media_type AS mediaType, m.size, ${STORED_TEXT}, m.object`;

/** SQL over `tags t`: the tags of a repository with the given names. */
const TAGS_NAMED = `t.repository_id = (SELECT id FROM repositories WHERE name = :repository)
  AND t.name IN (SELECT value FROM json_each(:tags))`;

/** How a push ends. */
interface Finish {
  /** JSON: the tags that it sets. */
  readonly tags: string;
  /** Whether the references are written already, and then what the manifest brings, in words. */
  readonly isStaged: boolean;
  readonly brought: string | null;
  readonly initiator: Initiator;
}

/** Stores the manifests of each repository in D1, and their references. */
export class ManifestStore {
  readonly #db: D1Database;
  readonly #absent: Absent;

  constructor(db: D1Database, absent: Absent) {
    this.#db = db;
    this.#absent = absent;
  }

  /** Resolves digests for a pusher that may read the sources. */
  async resolve(
    repository: RepositoryName,
    digests: readonly Digest[],
    sources: Sources,
  ): Promise<Map<Digest, Resolution>> {
    const { results } = await prepare(
      this.#db,
      `SELECT w.value AS digest, l.digest_id IS NOT NULL AS linked, m.size AS manifestSize,
         coalesce(m.evidence, 0) AS evidence,
         CASE WHEN l.digest_id IS NOT NULL OR ${readableFrom("b.digest_id", ":sources")} THEN b.size END AS blobSize
       FROM json_each(:digests) w
       LEFT JOIN repositories r ON r.name = :repository
       LEFT JOIN blobs b ON b.digest_id = ${idOf("w.value")} AND b.missing_since IS NULL
       LEFT JOIN repository_blobs l ON l.repository_id = r.id AND l.digest_id = b.digest_id
       LEFT JOIN manifests m
         ON m.repository_id = r.id AND m.digest = w.value
         AND m.deleted_at IS NULL AND m.missing_since IS NULL`,
      { repository, digests: JSON.stringify(digests), sources: sourceList(sources) },
    ).all<Omit<Resolution, "linked"> & { linked: number }>();
    return new Map(results.map((row) => [row.digest, { ...row, linked: row.linked === 1 }]));
  }

  /**
   * Writes the manifest, its references and its tags, all or none of them. Many references are written in batches
   * before, to a row that is still invisible: one statement for all of them would keep other requests waiting.
   * @returns false if a referenced manifest or blob was deleted after it was resolved; nothing is visible then
   * @throws NAME_UNKNOWN if the repository does not exist and pushes create none; IMMUTABLE or QUOTA_EXCEEDED, after
   *   which nothing is visible either
   */
  async put(
    repository: RepositoryName,
    manifest: NewManifest,
    initiator: Initiator,
  ): Promise<boolean> {
    const { digest, references, adopt } = manifest;
    const tags = JSON.stringify(manifest.tags);
    const isLarge = references.length > STEP || adopt.length > STEP;
    try {
      const brought = isLarge ? await this.#stage(repository, manifest, initiator) : null;
      const results = await this.#db.batch<{ digest: Digest }>([
        ...(isLarge ? [] : this.#begin(repository, adopt, initiator)),
        ...this.#finish(repository, manifest, { tags, isStaged: isLarge, brought, initiator }),
      ]);
      const written = results.some((result) => result.results[0]?.digest === digest);
      if (!written) throw new RegistryError("NAME_UNKNOWN", { detail: { name: repository } });
      return true;
    } catch (error) {
      if (isUnresolved(error) || hasFailed(error)) return false;
      const others = `t.name IN (SELECT value FROM json_each(:tags)) AND t.digest <> :digest`;
      const which = { sql: others, values: { tags, digest } };
      return refuseChange(this.#db, repository, error, which);
    }
  }

  /** Creates the repository if needed, and mounts blobs. */
  #begin(
    repository: RepositoryName,
    adopt: readonly Digest[],
    initiator: Initiator,
  ): D1PreparedStatement[] {
    const made = this.#absent === "make" ? insertRepository(this.#db, repository, initiator) : [];
    return [...made, insertLinks(this.#db, repository, adopt)];
  }

  /**
   * Writes a large manifest to an invisible row. If this breaks off, the next garbage collections delete what was
   * written.
   * @returns what the manifest brings, in words
   */
  async #stage(
    repository: RepositoryName,
    manifest: NewManifest,
    initiator: Initiator,
  ): Promise<string | null> {
    const { digest, references, adopt } = manifest;
    const [first = [], ...others] = stepsOf(adopt);
    await this.#db.batch(this.#begin(repository, first, initiator));
    for (const some of others) await this.#db.batch([insertLinks(this.#db, repository, some)]);
    const { sql, values } = broughtBlobs(repository, digestsOf(references));
    const brought = await prepare(this.#db, sql, values).first<string>("brought");
    const staged = stageManifest(this.#db, repository, manifest, Date.now());
    for (const [i, some] of stepsOf(references).entries()) {
      const inserts = insertReferences(this.#db, repository, digest, some);
      await this.#db.batch([...(i === 0 ? [staged] : []), ...inserts]);
      await letOthersIn();
    }
    return brought;
  }

  #finish(
    repository: RepositoryName,
    manifest: NewManifest,
    { tags, isStaged, brought, initiator }: Finish,
  ): D1PreparedStatement[] {
    const now = Date.now();
    const { digest, references, imageAnnotations, object, size } = manifest;
    const entry: AuditEntry = {
      action: "manifest.push",
      repository,
      digest,
      ...(manifest.tags.length === 0 ? {} : { reference: manifest.tags.join(",") }),
    };
    const moved = { sql: TAGS_NAMED, values: { repository, tags } };
    const row = insertManifest(this.#db, repository, manifest, now);
    const [forget, ...insert] = insertReferences(this.#db, repository, digest, references);
    const named = isStaged ? [] : digestsOf(references);
    const event = pushDetails({ repository, digest, tags, named, brought });
    return [
      ...(object === null ? [] : [uncountObject(this.#db, object)]),
      auditFound(this.#db, initiator, entry, event),
      ...(isStaged
        ? [row, assertion(this.#db, namesAll(repository, digest, references))]
        : [forget, row, ...insert]),
      rememberTags(this.#db, { now, initiator, successor: digest }, moved),
      pointTags(this.#db, { repository, digest, tags: manifest.tags }, now),
      ...(object === null ? [] : claimObject(this.#db, object, size)),
      ...(imageAnnotations === null
        ? []
        : [describeFromAnnotations(this.#db, repository, imageAnnotations)]),
    ].filter((statement) => statement !== undefined);
  }

  /**
   * Schedules the deletion of an object that is about to be written, in case no manifest comes to name it: the bucket
   * is never listed to find such objects. Until then it counts as waiting for deletion.
   * @throws QUOTA_EXCEEDED
   */
  async announceObject(
    repository: RepositoryName,
    { key, size, dueAt }: { readonly key: string; readonly size: number; readonly dueAt: number },
  ): Promise<void> {
    const { meta } = await prepare(
      this.#db,
      `INSERT INTO object_deletions (key, due_at, namespace, size) SELECT :key, :dueAt, :namespace, :size
       WHERE NOT EXISTS (SELECT 1 FROM limits l LEFT JOIN namespace_usage u ON u.namespace = l.namespace
         WHERE l.namespace = :namespace AND coalesce(u.bytes + u.waiting, 0) + :size > l.bytes)`,
      { key, dueAt, namespace: namespaceOf(repository), size },
    ).run();
    if (meta.changes === 0) await refuseChange(this.#db, repository, new Error(RAISED.bytes));
  }

  /** Makes the deletion of an announced object due at once, unless a manifest names it after all. */
  async giveUpObject(key: string): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE object_deletions SET due_at = ${NOW}
       WHERE key = :key AND NOT EXISTS (SELECT 1 FROM manifests WHERE object = :key)`,
      { key },
    ).run();
  }

  /**
   * Deletes a manifest with its tags. It is soft-deleted: invisible, and restorable within the trash window.
   * @returns false if there was none
   * @throws REFERENCED while an index names it, or while more tags point to it than one request deletes; IMMUTABLE
   *   while an immutable tag points to it
   */
  async delete(repository: RepositoryName, digest: Digest, initiator: Initiator): Promise<boolean> {
    try {
      const results = await this.#db.batch(deletion(this.#db, repository, digest, initiator));
      return results.at(-1)?.results.length === 1;
    } catch (error) {
      if (hasFailed(error)) {
        throw new RegistryError("REFERENCED", {
          message: `more than ${MAX_DELETED_TAGS} tags point to ${digest}; delete tags first`,
          cause: error,
        });
      }
      if (!isStillReferenced(error)) {
        const tags = { sql: "t.digest = :digest", values: { digest } };
        return refuseChange(this.#db, repository, error, tags);
      }
      throw new RegistryError("REFERENCED", {
        message: "an index of this repository names the manifest; delete the index first",
        detail: { digest },
        cause: error,
      });
    }
  }
}

function digestsOf(references: readonly NewReference[]): Digest[] {
  return references.map(({ digest }) => digest);
}
