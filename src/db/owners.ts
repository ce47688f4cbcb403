import { RegistryError } from "../oci/errors.ts";
import { assertion, hasFailed } from "./retry.ts";
import type { Condition } from "./audit.ts";

/** Whether a change may leave a namespace without anybody who owns all of it. */
export type LastOwner = "stays" | "may leave";

/** More names would make no message clearer. */
const MAX_TOLD = 10;

/** The owners of a whole namespace that can log in; index namespace_owners has them. */
const OWNS = (member: string, user: string) =>
  `${member}.role = 'owner' AND ${member}.pattern = ${member}.namespace || '/*' AND ${user}.disabled_at IS NULL`;

/** The namespaces of which the user is the only owner: in this one, or (null) in all of them. */
function ownedAlone(user: string, namespace: string | null): Condition {
  return {
    sql: `SELECT m.namespace FROM members m JOIN users u ON u.name = m.user
      WHERE m.user = ?2 AND m.namespace = coalesce(?3, m.namespace) AND ${OWNS("m", "u")}
        AND NOT EXISTS (
          SELECT 1 FROM members o JOIN users p ON p.name = o.user
          WHERE o.namespace = m.namespace AND o.user <> m.user AND ${OWNS("o", "p")})`,
    parameters: [user, namespace],
  };
}

/**
 * Makes a change by which a user ceases to be an owner. Whether another one is left is decided in the change's own batch:
 * of two owners who leave at the same moment, the second is told.
 * @param change takes what is to go into its batch before it
 * @throws CONFLICT where the last owner is to stay
 */
export async function withoutOwner<T>(
  db: D1Database,
  { user, namespace, lastOwner }: ExpiringImage,
  change: (guards: readonly D1PreparedStatement[]) => Promise<T>,
): Promise<T> {
  if (lastOwner === "may leave") return change([]);
  const condition = ownedAlone(user, namespace);
  try {
    return await change([assertion(db, condition, "no row")]);
  } catch (error) {
    // What is no failure of the batch has been said already.
    if (error instanceof RegistryError || !hasFailed(error)) throw error;
    const { results } = await db
      .prepare(`${condition.sql} ORDER BY 1 LIMIT ${MAX_TOLD}`)
      .bind(null, ...condition.parameters)
      .all<{ namespace: string }>();
    const namespaces = results.map((row) => row.namespace);
    throw new RegistryError("CONFLICT", {
      message: `${user} is the last owner of ${namespaces.join(", ")}: give somebody else that role first, or confirm it with ?confirm=last-owner, and only administrators decide who may do what there`,
      detail: [{ confirm: "last-owner", namespaces }],
      cause: error,
    });
  }
}

interface ExpiringImage {
  readonly user: string;
  /** Where it ceases to be an owner; null for everywhere. */
  readonly namespace: string | null;
  readonly lastOwner: LastOwner;
}
