import type { Role } from "../auth/policy/access.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import { tryBatch, edit, listWithin } from "./change.ts";
import { type LastOwner, withoutOwner } from "./owners.ts";

export interface Member {
  readonly user: string;
  /** A glob over the namespace's repositories. */
  readonly repositories: string;
  readonly role: Role;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

const COLUMNS = `user, pattern AS repositories, role, created_at AS createdAt`;

/** D1: which users have which role on which repositories of a namespace. */
export class MemberStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /**
   * Lists members by user and pattern. `after` is a value of `memberKey`.
   * @throws NOT_FOUND if there is no such namespace
   */
  list(namespace: Namespace, { after, limit }: Page): Promise<Member[]> {
    const [user = "", ...pattern] = after.split(":");
    return listWithin(
      this.#db,
      namespace,
      this.#db
        .prepare(
          `SELECT ${COLUMNS} FROM members WHERE namespace = ?1 AND (user, pattern) > (?2, ?3)
           ORDER BY user, pattern LIMIT ?4`,
        )
        .bind(namespace, user, pattern.join(":"), limit),
    );
  }

  /**
   * Gives a user a role on a pattern, in place of the one that the user had there. `over` says whether the user may
   * have had one.
   * @throws NOT_FOUND if there is no such user or namespace; VERSION_MISMATCH if the user has a role there and was to
   *   have none
   */
  async set(
    namespace: Namespace,
    { user, repositories, role, createdAt }: Member,
    { over, lastOwner }: { readonly over: "any" | "nothing"; readonly lastOwner: LastOwner },
    initiator: Initiator,
  ): Promise<{ member: Member; created: boolean }> {
    const row = {
      sql: `SELECT role FROM members WHERE user = ?2 AND pattern = ?3`,
      parameters: [user, repositories],
    };
    const ready = {
      sql: `SELECT 1 FROM users u JOIN namespaces n ON n.name = ?3
        LEFT JOIN members m ON m.user = u.name AND m.pattern = ?4
        WHERE u.name = ?2 AND m.role IS NOT ?5 AND (m.role IS NULL OR ?6 = 'any')`,
      parameters: [user, namespace, repositories, role, over],
    };
    // Only a change of a role revokes: a first role takes nothing away.
    const when = {
      sql: `${row.sql} AND role <> ?4 AND ?5 = 'any'`,
      parameters: [...row.parameters, role, over],
    };
    const detail = `${role} of ${repositories}`;
    const entry: AuditEntry = { action: "member.set", namespace, reference: user, detail };
    const revokes = [{ subject: `user:${user}@${namespace}`, when }];
    const statement = this.#db
      .prepare(
        `INSERT INTO members (user, namespace, pattern, role, created_at)
         SELECT u.name, n.name, ?3, ?4, ?5 FROM users u JOIN namespaces n ON n.name = ?2
         WHERE u.name = ?1
         ON CONFLICT (user, pattern) DO UPDATE SET role = excluded.role WHERE ?6 = 'any'
         RETURNING ${COLUMNS}`,
      )
      .bind(user, namespace, repositories, role, createdAt, over);
    const ends = over === "any" && role !== "owner" && repositories === `${namespace}/*`;
    const leaving = { user, namespace, lastOwner: ends ? lastOwner : "may leave" } as const;
    const { before, after } = await withoutOwner(this.#db, leaving, (extra) =>
      tryBatch<Member>(this.#db, { initiator, entry, row, ready, revokes, extra }, statement),
    );
    if (after === null && before !== null && over === "nothing") {
      const message = "the user has a role there already: change it without If-None-Match";
      throw new RegistryError("VERSION_MISMATCH", { message });
    }
    if (after === null) {
      throw new RegistryError("NOT_FOUND", { message: await this.#missing(user, namespace) });
    }
    return { member: after, created: before === null };
  }

  /** Which of the two there is not. Whoever may give a role may know both. */
  async #missing(user: string, namespace: Namespace): Promise<string> {
    const there = await this.#db
      .prepare(`SELECT 1 FROM namespaces WHERE name = ?1`)
      .bind(namespace)
      .first();
    if (there === null) return `there is no namespace ${namespace}: create it first`;
    return `there is no user ${user}: an administrator can create it`;
  }

  /**
   * Removes a user's role on one pattern, or all roles in the namespace (null).
   * @throws NOT_FOUND if there is none
   */
  async remove(
    namespace: Namespace,
    { user, pattern, lastOwner }: Removal,
    initiator: Initiator,
  ): Promise<void> {
    const row = {
      sql: `SELECT 1 FROM members
        WHERE namespace = ?2 AND user = ?3 AND pattern = coalesce(?4, pattern)`,
      parameters: [namespace, user, pattern],
    };
    const detail = pattern ?? `${namespace}, all of it`;
    const entry: AuditEntry = { action: "member.remove", namespace, reference: user, detail };
    const revokes = [{ subject: `user:${user}@${namespace}` }];
    const statement = this.#db
      .prepare(
        `DELETE FROM members
         WHERE namespace = ?1 AND user = ?2 AND pattern = coalesce(?3, pattern) RETURNING user`,
      )
      .bind(namespace, user, pattern);
    const ends = pattern === null || pattern === `${namespace}/*`;
    const leaving = { user, namespace, lastOwner: ends ? lastOwner : "may leave" } as const;
    await withoutOwner(this.#db, leaving, (extra) =>
      edit(this.#db, { initiator, entry, row, revokes, extra }, statement),
    );
  }
}

interface Removal {
  readonly user: string;
  /** The pattern; null for all roles of the user in the namespace. */
  readonly pattern: string | null;
  readonly lastOwner: LastOwner;
}

/** Returns the cursor of a page that ends with this member. */
export function memberKey({ user, repositories }: Pick<Member, "user" | "repositories">): string {
  return `${user}:${repositories}`;
}
