import type { RepositoryName } from "../oci/reference.ts";
import { NOW } from "../db/clock.ts";
import { expire, type Expiry } from "./deletion-store.ts";

/** A repository whose policy is due, or is being carried out. */
export interface Run {
  /** The repository's id. */
  readonly id: number;
  readonly repository: RepositoryName;
  readonly isDeleted: boolean;
  /** JSON: the policy that is in force, or null. */
  readonly inForce: string | null;
  /** JSON: the policy that is being carried out, and the progress; both null between two runs. */
  readonly policy: string | null;
  readonly state: string | null;
  readonly step: number;
}

/** The progress of a run. */
export interface Progress {
  readonly policy: string;
  readonly state: object;
  /** When to continue, in milliseconds since 1970: runs that were due before go first. */
  readonly nextAt: number;
}

/** Repositories that one batch of the backlog covers. */
const SWEPT = 500;
const DAY = 86_400_000;

/** SQL over `repositories r`: the policy in force in a repository. */
export const IN_FORCE = `coalesce(r.retention, (SELECT n.retention FROM namespaces n WHERE n.name = r.namespace))`;
const RUN = `SELECT x.repository_id AS id, r.name AS repository, r.deleted_at IS NOT NULL AS isDeleted,
    ${IN_FORCE} AS inForce, x.policy, x.state, x.step
  FROM retention_runs x CROSS JOIN repositories r ON r.id = x.repository_id`;

/** D1: the runs of policies, with their due times and progress. */
export class RunStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Finds the run that has been due for longest. */
  due(): Promise<Run | null> {
    return this.#run(`WHERE x.next_at <= ${NOW} ORDER BY x.next_at LIMIT 1`, []);
  }

  find(id: number): Promise<Run | null> {
    return this.#run(`WHERE x.repository_id = ?1`, [id]);
  }

  async #run(which: string, parameters: readonly number[]): Promise<Run | null> {
    const row = await this.#db
      .prepare(`${RUN} ${which}`)
      .bind(...parameters)
      .first<Omit<Run, "isDeleted"> & { isDeleted: number }>();
    return row === null ? null : { ...row, isDeleted: row.isDeleted === 1 };
  }

  /**
   * Saves the run's progress and deletes the images, all or nothing.
   * @returns false when another run has continued in the meantime: nothing was done
   */
  async save(
    { id, step }: Pick<Run, "id" | "step">,
    { policy, state, nextAt }: Progress,
    expiry: Omit<Expiry, "repository" | "step"> | null,
  ): Promise<boolean> {
    const results = await this.#db.batch([
      ...(expiry === null ? [] : expire(this.#db, { ...expiry, repository: id, step })),
      this.#db
        .prepare(
          `UPDATE retention_runs SET policy = ?3, state = ?4, next_at = ?5, step = step + 1,
             images = images + (
               SELECT count(*) FROM deletion_batch d WHERE d.repository_id = ?1 AND d.depth = 0),
             manifests = manifests + (
               SELECT count(*) FROM deletion_batch d WHERE d.repository_id = ?1)
           WHERE repository_id = ?1 AND step = ?2 RETURNING step`,
        )
        .bind(id, step, policy, JSON.stringify(state), nextAt),
      this.#db.prepare(`DELETE FROM deletion_batch WHERE repository_id = ?1`).bind(id),
    ]);
    return results.at(-2)?.results.length === 1;
  }

  /** Ends the run, and makes the next one due in a day. */
  async finish({ id, step }: Run, beganAt: number): Promise<void> {
    await this.#db
      .prepare(
        `UPDATE retention_runs SET policy = NULL, state = NULL, step = step + 1, images = 0, manifests = 0,
           next_at = max(?3 + ${DAY}, ${NOW} + ${DAY / 24}),
           last = json_object('beganAt', ?3, 'endedAt', ${NOW}, 'images', images, 'manifests', manifests)
         WHERE repository_id = ?1 AND step = ?2`,
      )
      .bind(id, step, beganAt)
      .run();
  }

  /** Starts a run from the beginning, with its counts at zero. */
  async restart({ id, step }: Run, { policy, state, nextAt }: Progress): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(
        `UPDATE retention_runs SET policy = ?3, state = ?4, next_at = ?5, step = step + 1, images = 0, manifests = 0
         WHERE repository_id = ?1 AND step = ?2`,
      )
      .bind(id, step, policy, JSON.stringify(state), nextAt)
      .run();
    return meta.changes === 1;
  }

  /** Makes the run due after so many milliseconds from now. */
  async postpone({ id }: Run, milliseconds: number): Promise<void> {
    await this.#db
      .prepare(`UPDATE retention_runs SET next_at = ${NOW} + ?2 WHERE repository_id = ?1`)
      .bind(id, milliseconds)
      .run();
  }

  /** Deletes the run of a repository without a policy. */
  async forget({ id, step }: Run): Promise<void> {
    await this.#db
      .prepare(`DELETE FROM retention_runs WHERE repository_id = ?1 AND step = ?2`)
      .bind(id, step)
      .run();
  }

  /**
   * Makes the next repositories of a namespace with a new policy due.
   * @returns false when no namespace is in the backlog
   */
  async sweep(): Promise<boolean> {
    const due = await this.#db
      .prepare(
        `SELECT namespace, after FROM retention_backlog WHERE namespace > '' ORDER BY namespace LIMIT 1`,
      )
      .first<{ namespace: string; after: string }>();
    if (due === null) return false;
    const { namespace, after } = due;
    // The repository with the namespace's own name, then those below it: "0" follows "/" in byte order.
    const { results } = await this.#db
      .prepare(
        `SELECT name FROM repositories WHERE name = ?1 AND ?2 = ''
         UNION ALL
         SELECT name FROM (
           SELECT name FROM repositories WHERE name > max(?2, ?1 || '/') AND name < ?1 || '0'
           ORDER BY name LIMIT ?3)`,
      )
      .bind(namespace, after, SWEPT)
      .all<{ name: string }>();
    const names = results.map(({ name }) => name);
    // A further change of the policy sets the backlog back to its start, and these writes then do nothing.
    const isUnchanged = `EXISTS (SELECT 1 FROM retention_backlog WHERE namespace = ?1 AND after = ?2)`;
    await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO retention_runs (repository_id, next_at)
           SELECT r.id, ${NOW} FROM json_each(?3) w
           CROSS JOIN repositories r ON r.name = w.value AND r.retention IS NULL
           WHERE ${isUnchanged}
           ON CONFLICT (repository_id) DO UPDATE SET next_at = min(next_at, excluded.next_at)`,
        )
        .bind(namespace, after, JSON.stringify(names)),
      names.length < SWEPT
        ? this.#db
            .prepare(`DELETE FROM retention_backlog WHERE namespace = ?1 AND after = ?2`)
            .bind(namespace, after)
        : this.#db
            .prepare(`UPDATE retention_backlog SET after = ?3 WHERE namespace = ?1 AND after = ?2`)
            .bind(namespace, after, names.at(-1) ?? ""),
    ]);
    return true;
  }
}
