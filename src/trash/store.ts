import type { Digest } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { versionKey } from "../oci/version-key.ts";
import { assertion, hasFailed, retry } from "../db/retry.ts";
import { type AuditEntry, auditChange, auditFound, type Initiator } from "../db/audit.ts";
import { isUnresolved, refuseChange } from "../db/errors.ts";
import { restorePlan, restore } from "./restore-store.ts";
import { restoreTags, tagsDeletedWith } from "./restore-tags-store.ts";
import { merge, prepare } from "../db/sql.ts";
import { rememberTags } from "../db/tag-history.ts";
import { sizeOf } from "../db/tag-rows.ts";
import { requireInTime } from "../db/trash-window.ts";

/** What was restored; empty if all of it was there already. */
export interface Restored {
  /** The manifest that the tag points to now, or that was restored; null for a repository. */
  readonly digest: Digest | null;
  /** What the tag pointed to just before; null if there was no such tag. */
  readonly replaced: Digest | null;
  readonly tags: readonly Tag[];
  /** The manifests that were restored, the requested one first. */
  readonly manifests: readonly Digest[];
}

/** What a tag pointed to, and the present state of that manifest. */
interface Past {
  readonly repositoryId: number;
  /** What the tag points to now; null if the tag does not exist. */
  readonly current: Digest | null;
  /** The id of the tag's history entry; null if there is none. */
  readonly id: string | null;
  readonly digest: Digest;
  readonly changedAt: number;
  /** Whether the manifest's row still exists, and when it was deleted; null if it was not. */
  readonly stored: 0 | 1;
  readonly deletedAt: number | null;
}

/** D1: brings back what was deleted. Each restoration is one batch, held to what was read before it. */
export class RestoreStore {
  readonly #db: D1Database;
  readonly #age: number;

  /** @param age how long deleted content can be restored, in milliseconds */
  constructor(db: D1Database, age: number) {
    this.#db = db;
    this.#age = age;
  }

  /**
   * Points the tag to what it pointed to before its last change, or to another digest that it once pointed to, and
   * restores that manifest if it was deleted.
   * @throws NAME_UNKNOWN, NOT_FOUND if the tag has no such history, IMMUTABLE, QUOTA_EXCEEDED, or CONFLICT if something
   *   was purged
   */
  restoreTag(
    repository: RepositoryName,
    tag: Tag,
    digest: Digest | null,
    initiator: Initiator,
  ): Promise<Restored> {
    return retry(async () => {
      const past = await this.#past(repository, tag, digest);
      const wanted = digest ?? (past.id === null ? null : past.digest);
      if (wanted !== null && wanted === past.current) return unchanged(wanted);
      this.#requireRestorable(past, repository, digest === null ? tag : `${tag} at ${digest}`);
      return this.#point(repository, tag, past, initiator);
    });
  }

