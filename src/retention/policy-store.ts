import { RegistryError } from "../oci/errors.ts";
import type { Namespace, RepositoryName } from "../oci/reference.ts";
import { auditChange, type Initiator } from "../db/audit.ts";
import { IN_FORCE } from "./run-store.ts";

export interface StoredPolicy {
  /** JSON as it was given, or null where there is none. */
  readonly policy: string | null;
}

export interface RepositoryPolicy extends StoredPolicy {
  readonly id: number;
  /** Whose policy it is. */
  readonly of: "repository" | "namespace" | null;
  /** Milliseconds since 1970, or null where there is no policy. */
  readonly nextAt: number | null;
  /** JSON: a RunReport of the last run that ended, or null. */
  readonly last: string | null;
}

/** What a run that has ended did, and when, in milliseconds since 1970. */
export interface RunReport {
  readonly beganAt: number;
  readonly endedAt: number;
  /** Images that went, and manifests in all. */
  readonly images: number;
  readonly manifests: number;
}

/** D1: the lifecycle policies of repositories and namespaces. */
export class PolicyStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The policy that holds in the repository. @throws NAME_UNKNOWN */
  async ofRepository(name: RepositoryName): Promise<RepositoryPolicy> {
    const row = await this.#db
      .prepare(
        `SELECT r.id, ${IN_FORCE} AS policy, x.last,
           CASE WHEN r.retention IS NOT NULL THEN 'repository'
             WHEN ${IN_FORCE} IS NOT NULL THEN 'namespace' END AS "of",
           CASE WHEN ${IN_FORCE} IS NOT NULL THEN x.next_at END AS nextAt
         FROM repositories r LEFT JOIN retention_runs x ON x.repository_id = r.id WHERE r.name = ?1`,
      )
      .bind(name)
      .first<RepositoryPolicy>();
    if (row === null) throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
    return row;
  }

  /** @throws NOT_FOUND */
  async ofNamespace(name: Namespace): Promise<StoredPolicy> {
    const row = await this.#db
      .prepare(`SELECT retention AS policy FROM namespaces WHERE name = ?1`)
      .bind(name)
      .first<StoredPolicy>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return row;
  }

  /** Carries it out soon. @throws NAME_UNKNOWN */
  async setRepository(name: RepositoryName, policy: string, initiator: Initiator): Promise<void> {
    const there = { sql: `SELECT 1 FROM repositories WHERE name = ?2`, parameters: [name] };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, { action: "retention.set", repository: name }, there),
      this.#db
        .prepare(`UPDATE repositories SET retention = ?2 WHERE name = ?1 RETURNING id`)
        .bind(name, policy),
    ]);
    if (results[1]?.results.length !== 1) {
      throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
    }
  }

  /** From then on its namespace's holds. @throws NOT_FOUND when it has none of its own */
  async removeRepository(name: RepositoryName, initiator: Initiator): Promise<void> {
    const there = {
      sql: `SELECT 1 FROM repositories WHERE name = ?2 AND retention IS NOT NULL`,
      parameters: [name],
    };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, { action: "retention.remove", repository: name }, there),
      this.#db
        .prepare(
          `UPDATE repositories SET retention = NULL WHERE name = ?1 AND retention IS NOT NULL RETURNING id`,
        )
        .bind(name),
    ]);
    if (results[1]?.results.length !== 1) throw none();
  }

  /** Carries it out soon in all repositories without one of their own. @throws NOT_FOUND */
  async setNamespace(name: Namespace, policy: string, initiator: Initiator): Promise<void> {
    const there = { sql: `SELECT 1 FROM namespaces WHERE name = ?2`, parameters: [name] };
    const entry = { action: "retention.set", namespace: name, reference: name };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, there),
      this.#db
        .prepare(`UPDATE namespaces SET retention = ?2 WHERE name = ?1 RETURNING name`)
        .bind(name, policy),
    ]);
    if (results[1]?.results.length !== 1) throw new RegistryError("NOT_FOUND");
  }

  /** @throws NOT_FOUND when it has none */
  async removeNamespace(name: Namespace, initiator: Initiator): Promise<void> {
    const there = {
      sql: `SELECT 1 FROM namespaces WHERE name = ?2 AND retention IS NOT NULL`,
      parameters: [name],
    };
    const entry = { action: "retention.remove", namespace: name, reference: name };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, there),
      this.#db
        .prepare(
          `UPDATE namespaces SET retention = NULL WHERE name = ?1 AND retention IS NOT NULL RETURNING name`,
        )
        .bind(name),
    ]);
    if (results[1]?.results.length !== 1) throw none();
  }
}

function none(): RegistryError {
  return new RegistryError("NOT_FOUND", { message: "there is no lifecycle policy of its own" });
}
