import type { RepositoryName } from "../oci/reference.ts";

/** How often a tag was pulled on a day; the tag is "" for pulls by digest. */
export interface PullCount {
  readonly repository: RepositoryName;
  readonly tag: string;
  /** Days since 1970. */
  readonly day: number;
  readonly count: number;
}

/** D1: pulls, by tag and day. */
export class PullIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Adds to what was counted before; repositories that have gone are passed over. */
  async add(counts: readonly PullCount[]): Promise<void> {
    await this.#db
      .prepare(
        `INSERT INTO pulls (repository_id, tag, day, count)
         SELECT r.id, w.value ->> 'tag', w.value ->> 'day', sum(w.value ->> 'count')
         FROM json_each(?1) w CROSS JOIN repositories r ON r.name = w.value ->> 'repository'
         GROUP BY 1, 2, 3
         ON CONFLICT (repository_id, tag, day) DO UPDATE SET count = count + excluded.count`,
      )
      .bind(JSON.stringify(counts))
      .run();
  }
}