  /**
   * Restores a manifest with all that it names, and with the tags and the referrers that were deleted at the same
   * moment.
   * @throws NAME_UNKNOWN, NOT_FOUND if there is none of that digest, QUOTA_EXCEEDED, or CONFLICT if something was
   *   purged
   */
  restoreManifest(
    repository: RepositoryName,
    digest: Digest,
    initiator: Initiator,
  ): Promise<Restored> {
    return retry(async () => {
      const found = await prepare(
        this.#db,
        `SELECT r.id AS repositoryId, m.digest, m.deleted_at AS deletedAt FROM repositories r
         LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest WHERE r.name = :repository`,
        { repository, digest },
      ).first<{ repositoryId: number; digest: Digest | null; deletedAt: number | null }>();
      if (found === null) throw new RegistryError("NAME_UNKNOWN", { detail: { name: repository } });
      const { repositoryId, deletedAt } = found;
      if (found.digest === null) {
        throw new RegistryError("NOT_FOUND", {
          message: `${repository} has no manifest ${digest}, and none that can be restored`,
        });
      }
      if (deletedAt === null) return unchanged(digest);
      requireInTime(`the manifest ${digest} was deleted`, deletedAt, this.#age);
      const root = { repositoryId, digest, deletedAt };
      const manifests = await restorePlan(this.#db, root);
      const pastTags = await tagsDeletedWith(this.#db, root, manifests);
      const results = await this.#attempt<{ name: Tag }>(repository, null, [
        assertion(this.#db, stillThere(repository, repositoryId, digest, deletedAt)),
        auditChange(this.#db, initiator, {
          action: "manifest.restore",
          repository,
          digest,
          ...counted(manifests),
        }),
        ...restore(this.#db, repositoryId, manifests),
        ...restoreTags(this.#db, repositoryId, pastTags),
      ]);
      if (results === null) return null;
      const tags = results.flatMap((result) => result.results).flatMap(({ name }) => name ?? []);
      return { digest, replaced: null, tags, manifests: rootFirst(digest, manifests) };
    });
  }

  async #past(repository: RepositoryName, tag: Tag, digest: Digest | null): Promise<Past> {
    const entry =
      digest === null
        ? `tag_history p INDEXED BY tag_history_by_tag WHERE p.repository_id = r.id AND p.tag = :tag`
        : `tag_history p INDEXED BY tag_history_by_digest
           WHERE p.repository_id = r.id AND p.digest = :digest AND p.tag = :tag`;
    const past = await prepare(
      this.#db,
      `SELECT r.id AS repositoryId, t.digest AS current, h.id, h.digest, h.changed_at AS changedAt,
         m.digest IS NOT NULL AS stored, m.deleted_at AS deletedAt
       FROM repositories r
       LEFT JOIN tags t ON t.repository_id = r.id AND t.name = :tag
       LEFT JOIN tag_history h ON h.repository_id = r.id
         AND h.id = (SELECT p.id FROM ${entry} ORDER BY p.id DESC LIMIT 1)
       LEFT JOIN manifests m ON m.repository_id = r.id AND m.digest = h.digest
       WHERE r.name = :repository`,
      merge({ repository, tag }, digest === null ? {} : { digest }),
    ).first<Past>();
    if (past !== null) return past;
    throw new RegistryError("NAME_UNKNOWN", { detail: { name: repository } });
  }

  #requireRestorable(past: Past, repository: RepositoryName, what: string): void {
    if (past.id === null) {
      throw new RegistryError("NOT_FOUND", {
        message: `the tag ${what} has no history in ${repository}: it was never moved or deleted, that was longer ago than TRASH_DAYS, or it was purged`,
      });
    }
    requireInTime(`the tag ${what} was changed`, past.changedAt, this.#age);
    if (past.stored === 1) return;
    throw new RegistryError("CONFLICT", {
      message: `the manifest ${past.digest} that the tag pointed to is not there any more; push it again`,
      detail: [{ digest: past.digest }],
    });
  }

  async #point(
    repository: RepositoryName,
    tag: Tag,
    past: Past,
    initiator: Initiator,
  ): Promise<Restored | null> {
    const { repositoryId, id, digest, deletedAt } = past;
    const now = Date.now();
    const root = { repositoryId, digest, deletedAt: deletedAt ?? 0 };
    const manifests = deletedAt === null ? [] : await restorePlan(this.#db, root);
    const entry: AuditEntry = { action: "tag.restore", repository, reference: tag, digest };
    const there = stillThere(repository, repositoryId, digest, deletedAt);
    const elsewhere = {
      sql: `SELECT json_object('detail', coalesce(:detail || ', was ' || t.digest, 'was ' || t.digest, :detail)) AS more
        FROM (SELECT 1) LEFT JOIN tags t ON t.repository_id = :repositoryId AND t.name = :tag
        WHERE t.digest IS NOT :digest`,
      values: { repositoryId, tag, digest, detail: counted(manifests).detail ?? null },
    };
    const which = {
      sql: `t.repository_id = :repositoryId AND t.name = :tag`,
      values: { repositoryId, tag },
    };
    const results = await this.#attempt<{ digest: Digest }>(repository, { tag, digest }, [
      assertion(this.#db, {
        sql: `${there.sql} AND EXISTS (
          SELECT 1 FROM tag_history WHERE repository_id = :repositoryId AND id = :historyId)`,
        values: merge(there.values, { historyId: id }),
      }),
      auditFound(this.#db, initiator, entry, elsewhere),
      prepare(
        this.#db,
        `SELECT digest FROM tags WHERE repository_id = :repositoryId AND name = :tag`,
        { repositoryId, tag },
      ),
      ...(manifests.length === 0 ? [] : restore(this.#db, repositoryId, manifests)),
      rememberTags(this.#db, { now, initiator, successor: digest }, which),
      prepare(
        this.#db,
        `INSERT INTO tags (repository_id, name, digest, updated_at, version_key, size)
         VALUES (:repositoryId, :tag, :digest, :now, :versionKey, ${sizeOf(":repositoryId", ":digest")})
         ON CONFLICT (repository_id, name) DO UPDATE
         SET digest = excluded.digest, updated_at = excluded.updated_at, size = excluded.size
         WHERE digest <> excluded.digest`,
        { repositoryId, tag, digest, now, versionKey: versionKey(tag) },
      ),
    ]);
    if (results === null) return null;
    const replaced = results[2]?.results[0]?.digest ?? null;
    if (replaced === digest) return unchanged(digest);
    return { digest, replaced, tags: [tag], manifests: rootFirst(digest, manifests) };
  }

  /**
   * Runs a restore's batch.
   * @returns null if something has changed since it was read; nothing was done then
   */
  async #attempt<Row>(
    repository: RepositoryName,
    moved: { readonly tag: Tag; readonly digest: Digest } | null,
    statements: D1PreparedStatement[],
  ): Promise<D1Result<Row>[] | null> {
    try {
      return await this.#db.batch<Row>(statements);
    } catch (error) {
      if (hasFailed(error) || isUnresolved(error)) return null;
      if (moved === null) return refuseChange(this.#db, repository, error);
      const { tag, digest } = moved;
      const which = { sql: "t.name = :tag AND t.digest <> :digest", values: { tag, digest } };
      return refuseChange(this.#db, repository, error, which);
    }
  }
}

function rootFirst(digest: Digest, manifests: readonly Digest[]): Digest[] {
  return [digest, ...manifests.filter((other) => other !== digest)].slice(0, manifests.length);
}

function unchanged(digest: Digest): Restored {
  return { digest, replaced: null, tags: [], manifests: [] };
}

/** The condition that the manifest is as it was read. */
function stillThere(
  repository: RepositoryName,
  repositoryId: number,
  digest: Digest,
  deletedAt: number | null,
) {
  return {
    sql: `SELECT 1 FROM repositories r
      JOIN manifests m ON m.repository_id = r.id AND m.digest = :digest AND m.deleted_at IS :deletedAt
      WHERE r.id = :repositoryId AND r.name = :repository`,
    values: { repositoryId, repository, digest, deletedAt },
  };
}

function counted(manifests: readonly Digest[]): { detail?: string } {
  return manifests.length < 2 ? {} : { detail: `${manifests.length} manifests` };
}
