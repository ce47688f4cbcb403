import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName, Sources, Tag } from "../oci/reference.ts";
import { assertion, hasFailed } from "./assertion.ts";
import { auditFound, type Condition, type Origin } from "./audit-index.ts";
import type { Absent } from "./blob-index.ts";
import { insertLinks, insertRepository, readableFrom, sourceList } from "./links.ts";
import { isStillReferenced, isUnresolved, refuseChange } from "./refused.ts";
import { type Introduction, introduce } from "./repository-index.ts";
import { rememberTags } from "./tag-history.ts";

export interface StoredManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly size: number;
  /** null where the manifest is too big for its row and lies in R2. */
  readonly content: string | null;
  /** The key of its bytes in R2, where they lie there. */
  readonly object: string | null;
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

export const COLUMNS = "m.digest, m.media_type AS mediaType, m.size, m.content, m.object";

/** Each is noted in the history, in the one batch that deletes them all with their manifest. */
const MAX_DELETED_TAGS = 10_000;
/** The record of a deleted manifest names so many of its tags; the history has all. */
const MAX_NAMED_TAGS = 20;

/** SQL over `tags t`: some tags of a repository, and those of one manifest. */
const TAGS_NAMED = `t.repository_id = (SELECT id FROM repositories WHERE name = ?5)
  AND t.name IN (SELECT value FROM json_each(?6))`;
const TAGS_OF = `t.repository_id = (SELECT id FROM repositories WHERE name = ?5) AND t.digest = ?6`;

/** D1: the manifests of each repository, what they name, and what names them. */
export class ManifestIndex {
  readonly #db: D1Database;
  readonly #absent: Absent;

