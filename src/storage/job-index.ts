import { NOW } from "./clock.ts";

/** D1: what runs when nobody asks, one at a time, and where each stands. */
export class JobIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Takes a job on, so that nobody else does it at the same time.
   * @param lease after so many milliseconds its holder is believed to have died
   * @returns its state, or null while somebody else is at it
   */
  async acquire<State>(name: string, lease: number): Promise<Partial<State> | null> {
    const row = await this.#db
      .prepare(
        `INSERT INTO jobs (name, lease_until) VALUES (?1, ${NOW} + ?2)
         ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until WHERE lease_until <= ${NOW}
         RETURNING state`,
      )
      .bind(name, lease)
      .first<{ state: string }>();
    return row === null ? null : (JSON.parse(row.state) as Partial<State>);
  }

  /** Lays the job down in a new state. */
  async release(name: string, state: object): Promise<void> {
    await this.#db
      .prepare(`UPDATE jobs SET state = ?2, lease_until = 0 WHERE name = ?1`)
      .bind(name, JSON.stringify(state))
      .run();
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
