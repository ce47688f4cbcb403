import type { Digest } from "../oci/digest.ts";
import type { RepositoryName } from "../oci/reference.ts";

/** How often a tag was pulled on a day; the tag is "" for pulls by digest. */
export interface PullCount {
  readonly repository: RepositoryName;
  readonly tag: string;
  /** What was pulled; messages from before it was noted have none. */
  readonly digest?: Digest | undefined;
  /** Days since 1970. */
  readonly day: number;
  readonly count: number;
}

/** A day's pulls of a repository's tag. */
export type DayCount = Omit<PullCount, "repository" | "digest">;

/** Which days, of days since 1970: from one, and up to before another. */
export interface Days {
  readonly since: number;
  readonly until: number;
}

/** Rows that one page looks at: those of other days lie between those asked for. */
const MAX_SCANNED = 2_000;

/** D1: pulls, by tag and day. */
export class PullIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Adds to what was counted before, and notes the last day that each manifest was pulled on, which is a write a day;
   * repositories and manifests that have gone are passed over.
   */
  async add(counts: readonly PullCount[]): Promise<void> {
    const list = JSON.stringify(counts);
    await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO pulls (repository_id, tag, day, count)
           SELECT r.id, w.value ->> 'tag', w.value ->> 'day', sum(w.value ->> 'count')
           FROM json_each(?1) w CROSS JOIN repositories r ON r.name = w.value ->> 'repository'
           GROUP BY 1, 2, 3
           ON CONFLICT (repository_id, tag, day) DO UPDATE SET count = count + excluded.count`,
        )
        .bind(list),
      this.#db
        .prepare(
          `INSERT INTO manifest_pulls (repository_id, digest, day)
           SELECT r.id, m.digest, max(w.value ->> 'day')
           FROM json_each(?1) w
           CROSS JOIN repositories r ON r.name = w.value ->> 'repository'
           CROSS JOIN manifests m ON m.repository_id = r.id AND m.digest = w.value ->> 'digest'
           GROUP BY 1, 2
           ON CONFLICT (repository_id, digest) DO UPDATE SET day = excluded.day WHERE day < excluded.day`,
        )
        .bind(list),
    ]);
  }

  /**
   * One page, by tag and then by day.
   * @param after what the last page ended with
   * @returns the counts found, and where the search ended, or null when it saw all there is
   */
  async list(
    repository: RepositoryName,
    { since, until }: Days,
    after: Omit<DayCount, "count">,
    limit: number,
  ): Promise<{ readonly counts: DayCount[]; readonly end: Omit<DayCount, "count"> | null }> {
    const { results } = await this.#db
      .prepare(
        `SELECT tag, day, count, day >= ?4 AND day < ?5 AS wanted FROM (
           SELECT p.tag, p.day, p.count FROM repositories r
           CROSS JOIN pulls p ON p.repository_id = r.id AND (p.tag, p.day) > (?2, ?3)
           WHERE r.name = ?1 ORDER BY p.tag, p.day LIMIT ?6)`,
      )
      .bind(repository, after.tag, after.day, since, until, MAX_SCANNED)
      .all<DayCount & { wanted: number }>();
    const counts = results.flatMap(({ wanted, ...count }) => (wanted === 1 ? count : []));
    const unseen = results.length === MAX_SCANNED ? results.at(-1) : null;
    const end = counts.length > limit ? counts[limit - 1] : unseen;
    return { counts: counts.slice(0, limit), end: end ?? null };
  }
}
