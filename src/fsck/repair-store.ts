import { auditChange, type AuditEntry, type Initiator } from "../db/audit.ts";

/** A change that puts something right. */
export interface Repair {
  readonly entry: Omit<AuditEntry, "action" | "detail">;
  /** What is wrong, as the log has it. */
  readonly kind: string;
  /** SQL after `SELECT 1`: gives a row while it is still wrong, and can be put right. */
  readonly broken: string;
  /** The statements, which see for themselves as well whether there is anything to do. */
  readonly statements: readonly string[];
  /** From ?1 on, of all of them. */
  readonly parameters: readonly (string | number | null)[];
}

/** What D1 says when a rule of the migrations is in the way. */
const REFUSED = /still referenced|reference unresolved|quota of|constraint failed/;

/**
 * Makes the change, audited, in one batch: the registry is in use meanwhile, and somebody may have been faster.
 * @returns whether it was made; false also where a rule of the index, such as a quota, does not allow it
 */
export async function repair(
  db: D1Database,
  { entry, kind, broken, statements, parameters }: Repair,
  initiator: Initiator,
): Promise<boolean> {
  const shifted = broken.replaceAll(/\?(\d+)/g, (_, number) => `?${Number(number) + 1}`);
  const used = (sql: string) => parameters.slice(0, highest(sql));
  const condition = { sql: `SELECT 1 ${shifted}`, parameters: used(broken) };
  const event = { ...entry, action: "fsck.repair", detail: kind };
  try {
    const [audited] = await db.batch([
      auditChange(db, initiator, event, condition),
      ...statements.map((sql) => db.prepare(sql).bind(...used(sql))),
    ]);
    return audited?.meta.changes === 1;
  } catch (error) {
    if (REFUSED.test(String(error))) return false;
    throw error;
  }
}

/**
 * SQL: the manifest ?2 of the repository ?1 is exported anew, with what it names, which no trigger sees to.
 * @param broken as in Repair
 */
export function noteManifest(broken: string): string {
  return `INSERT INTO change_log (kind, key) SELECT 'manifests', json_array(?1, ?2) WHERE EXISTS (SELECT 1 ${broken})`;
}

/** D1 wants as many values as the statement has parameters. */
function highest(sql: string): number {
  return Math.max(0, ...[...sql.matchAll(/\?(\d+)/g)].map(([, number]) => Number(number)));
}
