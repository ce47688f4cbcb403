import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { RepositoryName, Sources, Tag } from "../oci/reference.ts";
import { auditChange, type Origin } from "./audit-index.ts";
import {
  type Absent,
  insertLinks,
  insertRepository,
  readableFrom,
  repositoryThere,
  sourceList,
} from "./blob-index.ts";
import { type Introduction, introduce } from "./repository-index.ts";

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** null where the manifest is too big for its row and lies in R2. */
  readonly content: string | null;
}

export interface StoredReferrer extends StoredManifest {
  readonly artifactType: string;
}

/** What the index knows of one digest that a manifest names. */
export interface Resolution {
  readonly digest: Digest;
  /** The blob's size, or null where there is none that the pusher may read. */
  readonly blobSize: number | null;
  /** Whether the repository holds the blob already. */
  readonly linked: boolean;
  /** The size of the repository's manifest of that digest, or null. */
  readonly manifestSize: number | null;
}

export interface NewReference {
  readonly digest: Digest;
  /** `blob` and `manifest` must be in the repository when the row is written; `loose` need not. */
  readonly kind: "blob" | "manifest" | "loose";
}

export interface NewManifest extends StoredManifest {
  readonly subject: Digest | null;
  readonly artifactType: string;
  readonly references: readonly NewReference[];
  /** Blobs that the repository does not hold yet and takes over with this manifest. */
  readonly adopt: readonly Digest[];
  readonly tags: readonly Tag[];
  readonly introduction: Introduction | null;
}

const COLUMNS = "m.digest, m.media_type AS mediaType, m.size, m.content";

/** What the triggers of migration 0001 say. */
const UNRESOLVED = /reference unresolved/;
const STILL_REFERENCED = /still referenced/;

/** D1: the manifests of each repository, what they name, and what names them. */
export class ManifestIndex {
  readonly #db: D1Database;
  readonly #absent: Absent;

  constructor(db: D1Database, absent: Absent) {
    this.#db = db;
    this.#absent = absent;
  }

