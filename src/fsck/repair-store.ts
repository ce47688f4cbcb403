import { isRaised } from "../db/raised.ts";
import { auditChange, type AuditEntry, type Initiator } from "../db/audit.ts";
import { fragment, prepare, type Values } from "../db/sql.ts";

/** A change that repairs something. */
export interface Repair {
  readonly entry: Omit<AuditEntry, "action" | "detail">;
  /** The kind of finding, for the audit log. */
  readonly kind: string;
  /** SQL after `SELECT 1`: returns a row while the fault is there and can be repaired. */
  readonly broken: string;
  /** The statements, each of which also checks that the fault is still there. */
  readonly statements: readonly string[];
  /** The values of all of them, of which each takes those that it names. */
  readonly values: Values;
}

/** Whether a constraint or trigger refused a repair. */
function isRefused(error: unknown): boolean {
  const isOfRule = isRaised(error, "referenced", "unresolved", "bytes", "repositories");
  return isOfRule || String(error).includes("constraint failed");
}

/**
 * Makes the change with its audit entry in one batch: the registry is in use, and another request may have been faster.
 * @returns whether it was made; false also where a rule of the index, such as a quota, does not allow it
 */
export async function repair(
  db: D1Database,
  { entry, kind, broken, statements, values }: Repair,
  initiator: Initiator,
): Promise<boolean> {
  const event: AuditEntry = { ...entry, action: "fsck.repair", detail: kind };
  try {
    const [audited] = await db.batch([
      auditChange(db, initiator, event, fragment(`SELECT 1 ${broken}`, values)),
      ...statements.map((sql) => prepare(db, sql, fragment(sql, values).values)),
    ]);
    // The number may have rows that a trigger wrote for the entry.
    return (audited?.meta.changes ?? 0) > 0;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

/**
 * SQL: records a change of the manifest, so that it is exported again with its references, which no trigger records.
 * @param broken as in Repair
 */
export function noteManifest(broken: string): string {
  return `INSERT INTO change_log (kind, key)
    SELECT 'manifests', json_array(:repositoryId, :digest) WHERE EXISTS (SELECT 1 ${broken})`;
}
