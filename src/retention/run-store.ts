import type { RepositoryName } from "../oci/reference.ts";
import { NOW } from "../db/clock.ts";
import { expire, type Expiry } from "./deletion-store.ts";
import { type Values, prepare } from "../db/sql.ts";

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
    return this.#run(`WHERE x.next_at <= ${NOW} ORDER BY x.next_at LIMIT 1`);
  }

  find(id: number): Promise<Run | null> {
    return this.#run(`WHERE x.repository_id = :id`, { id });
  }

  async #run(which: string, values: Values = {}): Promise<Run | null> {
    const row = await prepare(this.#db, `${RUN} ${which}`, values).first<
      Omit<Run, "isDeleted"> & { isDeleted: number }
    >();
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
      prepare(
        this.#db,
        `UPDATE retention_runs SET policy = :policy, state = :state, next_at = :nextAt, step = step + 1,
           images = images + (
             SELECT count(*) FROM deletion_batch d WHERE d.repository_id = :id AND d.depth = 0),
           manifests = manifests + (
             SELECT count(*) FROM deletion_batch d WHERE d.repository_id = :id)
         WHERE repository_id = :id AND step = :step RETURNING step`,
        { id, step, policy, state: JSON.stringify(state), nextAt },
      ),
      prepare(this.#db, `DELETE FROM deletion_batch WHERE repository_id = :id`, { id }),
    ]);
    return results.at(-2)?.results.length === 1;
  }

  /** Ends the run, and makes the next one due in a day. */
  async finish({ id, step }: Run, beganAt: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE retention_runs SET policy = NULL, state = NULL, step = step + 1, images = 0, manifests = 0,
         next_at = max(:beganAt + ${DAY}, ${NOW} + ${DAY / 24}),
         last = json_object('beganAt', :beganAt, 'endedAt', ${NOW}, 'images', images, 'manifests', manifests)
       WHERE repository_id = :id AND step = :step`,
      { id, step, beganAt },
    ).run();
  }

  /** Starts a run from the beginning, with its counts at zero. */
  async restart({ id, step }: Run, { policy, state, nextAt }: Progress): Promise<boolean> {
    const { meta } = await prepare(
      this.#db,
      `UPDATE retention_runs SET policy = :policy, state = :state, next_at = :nextAt, step = step + 1,
         images = 0, manifests = 0
       WHERE repository_id = :id AND step = :step`,
      { id, step, policy, state: JSON.stringify(state), nextAt },
    ).run();
    return meta.changes === 1;
  }

  /** Makes the run due after so many milliseconds from now. */
  async postpone({ id }: Run, milliseconds: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE retention_runs SET next_at = ${NOW} + :milliseconds WHERE repository_id = :id`,
      { id, milliseconds },
    ).run();
  }

  /** Deletes the run of a repository without a policy. */
  async forget({ id, step }: Run): Promise<void> {
    await prepare(
      this.#db,
      `DELETE FROM retention_runs WHERE repository_id = :id AND step = :step`,
      { id, step },
    ).run();
  }

  /**
   * Makes the next repositories of a namespace with a new policy due.
   * @returns false when no namespace is in the backlog
   */
  async clearBacklog(): Promise<boolean> {
    const due = await prepare(
      this.#db,
      `SELECT namespace, after FROM retention_backlog WHERE namespace > '' ORDER BY namespace LIMIT 1`,
    ).first<{ namespace: string; after: string }>();
    if (due === null) return false;
    // The repository with the namespace's own name, then those below it: "0" follows "/" in byte order.
    const { results } = await prepare(
      this.#db,
      `SELECT name FROM repositories WHERE name = :namespace AND :after = ''
       UNION ALL
       SELECT name FROM (
         SELECT name FROM repositories WHERE name > max(:after, :namespace || '/') AND name < :namespace || '0'
         ORDER BY name LIMIT :swept)`,
      { ...due, swept: SWEPT },
    ).all<{ name: string }>();
    const names = results.map(({ name }) => name);
    // A further change of the policy sets the backlog back to its start, and these writes then do nothing.
    const which = `retention_backlog WHERE namespace = :namespace AND after = :after`;
    await this.#db.batch([
      prepare(
        this.#db,
        `INSERT INTO retention_runs (repository_id, next_at)
         SELECT r.id, ${NOW} FROM json_each(:names) w
         CROSS JOIN repositories r ON r.name = w.value AND r.retention IS NULL
         WHERE EXISTS (SELECT 1 FROM ${which})
         ON CONFLICT (repository_id) DO UPDATE SET next_at = min(next_at, excluded.next_at)`,
        { ...due, names: JSON.stringify(names) },
      ),
      names.length < SWEPT
        ? prepare(this.#db, `DELETE FROM ${which}`, due)
        : prepare(
            this.#db,
            `UPDATE retention_backlog SET after = :last WHERE namespace = :namespace AND after = :after`,
            { ...due, last: names.at(-1) ?? "" },
          ),
    ]);
    return true;
  }
}
