import { RegistryError } from "../oci/errors.ts";
import type { Namespace, RepositoryName } from "../oci/reference.ts";
import { type AuditEntry, auditChange, type Initiator } from "../db/audit.ts";
import { SCAN_POLICY } from "../db/scan-policy.ts";
import { prepare } from "../db/sql.ts";
import type { ScanPolicy } from "./policy.ts";

/** The policy in force in a repository, and whose it is; null for none. */
export interface PolicyInForce {
  readonly policy: ScanPolicy | null;
  readonly of: "repository" | "namespace" | null;
}

/** Whose policy is set or removed. */
type Owner = { readonly repository: RepositoryName } | { readonly namespace: Namespace };

/** D1: which images may not be pulled, by namespace and repository. */
export class ScanPolicyStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @throws NAME_UNKNOWN */
  async ofRepository(name: RepositoryName): Promise<PolicyInForce> {
    const row = await prepare(
      this.#db,
      `SELECT ${SCAN_POLICY} AS policy, r.scan_policy IS NOT NULL AS own FROM repositories r WHERE r.name = :name`,
      { name },
    ).first<{ policy: string | null; own: 0 | 1 }>();
    if (row === null) throw new RegistryError("NAME_UNKNOWN", { detail: { name } });
    if (row.policy === null) return { policy: null, of: null };
    return { policy: parsed(row.policy), of: row.own === 1 ? "repository" : "namespace" };
  }

  /** @throws NOT_FOUND */
  async ofNamespace(name: Namespace): Promise<ScanPolicy | null> {
    const row = await prepare(
      this.#db,
      "SELECT scan_policy AS policy FROM namespaces WHERE name = :name",
      { name },
    ).first<{ policy: string | null }>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return row.policy === null ? null : parsed(row.policy);
  }

  /** @throws NAME_UNKNOWN or NOT_FOUND if there is no such repository or namespace */
  async set(owner: Owner, policy: ScanPolicy, initiator: Initiator): Promise<void> {
    if (await this.#write(owner, JSON.stringify(policy), initiator)) return;
    throw "repository" in owner
      ? new RegistryError("NAME_UNKNOWN", { detail: { name: owner.repository } })
      : new RegistryError("NOT_FOUND");
  }

  /** @throws NOT_FOUND if it has none of its own */
  async remove(owner: Owner, initiator: Initiator): Promise<void> {
    if (await this.#write(owner, null, initiator)) return;
    throw new RegistryError("NOT_FOUND", { message: "there is no scan policy of its own" });
  }

  async #write(owner: Owner, policy: string | null, initiator: Initiator): Promise<boolean> {
    const [table, name, place] =
      "repository" in owner
        ? (["repositories", owner.repository, { repository: owner.repository }] as const)
        : (["namespaces", owner.namespace, { ...owner, reference: owner.namespace }] as const);
    const which = `name = :name AND (:policy IS NOT NULL OR scan_policy IS NOT NULL)`;
    const values = { name, policy };
    const entry: AuditEntry =
      policy === null
        ? { action: "policy.remove", ...place }
        : { action: "policy.set", ...place, detail: policy };
    const results = await this.#db.batch([
      auditChange(this.#db, initiator, entry, {
        sql: `SELECT 1 FROM ${table} WHERE ${which}`,
        values,
      }),
      prepare(
        this.#db,
        `UPDATE ${table} SET scan_policy = :policy WHERE ${which} RETURNING name`,
        values,
      ),
    ]);
    return results[1]?.results.length === 1;
  }
}

/** What is stored was checked when it was sent. */
function parsed(text: string): ScanPolicy {
  return JSON.parse(text) as ScanPolicy;
}