  findByTag(repository: RepositoryName, tag: Tag): Promise<StoredManifest | null> {
    return this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM repositories r
         JOIN tags t ON t.repository_id = r.id AND t.name = ?2
         JOIN manifests m ON m.repository_id = r.id AND m.digest = t.digest
         WHERE r.name = ?1`,
      )
      .bind(repository, tag)
      .first<StoredManifest>();
  }

  findByDigest(repository: RepositoryName, digest: Digest): Promise<StoredManifest | null> {
    return this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM repositories r
         JOIN manifests m ON m.repository_id = r.id AND m.digest = ?2
         WHERE r.name = ?1`,
      )
      .bind(repository, digest)
      .first<StoredManifest>();
  }

  /** What is known of each digest to a pusher who may read the sources. */
  async resolve(
    repository: RepositoryName,
    digests: readonly Digest[],
    sources: Sources,
  ): Promise<Map<Digest, Resolution>> {
    const { results } = await this.#db
      .prepare(
        `SELECT w.value AS digest, l.digest IS NOT NULL AS linked, m.size AS manifestSize,
           CASE WHEN l.digest IS NOT NULL OR ${readableFrom("w.value", "?3")} THEN b.size END AS blobSize
         FROM json_each(?2) w
         LEFT JOIN repositories r ON r.name = ?1
         LEFT JOIN blobs b ON b.digest = w.value
         LEFT JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = w.value
         LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = w.value`,
      )
      .bind(repository, JSON.stringify(digests), sourceList(sources))
      .all<Omit<Resolution, "linked"> & { linked: number }>();
    return new Map(results.map((row) => [row.digest, { ...row, linked: row.linked === 1 }]));
  }

  /**
   * Writes the manifest, its references and its tags, all or nothing.
   * @returns false when a reference has vanished since it was resolved: nothing was written
   * @throws NAME_UNKNOWN when the repository is not there, and pushes make none: nothing was written either
   */
  async put(repository: RepositoryName, manifest: NewManifest, origin: Origin): Promise<boolean> {
    const now = Date.now();
    const { digest, mediaType, size, content, subject, artifactType, introduction } = manifest;
    const made = this.#absent === "make" ? insertRepository(this.#db, repository, origin) : [];
    const deed = {
      action: "manifest.push",
      repository,
      digest,
      ...(manifest.tags.length === 0 ? {} : { reference: manifest.tags.join(",") }),
    };
    try {
      const results = await this.#db.batch([
        ...made,
        insertLinks(this.#db, repository, manifest.adopt),
        this.#db
          .prepare(
            `INSERT INTO manifests (repository_id, digest, media_type, size, content, subject, artifact_type, created_at)
             SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM repositories WHERE name = ?1
             ON CONFLICT (repository_id, digest) DO UPDATE
             SET media_type = excluded.media_type, artifact_type = excluded.artifact_type
             RETURNING digest`,
          )
          .bind(repository, digest, mediaType, size, content, subject, artifactType, now),
        this.#db
          .prepare(
            `INSERT INTO manifest_references (repository_id, manifest, digest, kind)
             SELECT r.id, ?2, w.value ->> 'digest', w.value ->> 'kind'
             FROM repositories r, json_each(?3) w WHERE r.name = ?1
             ON CONFLICT DO NOTHING`,
          )
          .bind(repository, digest, JSON.stringify(manifest.references)),
        this.#db
          .prepare(
            `INSERT INTO tags (repository_id, name, digest, updated_at)
             SELECT r.id, w.value, ?2, ?4 FROM repositories r, json_each(?3) w WHERE r.name = ?1
             ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at`,
          )
          .bind(repository, digest, JSON.stringify(manifest.tags), now),
        ...(introduction === null ? [] : [introduce(this.#db, repository, introduction)]),
        auditChange(this.#db, origin, deed, repositoryThere(repository)),
      ]);
      const written = results[made.length + 1]?.results.length === 1;
      if (!written) throw new RegistryError("NAME_UNKNOWN", { detail: { name: repository } });
      return true;
    } catch (error) {
      if (UNRESOLVED.test(String(error))) return false;
      throw error;
    }
  }

  /**
   * Deletes a manifest with its tags.
   * @returns false when there was none
   * @throws REFERENCED while an index names it
   */
  async delete(repository: RepositoryName, digest: Digest, origin: Origin): Promise<boolean> {
    const held = {
      sql: `SELECT 1 FROM repositories r
        JOIN manifests m ON m.repository_id = r.id AND m.digest = ?3 WHERE r.name = ?2`,
      parameters: [repository, digest],
    };
    try {
      const results = await this.#db.batch([
        auditChange(this.#db, origin, { action: "manifest.delete", repository, digest }, held),
        this.#db
          .prepare(
            `DELETE FROM manifests
             WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
             RETURNING digest`,
          )
          .bind(repository, digest),
      ]);
      return results[1]?.results.length === 1;
    } catch (error) {
      if (!STILL_REFERENCED.test(String(error))) throw error;
      throw new RegistryError("REFERENCED", {
        message: "an index of this repository names the manifest; delete the index first",
        detail: { digest },
        cause: error,
      });
    }
  }

  /**
   * One page of the manifests whose subject is the digest, in the order of their own digests.
   * @param artifactType only these ("" for those without a type), or null for all
   * @param page.maxBytes what the page's manifests may add up to; a first one always fits
   */
  async referrers(
    repository: RepositoryName,
    subject: Digest,
    artifactType: string | null,
    page: Page & { readonly maxBytes: number },
  ): Promise<{ readonly rows: StoredReferrer[]; readonly more: boolean }> {
    const typed = artifactType === null ? "" : "AND m.artifact_type = ?6";
    // Without the hint the planner walks through the primary key, all manifests of the repository.
    const index = artifactType === null ? "manifests_by_subject" : "manifests_by_subject_and_type";
    const parameters = [repository, subject, page.after, page.limit, page.maxBytes];
    const { results } = await this.#db
      .prepare(
        `SELECT digest, mediaType, size, content, artifactType, candidates FROM (
           SELECT *, sum(size) OVER (ORDER BY digest) AS bytes,
             row_number() OVER (ORDER BY digest) AS position, count(*) OVER () AS candidates
           FROM (
             SELECT ${COLUMNS}, m.artifact_type AS artifactType FROM repositories r
             JOIN manifests m INDEXED BY ${index}
               ON m.repository_id = r.id AND m.subject = ?2 AND m.digest > ?3 ${typed}
             WHERE r.name = ?1 ORDER BY m.digest LIMIT ?4 + 1
           )
         ) WHERE position = 1 OR (position <= ?4 AND bytes <= ?5) ORDER BY position`,
      )
      .bind(...parameters, ...(artifactType === null ? [] : [artifactType]))
      .all<StoredReferrer & { candidates: number }>();
    return { rows: results, more: results.length < (results[0]?.candidates ?? 0) };
  }
}
