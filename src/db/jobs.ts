import { NOW } from "./clock.ts";
import { prepare } from "./sql.ts";

/** The job of an import. While its state is not "done", the database cannot tell which objects are in use. */
export const IMPORT_JOB = "import";

/** A job whose lease is held. */
export interface LeasedJob<State> {
  readonly name: string;
  readonly state: Partial<State>;
  /** When the lease ends, in milliseconds since 1970. The value also tells this holder from the next one. */
  readonly until: number;
}

/** D1: what runs when nobody asks, one at a time, and where each stands. */
export class JobStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Takes the lease of a job, so that nobody else runs it at the same time.
   * @param lease how long the lease lasts, in milliseconds; after that the holder is believed to have died
   * @returns null while another holder has the lease
   */
  async acquire<State>(name: string, lease: number): Promise<LeasedJob<State> | null> {
    const row = await prepare(
      this.#db,
      `INSERT INTO jobs (name, lease_until) VALUES (:name, ${NOW} + :lease)
       ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until WHERE lease_until <= ${NOW}
       RETURNING state, lease_until AS until`,
      { name, lease },
    ).first<{ state: string; until: number }>();
    if (row === null) return null;
    return { name, state: JSON.parse(row.state) as Partial<State>, until: row.until };
  }

  /**
   * Ends the lease and stores the job's new state.
   * @returns false if the job ran longer than its lease and another holder has taken it: the stored state is then
   *   theirs
   */
  async release({ name, until }: LeasedJob<unknown>, state: object): Promise<boolean> {
    const { meta } = await prepare(
      this.#db,
      `UPDATE jobs SET state = :state, lease_until = 0 WHERE name = :name AND lease_until = :until`,
      { name, until, state: JSON.stringify(state) },
    ).run();
    return meta.changes > 0;
  }

  /**
   * Stores a job's state in the middle of its work, and has the lease last anew.
   * @param lease how long it lasts from now, in milliseconds
   * @returns the job as it is held from now on; null if another holder has taken it
   */
  async renew<State>(
    { name, until }: LeasedJob<unknown>,
    state: State,
    lease: number,
  ): Promise<LeasedJob<State> | null> {
    const row = await prepare(
      this.#db,
      `UPDATE jobs SET state = :state, lease_until = ${NOW} + :lease
       WHERE name = :name AND lease_until = :until RETURNING lease_until AS until`,
      { name, until, state: JSON.stringify(state), lease },
    ).first<{ until: number }>();
    return row === null ? null : { name, state, until: row.until };
  }

  /** Returns the state that was stored last; null before the first time. */
  async state<State>(name: string): Promise<Partial<State> | null> {
    const row = await prepare(this.#db, `SELECT state FROM jobs WHERE name = :name`, {
      name,
    }).first<{ state: string }>();
    return row === null ? null : (JSON.parse(row.state) as Partial<State>);
  }
}
