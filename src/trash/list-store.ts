import type { NameRange } from "../auth/policy/ranges.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName, Tag } from "../oci/reference.ts";
import { idAt } from "../db/audit.ts";
import { merge, prepare } from "../db/sql.ts";

/** An entry of a tag's history: what it pointed to until it was moved or deleted. */
export interface PastTag {
  /** The id begins with the time, so entries sort by their ids. */
  readonly id: string;
  readonly tag: Tag;
  readonly digest: Digest;
  /** What the tag pointed to afterwards; null if it was deleted. */
  readonly successor: Digest | null;
  /** Milliseconds since 1970. */
  readonly changedAt: number;
  readonly changedBy: string | null;
}

export interface DeletedManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string;
  /** Milliseconds since 1970. */
  readonly deletedAt: number;
  readonly deletedBy: string | null;
}

export interface DeletedRepository {
  readonly id: number;
  /** The name that it had. */
  readonly name: RepositoryName;
  /** When it was deleted, in milliseconds since 1970; 0 if it was purged. */
  readonly deletedAt: number;
  readonly deletedBy: string | null;
}

/** A page of what was deleted or changed after a moment. */
export interface PastPage<Place> {
  /** The moment, in milliseconds since 1970. */
  readonly since: number;
  /** The cursor that the last page ended with; null for the first page. */
  readonly after: Place | null;
  readonly limit: number;
}

/** The cursor of a list of deleted manifests, which is sorted by time. */
export type ManifestPlace = Pick<DeletedManifest, "deletedAt" | "digest">;
/** The cursor of a list of deleted repositories, which is sorted by name, then by time. */
export type RepositoryPlace = Pick<DeletedRepository, "name" | "deletedAt" | "id">;

const TAG_COLUMNS = `h.id, h.tag, h.digest, h.successor, h.changed_at AS changedAt, h.changed_by AS changedBy`;
/** A text that sorts after every id and digest. */
const ABOVE = "~";

/** D1: what was deleted, and what tags pointed to, as long as it can be restored. */
export class TrashLists {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Returns the changes of a repository's tags, or of one tag, the newest first. */
  async tags(
    repository: RepositoryName,
    tag: Tag | null,
    { since, after, limit }: PastPage<string>,
  ): Promise<PastTag[]> {
    const which =
      tag === null
        ? `tag_history h ON h.repository_id = r.id`
        : `tag_history h INDEXED BY tag_history_by_tag ON h.repository_id = r.id AND h.tag = :tag`;
    const { results } = await prepare(
      this.#db,
      `SELECT ${TAG_COLUMNS} FROM repositories r
       CROSS JOIN ${which} AND h.id >= :first AND h.id < :after
       WHERE r.name = :repository ORDER BY h.id DESC LIMIT :limit`,
      merge(
        { repository, first: idAt(since + 1), after: after ?? ABOVE, limit },
        tag === null ? {} : { tag },
      ),
    ).all<PastTag>();
    return results;
  }

  /** Returns a repository's deleted manifests, the newest first. */
  async manifests(
    repository: RepositoryName,
    { since, after, limit }: PastPage<ManifestPlace>,
  ): Promise<DeletedManifest[]> {
    const { deletedAt, digest } = after ?? { deletedAt: Number.MAX_SAFE_INTEGER, digest: ABOVE };
    const { results } = await prepare(
      this.#db,
      `SELECT m.digest, m.media_type AS mediaType, m.artifact_type AS artifactType,
         m.deleted_at AS deletedAt, m.deleted_by AS deletedBy
       FROM repositories r
       CROSS JOIN manifests m INDEXED BY deleted_manifests
         ON m.repository_id = r.id AND m.deleted_at > :since AND (m.deleted_at, m.digest) < (:deletedAt, :digest)
       WHERE r.name = :repository ORDER BY m.deleted_at DESC, m.digest DESC LIMIT :limit`,
      { repository, since, deletedAt, digest, limit },
    ).all<DeletedManifest>();
    return results;
  }

  /**
   * Returns the first deleted repositories whose former names lie in some ranges, including those that can no longer be
   * restored. Each range is looked up in its index and returns at most a page.
   */
  async repositories(
    ranges: readonly NameRange[],
    { name, deletedAt, id }: RepositoryPlace,
    limit: number,
  ): Promise<DeletedRepository[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT id, former_name AS name, deleted_at AS deletedAt, deleted_by AS deletedBy
       FROM repositories WHERE id IN (
         SELECT r.id FROM json_each(:ranges) w CROSS JOIN repositories r ON r.id IN (
           SELECT id FROM repositories INDEXED BY deleted_repositories
           WHERE deleted_at IS NOT NULL AND former_name <= w.value ->> 'to'
             AND (former_name, deleted_at, id) > (
               w.value ->> 'from',
               CASE w.value ->> 'from' WHEN :name THEN :deletedAt ELSE -1 END,
               CASE w.value ->> 'from' WHEN :name THEN :id ELSE 0 END)
           ORDER BY former_name, deleted_at, id LIMIT :limit)
       ) ORDER BY former_name, deleted_at, id LIMIT :limit`,
      { ranges: JSON.stringify(ranges), name, deletedAt, id, limit },
    ).all<DeletedRepository>();
    return results;
  }
}
