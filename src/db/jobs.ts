import { NOW } from "./clock.ts";

/** While an import is under way, and until it is done, the index does not say what is in use. */
export const IMPORT_JOB = "import";

/** A job that somebody has taken on. */
export interface HeldJob<State> {
  readonly name: string;
  readonly state: Partial<State>;
  /** When its holder is believed to have died, which tells this holder from the next one. */
  readonly until: number;
}

/** D1: what runs when nobody asks, one at a time, and where each stands. */
export class JobStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Takes a job on, so that nobody else does it at the same time.
   * @param lease after so many milliseconds its holder is believed to have died
   * @returns null while somebody else is at it
   */
  async acquire<State>(name: string, lease: number): Promise<HeldJob<State> | null> {
    const row = await this.#db
      .prepare(
        `INSERT INTO jobs (name, lease_until) VALUES (?1, ${NOW} + ?2)
         ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until WHERE lease_until <= ${NOW}
         RETURNING state, lease_until AS until`,
      )
      .bind(name, lease)
      .first<{ state: string; until: number }>();
    if (row === null) return null;
    return { name, state: JSON.parse(row.state) as Partial<State>, until: row.until };
  }

  /**
   * Lays the job down in a new state.
   * @returns false where it took too long: somebody else has taken the job on since, and the state is theirs
   */
  async release({ name, until }: HeldJob<unknown>, state: object): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(`UPDATE jobs SET state = ?3, lease_until = 0 WHERE name = ?1 AND lease_until = ?2`)
      .bind(name, until, JSON.stringify(state))
      .run();
    return meta.changes > 0;
  }

  /** The state that it was laid down in last; null before the first time. */
  async state<State>(name: string): Promise<Partial<State> | null> {
    const row = await this.#db
      .prepare(`SELECT state FROM jobs WHERE name = ?1`)
      .bind(name)
      .first<{ state: string }>();
    return row === null ? null : (JSON.parse(row.state) as Partial<State>);
  }
}
