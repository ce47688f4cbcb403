import { RegistryError } from "../oci/errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { Page } from "../oci/page.ts";
import { type Namespace, namespaceOf, type RepositoryName } from "../oci/reference.ts";
import { type AuditEntry, auditChange, type Initiator } from "../db/audit.ts";
import { create, type Creation, listWithin } from "../db/change.ts";
import { NOW } from "../db/clock.ts";
import { prepare } from "../db/sql.ts";
import type { Exception } from "./assessment.ts";

/** A decision on a vulnerability, with where it holds; times are in milliseconds since 1970. */
export interface StoredException extends Exception {
  readonly id: string;
  /** null: in all repositories of the namespace. */
  readonly repository: RepositoryName | null;
  /** null: in all images. */
  readonly digest: Digest | null;
  readonly createdAt: number;
}

const COLUMNS = `id, repository, digest, vulnerability, package, reason, author, expires_at AS expiresMs, created_at AS createdAt`;

/** The most images that are looked at again at once after a change; others are when their next match is due. */
const MAX_IMAGES = 5_000;
/**
 * SQL: the images of a namespace that an exception may be about are looked at again at once: their numbers and what keeps them from
 * being pulled change with it.
 */
const IMAGES_ARE_DUE = `UPDATE scans SET due_at = ${NOW} WHERE manifest_id IN (
  SELECT v.manifest_id FROM image_vulnerabilities v
  CROSS JOIN manifests m ON m.id = v.manifest_id
  CROSS JOIN repositories r ON r.id = m.repository_id
  WHERE v.vulnerability = :vulnerability AND r.namespace = :namespace AND coalesce(r.name = :repository, 1)
    AND coalesce(m.digest = :digest, 1)
  LIMIT ${MAX_IMAGES})`;

/** D1: which vulnerabilities have been accepted, where, by whom and until when. */
export class ExceptionStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @throws NOT_FOUND if there is no such namespace */
  list(namespace: Namespace, { after, limit }: Page): Promise<StoredException[]> {
    return listWithin<StoredException>(
      this.#db,
      namespace,
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM scan_exceptions WHERE namespace = :namespace AND id > :after ORDER BY id LIMIT :limit`,
        { namespace, after, limit },
      ),
    );
  }

  /** Returns those that may hold in an image, expired ones too. */
  async about(repository: RepositoryName, digests: readonly Digest[]): Promise<StoredException[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM scan_exceptions INDEXED BY scan_exceptions_by_namespace
       WHERE namespace = :namespace AND (repository IS NULL OR repository = :repository)
         AND (digest IS NULL OR digest IN (SELECT value FROM json_each(:digests)))`,
      { namespace: namespaceOf(repository), repository, digests: JSON.stringify(digests) },
    ).all<StoredException>();
    return results;
  }

  /** @returns "orphan" if there is no such namespace, "full" if it has 1,000 */
  create(
    namespace: Namespace,
    exception: StoredException,
    initiator: Initiator,
  ): Promise<Creation> {
    const { id, repository, digest, vulnerability, package: pkg } = exception;
    const { reason, author, expiresMs, createdAt } = exception;
    const entry: AuditEntry = {
      action: "exception.create",
      namespace,
      reference: id,
      detail: detailOf(exception),
    };
    const images = { vulnerability, namespace, repository, digest };
    return create(this.#db, { initiator, entry }, [
      prepare(
        this.#db,
        `INSERT INTO scan_exceptions
           (id, namespace, repository, digest, vulnerability, package, reason, author, expires_at, created_at)
         VALUES (:id, :namespace, :repository, :digest, :vulnerability, :pkg, :reason, :author, :expiresMs, :createdAt)`,
        { id, ...images, pkg, reason, author, expiresMs, createdAt },
      ),
      prepare(this.#db, IMAGES_ARE_DUE, images),
    ]);
  }

  /** @throws NOT_FOUND */
  async remove(namespace: Namespace, id: string, initiator: Initiator): Promise<void> {
    const which = "namespace = :namespace AND id = :id";
    const values = { namespace, id };
    const found = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM scan_exceptions WHERE ${which}`,
      values,
    ).first<StoredException>();
    if (found === null) throw new RegistryError("NOT_FOUND");
    const { vulnerability, repository, digest } = found;
    const entry: AuditEntry = {
      action: "exception.delete",
      namespace,
      reference: id,
      detail: detailOf(found),
    };
    const there = { sql: `SELECT 1 FROM scan_exceptions WHERE ${which}`, values };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, there),
      prepare(this.#db, IMAGES_ARE_DUE, { vulnerability, namespace, repository, digest }),
      prepare(this.#db, `DELETE FROM scan_exceptions WHERE ${which} RETURNING id`, values),
    ]);
    if (results[2]?.results.length !== 1) throw new RegistryError("NOT_FOUND");
  }
}

/** Returns those of a repository's exceptions that hold in one of its images. */
export function holdingIn(
  exceptions: readonly StoredException[],
  image: Digest,
): readonly StoredException[] {
  return exceptions.filter(({ digest }) => digest === null || digest === image);
}

function detailOf({ vulnerability, package: pkg, repository, digest, reason }: StoredException) {
  const where = digest === null ? (repository ?? "the namespace") : `${repository}@${digest}`;
  return `${vulnerability}${pkg === null ? "" : ` of ${pkg}`} in ${where}: ${reason}`;
}
