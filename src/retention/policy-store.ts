import { RegistryError } from "../oci/errors.ts";
import type { Namespace, RepositoryName } from "../oci/reference.ts";
import { type AuditEntry, auditChange, type Initiator } from "../db/audit.ts";
import { IN_FORCE } from "./run-store.ts";
import { prepare } from "../db/sql.ts";

export interface StoredPolicy {
  /** JSON as it was sent, or null without a policy. */
  readonly policy: string | null;
}

export interface RepositoryPolicy extends StoredPolicy {
  readonly id: number;
  /** The owner of the policy in force. */
  readonly of: "repository" | "namespace" | null;
  /** When the next run is due, in milliseconds since 1970, or null without a policy. */
  readonly nextAt: number | null;
  /** JSON: a RunReport of the last finished run, or null. */
  readonly last: string | null;
}

/** The result of a finished run; times are in milliseconds since 1970. */
export interface RunReport {
  readonly beganAt: number;
  readonly endedAt: number;
  /** Deleted images, and deleted manifests in all. */
  readonly images: number;
  readonly manifests: number;
}

/** D1: the retention policies of repositories and namespaces. */
export class PolicyStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Reads the policy in force in the repository. @throws NAME_UNKNOWN */
  async ofRepository(name: RepositoryName): Promise<RepositoryPolicy> {
    const row = await prepare(
      this.#db,
      `SELECT r.id, ${IN_FORCE} AS policy, x.last,
         CASE WHEN r.retention IS NOT NULL THEN 'repository'
           WHEN ${IN_FORCE} IS NOT NULL THEN 'namespace' END AS "of",
         CASE WHEN ${IN_FORCE} IS NOT NULL THEN x.next_at END AS nextAt
       FROM repositories r LEFT JOIN retention_runs x ON x.repository_id = r.id WHERE r.name = :name`,
      { name },
    ).first<RepositoryPolicy>();
    if (row === null) throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
    return row;
  }

  /** Reads the namespace's policy. @throws NOT_FOUND */
  async ofNamespace(name: Namespace): Promise<StoredPolicy> {
    const row = await prepare(
      this.#db,
      `SELECT retention AS policy FROM namespaces WHERE name = :name`,
      { name },
    ).first<StoredPolicy>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return row;
  }

  /** Sets the repository's policy, to be carried out soon. @throws NAME_UNKNOWN */
  async setRepository(name: RepositoryName, policy: string, initiator: Initiator): Promise<void> {
    const there = { sql: `SELECT 1 FROM repositories WHERE name = :name`, values: { name } };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, { action: "retention.set", repository: name }, there),
      prepare(
        this.#db,
        `UPDATE repositories SET retention = :policy WHERE name = :name RETURNING id`,
        { name, policy },
      ),
    ]);
    if (results[1]?.results.length !== 1) {
      throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
    }
  }

  /**
   * Removes the repository's own policy; its namespace's applies from then on.
   * @throws NOT_FOUND when it has none of its own
   */
  async removeRepository(name: RepositoryName, initiator: Initiator): Promise<void> {
    const there = {
      sql: `SELECT 1 FROM repositories WHERE name = :name AND retention IS NOT NULL`,
      values: { name },
    };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, { action: "retention.remove", repository: name }, there),
      prepare(
        this.#db,
        `UPDATE repositories SET retention = NULL WHERE name = :name AND retention IS NOT NULL RETURNING id`,
        { name },
      ),
    ]);
    if (results[1]?.results.length !== 1) throw none();
  }

  /** Sets the policy of all repositories without one of their own, to be carried out soon. @throws NOT_FOUND */
  async setNamespace(name: Namespace, policy: string, initiator: Initiator): Promise<void> {
    const there = { sql: `SELECT 1 FROM namespaces WHERE name = :name`, values: { name } };
    const entry: AuditEntry = { action: "retention.set", namespace: name, reference: name };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, there),
      prepare(
        this.#db,
        `UPDATE namespaces SET retention = :policy WHERE name = :name RETURNING name`,
        { name, policy },
      ),
    ]);
    if (results[1]?.results.length !== 1) throw new RegistryError("NOT_FOUND");
  }

  /** Removes the namespace's policy. @throws NOT_FOUND when it has none */
  async removeNamespace(name: Namespace, initiator: Initiator): Promise<void> {
    const there = {
      sql: `SELECT 1 FROM namespaces WHERE name = :name AND retention IS NOT NULL`,
      values: { name },
    };
    const entry: AuditEntry = { action: "retention.remove", namespace: name, reference: name };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, there),
      prepare(
        this.#db,
        `UPDATE namespaces SET retention = NULL WHERE name = :name AND retention IS NOT NULL RETURNING name`,
        { name },
      ),
    ]);
    if (results[1]?.results.length !== 1) throw none();
  }
}

function none(): RegistryError {
  return new RegistryError("NOT_FOUND", { message: "there is no retention policy of its own" });
}
