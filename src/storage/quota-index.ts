import { RegistryError } from "../oci/errors.ts";
import type { Namespace } from "../oci/reference.ts";
import type { Origin } from "./audit-index.ts";
import { edit } from "./change.ts";

/** How much there is, and how much there may be; null for as much as there is room for. */
export interface Measure {
  readonly used: number;
  readonly limit: number | null;
}

export interface Quota {
  /** Of all blobs of the namespace, each once. */
  readonly bytes: Measure;
  readonly repositories: Measure;
}

/** What is left out stays as it is. */
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
export class QuotaIndex {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @throws NOT_FOUND when there is no such namespace */
  async find(namespace: Namespace): Promise<Quota> {
    const row = await this.#db
      .prepare(
        `SELECT coalesce(u.bytes, 0) AS bytes, coalesce(u.repositories, 0) AS repositories,
           q.bytes AS maxBytes, q.repositories AS maxRepositories
         FROM namespaces n LEFT JOIN namespace_usage u ON u.namespace = n.name
         LEFT JOIN quotas q ON q.namespace = n.name WHERE n.name = ?1`,
      )
      .bind(namespace)
      .first<Row>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return measured(row);
  }

  /**
   * A limit may be below what is there: then nothing is added until it fits again.
   * @throws NOT_FOUND when there is no such namespace
   */
  async set(namespace: Namespace, limits: Limits, origin: Origin): Promise<Quota> {
    const { bytes, repositories } = limits;
    const given = Object.entries(limits).filter(([, limit]) => limit !== undefined);
    const detail = given.map(([of, limit]) => `${of}=${String(limit ?? "none")}`).join(" ");
    const row = { sql: `SELECT 1 FROM namespaces WHERE name = ?2`, parameters: [namespace] };
    const changed = await edit<Row>(
      this.#db,
      { origin, deed: { action: "quota.update", namespace, reference: namespace, detail }, row },
      this.#db
        .prepare(
          `INSERT INTO quotas AS q (namespace, bytes, repositories)
           SELECT name, ?2, ?3 FROM namespaces WHERE name = ?1
           ON CONFLICT (namespace) DO UPDATE
           SET bytes = iif(?4, excluded.bytes, bytes), repositories = iif(?5, excluded.repositories, repositories)
           RETURNING bytes AS maxBytes, repositories AS maxRepositories,
             coalesce((SELECT u.bytes FROM namespace_usage u WHERE u.namespace = ?1), 0) AS bytes,
             coalesce((SELECT u.repositories FROM namespace_usage u WHERE u.namespace = ?1), 0) AS repositories`,
        )
        .bind(
          namespace,
          bytes ?? null,
          repositories ?? null,
          bytes === undefined ? 0 : 1,
          repositories === undefined ? 0 : 1,
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
