import { idOf } from "../db/digests.ts";
import { IS_BLOB } from "../db/manifest-references.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";
import { prepare } from "../db/sql.ts";

/** The number of pulls of a tag on a day; the tag is "" for pulls by digest. */
export interface PullCount {
  readonly repository: RepositoryName;
  readonly tag: string;
  /** Days since 1970. */
  readonly day: number;
  readonly count: number;
}

/** The number of a day's pulls of one of a repository's tags. */
export type DayCount = Omit<PullCount, "repository">;

/** A manifest or blob that a client asked for on a day, so it is in use. */
export interface Use {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  /** Days since 1970. */
  readonly day: number;
}

/** The most manifests that may name a blob for its use to count as theirs: with more, none of them is looked up. */
const MAX_OWNERS = 20;

/** A range of days since 1970: `since` is included, `until` is not. */
export interface Days {
  readonly since: number;
  readonly until: number;
}

/** The most rows that one page reads: rows of other days may lie between those asked for. */
const MAX_SCANNED = 2_000;

/** D1: pulls, by tag and day. */
export class PullStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Adds to the stored counts; deleted repositories are ignored. */
  async add(counts: readonly PullCount[]): Promise<void> {
    await prepare(
      this.#db,
      `INSERT INTO pulls (repository_id, tag, day, count)
       SELECT r.id, w.value ->> 'tag', w.value ->> 'day', sum(w.value ->> 'count')
       FROM json_each(:counts) w CROSS JOIN repositories r ON r.name = w.value ->> 'repository'
       GROUP BY 1, 2, 3
       ON CONFLICT (repository_id, tag, day) DO UPDATE SET count = count + excluded.count`,
      { counts: JSON.stringify(counts) },
    ).run();
  }

  /**
   * Records the last day on which each manifest was in use, one write a day. The use of a blob counts for the only
   * manifest that names it; the use of a layer that several images share counts for none. Deleted manifests are
   * ignored.
   */
  async use(uses: readonly Use[]): Promise<void> {
    const values = { uses: JSON.stringify(uses) };
    const written = `ON CONFLICT (repository_id, digest) DO UPDATE SET day = excluded.day WHERE day < excluded.day`;
    await this.#db.batch([
      prepare(
        this.#db,
        `INSERT INTO manifest_pulls (repository_id, digest, day)
         SELECT r.id, m.digest, max(w.value ->> 'day')
         FROM json_each(:uses) w
         CROSS JOIN repositories r ON r.name = w.value ->> 'repository'
         CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = w.value ->> 'digest'
         GROUP BY 1, 2 ${written}`,
        values,
      ),
      prepare(
        this.#db,
        `INSERT INTO manifest_pulls (repository_id, digest, day)
         SELECT r.id, m.digest, max(w.value ->> 'day')
         FROM json_each(:uses) w
         CROSS JOIN repositories r ON r.name = w.value ->> 'repository'
         CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = (
           SELECT CASE WHEN count(o.digest) = 1 AND count(*) < ${MAX_OWNERS} THEN max(o.digest) END FROM (
             SELECT f.manifest_id FROM manifest_references f INDEXED BY manifest_references_by_digest
             WHERE f.repository_id = r.id AND f.digest_id = ${idOf("w.value ->> 'digest'")} AND ${IS_BLOB}
             LIMIT ${MAX_OWNERS}) lister
           LEFT JOIN manifests o ON o.id = lister.manifest_id AND o.deleted_at IS NULL)
         GROUP BY 1, 2 ${written}`,
        values,
      ),
    ]);
  }

  /**
   * Reads one page, by tag and then by day.
   * @param after the cursor: the last row of the page before
   * @returns the counts found, and the cursor of the next page, or null at the end
   */
  async list(
    repository: RepositoryName,
    { since, until }: Days,
    after: Omit<DayCount, "count">,
    limit: number,
  ): Promise<{ readonly counts: DayCount[]; readonly end: Omit<DayCount, "count"> | null }> {
    const { results } = await prepare(
      this.#db,
      `SELECT tag, day, count, day >= :since AND day < :until AS wanted FROM (
         SELECT p.tag, p.day, p.count FROM repositories r
         CROSS JOIN pulls p ON p.repository_id = r.id AND (p.tag, p.day) > (:tag, :day)
         WHERE r.name = :repository ORDER BY p.tag, p.day LIMIT :maxScanned)`,
      { repository, tag: after.tag, day: after.day, since, until, maxScanned: MAX_SCANNED },
    ).all<DayCount & { wanted: number }>();
    const counts = results.flatMap(({ wanted, ...count }) => (wanted === 1 ? count : []));
    const unseen = results.length === MAX_SCANNED ? results.at(-1) : null;
    const end = counts.length > limit ? counts[limit - 1] : unseen;
    return { counts: counts.slice(0, limit), end: end ?? null };
  }
}
