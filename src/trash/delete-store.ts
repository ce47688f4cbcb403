import { RegistryError } from "../oci/errors.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import { retry } from "../db/retry.ts";
import { type AuditEntry, auditChange, type Initiator } from "../db/audit.ts";
import { refuseChange } from "../db/errors.ts";
import { type Fragment, prepare } from "../db/sql.ts";
import { requireInTime } from "../db/trash-window.ts";

/** Selects one of the deleted repositories of a name: by its id, or the one that was deleted last. */
export type Generation = number | "newest";

interface Found {
  readonly id: number;
  /** When it was deleted, in milliseconds since 1970: 0 if it was purged, null if it was restored already. */
  readonly deletedAt: number | null;
}

/** SQL for the repository of the name that was deleted last and not purged. */
const NEWEST = `SELECT id, deleted_at AS deletedAt FROM repositories INDEXED BY deleted_repositories
  WHERE deleted_at IS NOT NULL AND former_name = :repository AND deleted_at > 0
  ORDER BY deleted_at DESC, id DESC LIMIT 1`;
const BY_ID = `SELECT id, deleted_at AS deletedAt FROM repositories
  WHERE id = :id AND coalesce(former_name, name) = :repository`;

/** D1: deleted repositories, which come back or go for good. */
export class DeleteStore {
  readonly #db: D1Database;
  readonly #age: number;

  /** @param age how long deleted repositories can be restored, in milliseconds */
  constructor(db: D1Database, age: number) {
    this.#db = db;
    this.#age = age;
  }

  /**
   * Restores a deleted repository under its name.
   * @throws NOT_FOUND, QUOTA_EXCEEDED, or CONFLICT if another repository has the name, or the namespace no longer
   *   exists
   */
  async restore(
    repository: RepositoryName,
    which: Generation,
    initiator: Initiator,
  ): Promise<void> {
    await retry(async () => {
      const found = await this.#find(repository, which);
      if (found === null) throw unknown(repository, which);
      if (found.deletedAt === null) return "done";
      if (found.deletedAt === 0) throw purged(repository);
      requireInTime(`the repository ${repository} was deleted`, found.deletedAt, this.#age);
      return (await this.#restore(repository, found, initiator)) ? "done" : null;
    });
  }

  async #find(repository: RepositoryName, which: Generation): Promise<Found | null> {
    const statement =
      which === "newest"
        ? prepare(this.#db, NEWEST, { repository })
        : prepare(this.#db, BY_ID, { repository, id: which });
    return statement.first<Found>();
  }

  /** @returns false where it was changed meanwhile */
  async #restore(
    repository: RepositoryName,
    { id, deletedAt }: Found,
    initiator: Initiator,
  ): Promise<boolean> {
    const namespace = namespaceOf(repository);
    const ready: Fragment = {
      sql: `SELECT d.id FROM repositories d WHERE d.id = :id AND d.deleted_at = :deletedAt
        AND NOT EXISTS (SELECT 1 FROM repositories WHERE name = :repository)
        AND EXISTS (SELECT 1 FROM namespaces WHERE name = :namespace)`,
      values: { id, deletedAt, repository, namespace },
    };
    const deletion = `deleted at ${new Date(deletedAt ?? 0).toISOString()}`;
    const entry: AuditEntry = { action: "repository.restore", repository, detail: deletion };
    const results = await this.#db
      .batch<{ id: number; taken: number; homeless: number }>([
        auditChange(this.#db, initiator, entry, ready),
        prepare(
          this.#db,
          `UPDATE repositories SET name = former_name, former_name = NULL, deleted_at = NULL,
             deleted_by = NULL, version = version + 1
           WHERE id = (${ready.sql}) RETURNING id`,
          ready.values,
        ),
        prepare(
          this.#db,
          `SELECT EXISTS (SELECT 1 FROM repositories WHERE name = :repository) AS taken,
             NOT EXISTS (SELECT 1 FROM namespaces WHERE name = :namespace) AS homeless`,
          { repository, namespace },
        ),
      ])
      .catch((error: unknown) => refuseChange(this.#db, repository, error));
    if (results[1]?.results.length === 1) return true;
    const why = results[2]?.results[0];
    if (why?.taken === 1) {
      throw new RegistryError("CONFLICT", {
        message: `there is another repository ${repository} by now: delete that first, which can be undone too`,
      });
    }
    if (why?.homeless === 1) {
      throw new RegistryError("CONFLICT", {
        message: `the namespace ${namespace} is not there any more; an administrator can create it`,
      });
    }
    return false;
  }

  /** Makes the deletion of a repository final: the next collection takes it. @throws NOT_FOUND */
  async purge(repository: RepositoryName, which: Generation, initiator: Initiator): Promise<void> {
    const deleted: Fragment =
      which === "newest"
        ? { sql: `(SELECT id FROM (${NEWEST}))`, values: { repository } }
        : {
            sql: `(SELECT id FROM repositories WHERE id = :id AND former_name = :repository AND deleted_at > 0)`,
            values: { repository, id: which },
          };
    const ready = { sql: `SELECT 1 WHERE ${deleted.sql} IS NOT NULL`, values: deleted.values };
    const entry: AuditEntry = { action: "repository.purge", repository };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, ready),
      prepare(
        this.#db,
        `UPDATE repositories SET deleted_at = 0 WHERE id = ${deleted.sql} RETURNING id`,
        deleted.values,
      ),
    ]);
    if (results[1]?.results.length !== 1) throw unknown(repository, which);
  }

  /** Deletes the repository, and makes that final. @throws NAME_UNKNOWN */
  async purgeLive(repository: RepositoryName, initiator: Initiator): Promise<void> {
    const there = {
      sql: `SELECT 1 FROM repositories WHERE name = :repository`,
      values: { repository },
    };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, { action: "repository.purge", repository }, there),
      prepare(
        this.#db,
        `UPDATE repositories SET name = '~' || id, former_name = name, deleted_at = 0, deleted_by = :actor,
           version = version + 1
         WHERE name = :repository RETURNING id`,
        { repository, actor: initiator.actor },
      ),
    ]);
    if (results[1]?.results.length === 1) return;
    throw new RegistryError("NAME_UNKNOWN", { detail: { name: repository } });
  }
}

function unknown(repository: RepositoryName, which: Generation): RegistryError {
  const what = which === "newest" ? "" : " with that id";
  return new RegistryError("NOT_FOUND", {
    message: `no deleted repository was called ${repository}${what}, or its deletion is final`,
  });
}

function purged(repository: RepositoryName): RegistryError {
  return new RegistryError("NOT_FOUND", {
    message: `the deletion of the repository ${repository} is final`,
  });
}
