import { idOf } from "../db/digests.ts";
import { RAISED } from "../db/raised.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Digest } from "../oci/digest.ts";
import { type Namespace, namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { Initiator } from "../db/audit.ts";
import { edit } from "../db/change.ts";
import { refuseChange } from "../db/errors.ts";
import { type Fragment, merge, prepare } from "../db/sql.ts";

/** The usage and its limit; null for no limit. */
export interface Measure {
  readonly used: number;
  readonly limit: number | null;
}

export interface Quota {
  /** The bytes that count for the namespace; the triggers in db/migrations define what counts. */
  readonly bytes: Measure;
  readonly repositories: Measure;
}

/** The limits to set: null for none; one that is left out stays unchanged. */
export interface Limits {
  readonly bytes?: number | null | undefined;
  readonly repositories?: number | null | undefined;
}

interface Row {
  readonly bytes: number;
  readonly repositories: number;
  readonly maxBytes: number | null;
  readonly maxRepositories: number | null;
}

/** D1: what namespaces take, and may take. The triggers of the migrations count, and refuse what would be too much. */
export class QuotaStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Returns the usage and limits of a namespace.
   * @throws NOT_FOUND if there is no such namespace
   */
  async find(namespace: Namespace): Promise<Quota> {
    const row = await prepare(
      this.#db,
      `SELECT coalesce(u.bytes + u.waiting, 0) AS bytes, coalesce(u.repositories, 0) AS repositories,
         CASE WHEN q.namespace IS NULL THEN b.quota_bytes ELSE q.bytes END AS maxBytes, q.repositories AS maxRepositories
       FROM namespaces n CROSS JOIN bounds b ON b.id = 1 LEFT JOIN namespace_usage u ON u.namespace = n.name
       LEFT JOIN quotas q ON q.namespace = n.name WHERE n.name = :namespace`,
      { namespace },
    ).first<Row>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return measured(row);
  }

  /** Returns how many bytes the namespace has left; null without a limit. */
  async left(namespace: Namespace): Promise<number | null> {
    return prepare(
      this.#db,
      `SELECT max(0, l.bytes - coalesce(u.bytes + u.waiting, 0)) AS "left"
       FROM limits l LEFT JOIN namespace_usage u ON u.namespace = l.namespace WHERE l.namespace = :namespace`,
      { namespace },
    ).first<number>("left");
  }

  /**
   * Accepts bytes beyond the quota if the namespace may hold them already: as the blob of this digest, or, if that is
   * unknown, as one of this size.
   * @throws QUOTA_EXCEEDED
   */
  async requireLinked(
    repository: RepositoryName,
    digest: Digest | null,
    size: number,
  ): Promise<void> {
    const which: Fragment =
      digest === null
        ? { sql: "size = :size", values: { size } }
        : { sql: `digest_id = ${idOf(":digest")}`, values: { digest } };
    const linked = await prepare(
      this.#db,
      `SELECT 1 FROM namespace_blobs WHERE namespace = :namespace AND ${which.sql} LIMIT 1`,
      merge({ namespace: namespaceOf(repository) }, which.values),
    ).first();
    if (linked === null) await refuseChange(this.#db, repository, new Error(RAISED.bytes));
  }

  /** Stores the limits of namespaces that have none of their own. */
  async setBounds(quotaBytes: number | null, maxRepositories: number): Promise<void> {
    await prepare(
      this.#db,
      `UPDATE bounds SET quota_bytes = :quotaBytes, max_repositories = :maxRepositories
       WHERE id = 1 AND (quota_bytes IS NOT :quotaBytes OR max_repositories <> :maxRepositories)`,
      { quotaBytes, maxRepositories },
    ).run();
  }

  /**
   * Sets limits. A limit may be below the present usage: nothing can be added then until the usage is below it again.
   * @throws NOT_FOUND if there is no such namespace
   */
  async set(namespace: Namespace, limits: Limits, initiator: Initiator): Promise<Quota> {
    const { bytes, repositories } = limits;
    const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
    const detail = given.map(([of, limit]) => `${of}=${String(limit ?? "none")}`).join(" ");
    const row = { sql: `SELECT 1 FROM namespaces WHERE name = :namespace`, values: { namespace } };
    const changed = await edit<Row>(
      this.#db,
      {
        initiator,
        entry: { action: "quota.update", namespace, reference: namespace, detail },
        row,
      },
      prepare(
        this.#db,
        `INSERT INTO quotas AS q (namespace, bytes, repositories)
         SELECT name, :bytes, :repositories FROM namespaces WHERE name = :namespace
         ON CONFLICT (namespace) DO UPDATE SET bytes = iif(:setsBytes, excluded.bytes, bytes),
           repositories = iif(:setsRepositories, excluded.repositories, repositories)
         RETURNING bytes AS maxBytes, repositories AS maxRepositories,
           coalesce((SELECT u.bytes + u.waiting FROM namespace_usage u WHERE u.namespace = :namespace), 0) AS bytes,
           coalesce((SELECT u.repositories FROM namespace_usage u WHERE u.namespace = :namespace), 0) AS repositories`,
        {
          namespace,
          bytes: bytes ?? null,
          repositories: repositories ?? null,
          setsBytes: bytes === undefined ? 0 : 1,
          setsRepositories: repositories === undefined ? 0 : 1,
        },
      ),
    );
    return measured(changed);
  }
}

function measured({ bytes, repositories, maxBytes, maxRepositories }: Row): Quota {
  return {
    bytes: { used: bytes, limit: maxBytes },
    repositories: { used: repositories, limit: maxRepositories },
  };
}
