import { RegistryError } from "../oci/errors.ts";
import { assertion, hasFailed } from "./retry.ts";
import { type Fragment, prepare } from "./sql.ts";

/** Whether a change may leave a namespace without an owner of all of it. */
export type LastOwner = "stays" | "may leave";

/** The most namespaces that a message names; more would not make it clearer. */
const MAX_NAMED = 10;

/** SQL that selects owners of a whole namespace who can log in; the index namespace_owners covers it. */
const OWNS = (member: string, user: string) =>
  `${member}.role = 'owner' AND ${member}.pattern = ${member}.namespace || '/*' AND ${user}.disabled_at IS NULL`;

/** Selects the namespaces of which the user is the only owner: this one, or any (null). */
function ownedAlone(user: string, namespace: string | null): Fragment {
  return {
    sql: `SELECT m.namespace FROM members m JOIN users u ON u.name = m.user
      WHERE m.user = :user AND m.namespace = coalesce(:namespace, m.namespace) AND ${OWNS("m", "u")}
        AND NOT EXISTS (
          SELECT 1 FROM members o JOIN users p ON p.name = o.user
          WHERE o.namespace = m.namespace AND o.user <> m.user AND ${OWNS("o", "p")})`,
    values: { user, namespace },
  };
}

/**
 * Makes a change by which a user stops being an owner. The check for another owner is part of the change's own batch:
 * if two owners leave at the same moment, the second is refused.
 * @param change makes the change, with the given statements before it in the same batch
 * @throws CONFLICT if the last owner has to stay
 */
export async function withoutOwner<T>(
  db: D1Database,
  { user, namespace, lastOwner }: LeavingOwner,
  change: (guards: readonly D1PreparedStatement[]) => Promise<T>,
): Promise<T> {
  if (lastOwner === "may leave") return change([]);
  const condition = ownedAlone(user, namespace);
  try {
    return await change([assertion(db, condition, "no row")]);
  } catch (error) {
    // Other errors pass through: only a failed assertion means that the user is the last owner.
    if (error instanceof RegistryError || !hasFailed(error)) throw error;
    const { results } = await prepare(
      db,
      `${condition.sql} ORDER BY 1 LIMIT ${MAX_NAMED}`,
      condition.values,
    ).all<{ namespace: string }>();
    const namespaces = results.map((row) => row.namespace);
    throw new RegistryError("CONFLICT", {
      message: `${user} is the last owner of ${namespaces.join(", ")}: give somebody else that role first, or confirm it with ?confirm=last-owner, and only administrators decide who may do what there`,
      detail: [{ confirm: "last-owner", namespaces }],
      cause: error,
    });
  }
}

interface LeavingOwner {
  readonly user: string;
  /** The namespace in which the user stops being an owner; null for all. */
  readonly namespace: string | null;
  readonly lastOwner: LastOwner;
}
