import type { Role } from "../auth/policy/access.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import { tryBatch, edit, listWithin } from "./change.ts";
import { type LastOwner, withoutOwner } from "./owners.ts";
import { merge, prepare } from "./sql.ts";

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
      prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM members WHERE namespace = :namespace AND (user, pattern) > (:user, :pattern)
         ORDER BY user, pattern LIMIT :limit`,
        { namespace, user, pattern: pattern.join(":"), limit },
      ),
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
      sql: `SELECT role FROM members WHERE user = :user AND pattern = :repositories`,
      values: { user, repositories },
    };
    const ready = {
      sql: `SELECT 1 FROM users u JOIN namespaces n ON n.name = :namespace
        LEFT JOIN members m ON m.user = u.name AND m.pattern = :repositories
        WHERE u.name = :user AND m.role IS NOT :role AND (m.role IS NULL OR :over = 'any')`,
      values: { user, namespace, repositories, role, over },
    };
    // Only a change of a role revokes: a first role takes nothing away.
    const when = {
      sql: `${row.sql} AND role <> :role AND :over = 'any'`,
      values: merge(row.values, { role, over }),
    };
    const detail = `${role} of ${repositories}`;
    const entry: AuditEntry = { action: "member.set", namespace, reference: user, detail };
    const revokes = [{ subject: `user:${user}@${namespace}`, when }];
    const statement = prepare(
      this.#db,
      `INSERT INTO members (user, namespace, pattern, role, created_at)
       SELECT u.name, n.name, :repositories, :role, :createdAt FROM users u JOIN namespaces n ON n.name = :namespace
       WHERE u.name = :user
       ON CONFLICT (user, pattern) DO UPDATE SET role = excluded.role WHERE :over = 'any'
       RETURNING ${COLUMNS}`,
      { user, namespace, repositories, role, createdAt, over },
    );
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
    const there = await prepare(this.#db, `SELECT 1 FROM namespaces WHERE name = :namespace`, {
      namespace,
    }).first();
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
        WHERE namespace = :namespace AND user = :user AND pattern = coalesce(:pattern, pattern)`,
      values: { namespace, user, pattern },
    };
    const detail = pattern ?? `${namespace}, all of it`;
    const entry: AuditEntry = { action: "member.remove", namespace, reference: user, detail };
    const revokes = [{ subject: `user:${user}@${namespace}` }];
    const statement = prepare(
      this.#db,
      `DELETE FROM members
       WHERE namespace = :namespace AND user = :user AND pattern = coalesce(:pattern, pattern) RETURNING user`,
      { namespace, user, pattern },
    );
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
