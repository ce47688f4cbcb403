import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import { type AuditEntry, auditChange, type Initiator } from "../db/audit.ts";
import { edit, listWithin } from "../db/change.ts";
import { NOW } from "../db/clock.ts";
import { prepare } from "../db/sql.ts";
import type { TrustEntry } from "./trust.ts";

/** A trust entry of a namespace. */
export interface StoredSigner {
  readonly entry: TrustEntry;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

interface Row {
  readonly name: string;
  readonly trust: string;
  readonly createdAt: number;
}

const COLUMNS = "name, trust, created_at AS createdAt";

/** SQL: all images of the namespace are looked at again, the first 5,000: who vouches for them may have changed. */
const IMAGES_ARE_DUE = `UPDATE scans SET due_at = ${NOW} WHERE manifest_id IN (
  SELECT m.id FROM repositories r CROSS JOIN manifests m INDEXED BY live_manifests
    ON m.repository_id = r.id AND m.kind = 'image' AND m.deleted_at IS NULL
  WHERE r.name > :namespace AND r.name < :namespace || '0' AND r.namespace = :namespace LIMIT 5000)`;

/** D1: whose signatures namespaces trust. */
export class SignerStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @throws NOT_FOUND if there is no such namespace */
  async list(namespace: Namespace, { after, limit }: Page): Promise<StoredSigner[]> {
    const rows = await listWithin<Row>(
      this.#db,
      namespace,
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM signers WHERE namespace = :namespace AND name > :after ORDER BY name LIMIT :limit`,
        { namespace, after, limit },
      ),
    );
    return rows.map(signerOf);
  }

  /** Returns all of a namespace, at most 20; none where there is no such namespace. */
  async all(namespace: string): Promise<TrustEntry[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM signers WHERE namespace = :namespace ORDER BY name`,
      { namespace },
    ).all<Row>();
    return results.map((row) => signerOf(row).entry);
  }

  /** @throws NOT_FOUND if there is no such namespace; CONFLICT if it has 20 */
  async set(
    namespace: Namespace,
    { name, ...trust }: TrustEntry,
    initiator: Initiator,
  ): Promise<{ readonly signer: StoredSigner; readonly isNew: boolean }> {
    const row = {
      sql: "SELECT 1 FROM namespaces WHERE name = :namespace",
      values: { namespace },
    };
    const entry: AuditEntry = {
      action: "signer.set",
      namespace,
      reference: name,
      detail: trust.kind,
    };
    const text = JSON.stringify(trust);
    const stored = await edit<Row & { isNew: 0 | 1 }>(
      this.#db,
      { initiator, entry, row, extra: [prepare(this.#db, IMAGES_ARE_DUE, { namespace })] },
      prepare(
        this.#db,
        `INSERT INTO signers (namespace, name, trust, created_at)
         SELECT n.name, :name, :text, :now FROM namespaces n WHERE n.name = :namespace
         ON CONFLICT (namespace, name) DO UPDATE SET trust = excluded.trust
         RETURNING ${COLUMNS}, created_at = :now AS isNew`,
        { namespace, name, text, now: Date.now() },
      ),
    );
    return { signer: signerOf(stored), isNew: stored.isNew === 1 };
  }

  /** @throws NOT_FOUND */
  async remove(namespace: Namespace, name: string, initiator: Initiator): Promise<void> {
    const which = "namespace = :namespace AND name = :name";
    const values = { namespace, name };
    const there = { sql: `SELECT 1 FROM signers WHERE ${which}`, values };
    const entry: AuditEntry = { action: "signer.remove", namespace, reference: name };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, there),
      prepare(this.#db, IMAGES_ARE_DUE, { namespace }),
      prepare(this.#db, `DELETE FROM signers WHERE ${which} RETURNING name`, values),
    ]);
    if (results[2]?.results.length !== 1) throw new RegistryError("NOT_FOUND");
  }
}

/** What is stored was checked when it was sent. */
function signerOf({ name, trust, createdAt }: Row): StoredSigner {
  return { entry: { ...(JSON.parse(trust) as TrustEntry), name }, createdAt };
}