  constructor(db: D1Database, absent: Absent) {
    this.#db = db;
    this.#absent = absent;
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
         LEFT JOIN blobs b ON b.digest = w.value AND b.lost_at IS NULL
         LEFT JOIN repository_blobs l ON l.repository_id = r.id AND l.digest = w.value
         LEFT JOIN manifests m
           ON m.repository_id = r.id AND m.digest = w.value
           AND m.deleted_at IS NULL AND m.lost_at IS NULL`,
      )
      .bind(repository, JSON.stringify(digests), sourceList(sources))
      .all<Omit<Resolution, "linked"> & { linked: number }>();
    return new Map(results.map((row) => [row.digest, { ...row, linked: row.linked === 1 }]));
  }

  /**
   * Writes the manifest, its references and its tags, all or nothing.
   * @returns false when a reference has vanished since it was resolved: nothing was written
   * @throws NAME_UNKNOWN when the repository is not there, and pushes make none; IMMUTABLE or QUOTA_EXCEEDED: nothing was
   *   written either
   */
  async put(repository: RepositoryName, manifest: NewManifest, origin: Origin): Promise<boolean> {
    const now = Date.now();
    const { digest, introduction, object } = manifest;
    const tags = JSON.stringify(manifest.tags);
    const made = this.#absent === "make" ? insertRepository(this.#db, repository, origin) : [];
    const deed = {
      action: "manifest.push",
      repository,
      digest,
      ...(manifest.tags.length === 0 ? {} : { reference: manifest.tags.join(",") }),
    };
    const moved = { sql: TAGS_NAMED, parameters: [repository, tags] };
    try {
      const results = await this.#db.batch([
        ...made,
        insertLinks(this.#db, repository, manifest.adopt),
        this.#forgetReferences(repository, digest),
        ...this.#insert(repository, manifest, now),
        auditFound(this.#db, origin, deed, movedTags(repository, digest, tags)),
        rememberTags(this.#db, { now, origin, successor: digest }, moved),
        this.#db
          .prepare(
            `INSERT INTO tags (repository_id, name, digest, updated_at)
             SELECT r.id, w.value, ?2, ?4 FROM repositories r, json_each(?3) w WHERE r.name = ?1
             ON CONFLICT (repository_id, name) DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at`,
          )
          .bind(repository, digest, tags, now),
        ...(object === null ? [] : [claimObject(this.#db, object)]),
        ...(introduction === null ? [] : [introduce(this.#db, repository, introduction)]),
      ]);
      const written = results[made.length + 2]?.results.length === 1;
      if (!written) throw new RegistryError("NAME_UNKNOWN", { detail: { name: repository } });
      return true;
    } catch (error) {
      if (isUnresolved(error)) return false;
      const others = `t.name IN (SELECT value FROM json_each(?2)) AND t.digest <> ?3`;
      const which = { sql: others, parameters: [tags, digest] };
      return refuseChange(this.#db, repository, error, which);
    }
  }

  /** What a deleted manifest held on to may be something else, or not be there, when it is pushed again. */
  #forgetReferences(repository: RepositoryName, digest: Digest): D1PreparedStatement {
    return this.#db
      .prepare(
        `DELETE FROM manifest_references
         WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND manifest = ?2
           AND EXISTS (
             SELECT 1 FROM manifests m WHERE m.repository_id = manifest_references.repository_id
               AND m.digest = ?2 AND m.deleted_at IS NOT NULL)`,
      )
      .bind(repository, digest);
  }

  /** The manifest with its references; in sight again where it was deleted. */
  #insert(
    repository: RepositoryName,
    { references, ...manifest }: NewManifest,
    now: number,
  ): D1PreparedStatement[] {
    const { digest, mediaType, size, content, object, subject, artifactType } = manifest;
    return [
      this.#db
        .prepare(
          `INSERT INTO manifests (repository_id, digest, media_type, size, content, object, subject, artifact_type,
             created_at, pushed_at)
           SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9 FROM repositories WHERE name = ?1
           ON CONFLICT (repository_id, digest) DO UPDATE
           SET media_type = excluded.media_type, artifact_type = excluded.artifact_type,
             pushed_at = excluded.pushed_at, deleted_at = NULL, deleted_by = NULL,
             size = ${found("size")}, content = ${found("content")}, object = ${found("object")},
             subject = ${found("subject")}, lost_at = NULL
           RETURNING digest`,
        )
        .bind(repository, digest, mediaType, size, content, object, subject, artifactType, now),
      this.#db
        .prepare(
          `INSERT INTO manifest_references (repository_id, manifest, digest, kind)
           SELECT r.id, ?2, w.value ->> 'digest', w.value ->> 'kind'
           FROM repositories r, json_each(?3) w WHERE r.name = ?1
           ON CONFLICT DO UPDATE SET kind = excluded.kind WHERE kind = 'loose'`,
        )
        .bind(repository, digest, JSON.stringify(references)),
    ];
  }

  /**
   * Notes the key of an object that is about to be written, so that it goes if no manifest comes to name it: R2 is never
   * listed to find it.
   */
  async announceObject(key: string, dueAt: number): Promise<void> {
    await this.#db
      .prepare(`INSERT INTO doomed_objects (key, due_at) VALUES (?1, ?2)`)
      .bind(key, dueAt)
      .run();
  }

  /**
   * Deletes a manifest with its tags: out of sight, and for the undo window to be restored.
   * @returns false when there was none
   * @throws REFERENCED while an index names it, or more tags point to it than one request deletes; IMMUTABLE while such a tag
   *   does
   */
  async delete(repository: RepositoryName, digest: Digest, origin: Origin): Promise<boolean> {
    const held = {
      sql: `SELECT json_object('reference', (
          SELECT group_concat(name) FROM (
            SELECT t.name FROM tags t INDEXED BY tags_by_digest
            WHERE t.repository_id = r.id AND t.digest = ?3 LIMIT ${MAX_NAMED_TAGS})
        )) AS more FROM repositories r
        JOIN manifests m ON m.repository_id = r.id AND m.digest = ?3 AND m.deleted_at IS NULL
        WHERE r.name = ?2`,
      parameters: [repository, digest],
    };
    const now = Date.now();
    const which = { sql: TAGS_OF, parameters: [repository, digest] };
    try {
      const results = await this.#db.batch([
        assertion(this.#db, tooManyTags(repository, digest), "no row"),
        auditFound(this.#db, origin, { action: "manifest.delete", repository, digest }, held),
        rememberTags(this.#db, { now, origin, successor: null }, which),
        this.#db
          .prepare(
            `DELETE FROM tags
             WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2`,
          )
          .bind(repository, digest),
        this.#db
          .prepare(
            `UPDATE manifests SET deleted_at = ?3, deleted_by = ?4
             WHERE repository_id = (SELECT id FROM repositories WHERE name = ?1) AND digest = ?2
               AND deleted_at IS NULL
             RETURNING digest`,
          )
          .bind(repository, digest, now, origin.actor),
      ]);
      return results.at(-1)?.results.length === 1;
    } catch (error) {
      if (hasFailed(error)) {
        throw new RegistryError("REFERENCED", {
          message: `more than ${MAX_DELETED_TAGS} tags point to ${digest}; delete tags first`,
          cause: error,
        });
      }
      if (!isStillReferenced(error)) {
        const tags = { sql: "t.digest = ?2", parameters: [digest] };
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

/** What the tags of a push point to before it, where that is something else: a row for each push to a repository that is there. */
function movedTags(repository: RepositoryName, digest: Digest, tags: string): Condition {
  return {
    sql: `SELECT json_object('detail', (
        SELECT group_concat(t.name || ' was ' || t.digest, ', ') FROM json_each(?4) w
        CROSS JOIN tags t ON t.repository_id = r.id AND t.name = w.value WHERE t.digest <> ?3
      )) AS more
      FROM repositories r WHERE r.name = ?2`,
    parameters: [repository, digest, tags],
  };
}

function tooManyTags(repository: RepositoryName, digest: Digest): Condition {
  return {
    sql: `SELECT 1 FROM repositories r
      CROSS JOIN tags t INDEXED BY tags_by_digest ON t.repository_id = r.id AND t.digest = ?3
      WHERE r.name = ?2 LIMIT 1 OFFSET ${MAX_DELETED_TAGS}`,
    parameters: [repository, digest],
  };
}

/** The manifest's row names the object now; where it named another before, this one stays doomed. */
function claimObject(db: D1Database, object: string): D1PreparedStatement {
  return db
    .prepare(
      `DELETE FROM doomed_objects WHERE key = ?1 AND EXISTS (SELECT 1 FROM manifests WHERE object = ?1)`,
    )
    .bind(object);
}

/** SQL: what was lost is put right by a push. */
function found(column: string): string {
  return `CASE WHEN lost_at IS NULL THEN ${column} ELSE excluded.${column} END`;
}
