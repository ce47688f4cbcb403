import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import { type Edit, create, type Creation, disabling, edit, versioned } from "./change.ts";
import { type LastOwner, withoutOwner } from "./owners.ts";

export interface User {
  readonly name: string;
  readonly admin: boolean;
  /** When the user was disabled, in milliseconds since 1970, and by whom; null if the user can log in. */
  readonly disabledAt: number | null;
  readonly disabledBy: string | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly version: number;
}

/** The fields to change; null for those that stay. */
export interface UserChange {
  readonly admin: boolean | null;
  readonly disabled: boolean | null;
  /** A hash of auth/login/password.ts. */
  readonly password: string | null;
  readonly lastOwner: LastOwner;
}

type Row = Omit<User, "admin"> & { readonly admin: number };

const COLUMNS = `name, admin, disabled_at AS disabledAt, disabled_by AS disabledBy, created_at AS createdAt, version`;

/** D1: people, and the hashes of their passwords. */
export class UserStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async list(page: Page): Promise<User[]> {
    const { results } = await this.#db
      .prepare(`SELECT ${COLUMNS} FROM users WHERE name > ?1 ORDER BY name LIMIT ?2`)
      .bind(page.after, page.limit)
      .all<Row>();
    return results.map(parseUser);
  }

  /** @throws NOT_FOUND */
  async find(name: string): Promise<User> {
    const row = await this.#db
      .prepare(`SELECT ${COLUMNS} FROM users WHERE name = ?1`)
      .bind(name)
      .first<Row>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return parseUser(row);
  }

  /**
   * Returns the hash of the user's password, and the user's version.
   * @throws NOT_FOUND
   */
  async password(name: string): Promise<{ hash: string; version: number }> {
    const row = await this.#db
      .prepare(`SELECT password AS hash, version FROM users WHERE name = ?1`)
      .bind(name)
      .first<{ hash: string; version: number }>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return row;
  }

  create(
    { name, admin, createdAt }: User,
    password: string,
    initiator: Initiator,
  ): Promise<Creation> {
    const entry: AuditEntry = {
      action: "user.create",
      reference: name,
      ...(admin ? { detail: "admin" } : {}),
    };
    return create(this.#db, { initiator, entry }, [
      this.#db
        .prepare(`INSERT INTO users (name, password, admin, created_at) VALUES (?1, ?2, ?3, ?4)`)
        .bind(name, password, Number(admin), createdAt),
    ]);
  }

  /** @throws NOT_FOUND or VERSION_MISMATCH */
  async update(
    name: string,
    { admin, disabled, password, lastOwner }: UserChange,
    version: number | null,
    initiator: Initiator,
  ): Promise<User> {
    const said = [
      ...(admin === null ? [] : [`admin=${admin}`]),
      ...(disabled === null ? [] : [`disabled=${disabled}`]),
      ...(password === null ? [] : ["password"]),
    ];
    const change: Edit = {
      initiator,
      entry: { action: "user.update", reference: name, detail: said.join(" ") },
      ...versioned("users", name, version),
      revokes: [{ subject: `user:${name}` }],
    };
    const statement = this.#db
      .prepare(
        `UPDATE users SET admin = coalesce(?3, admin), password = coalesce(?4, password), ${disabling(5)},
           version = version + 1
         WHERE name = ?1 AND (?2 IS NULL OR version = ?2) RETURNING ${COLUMNS}`,
      )
      .bind(name, version, number(admin), password, number(disabled), initiator.actor);
    const leaving = {
      user: name,
      namespace: null,
      lastOwner: disabled === true ? lastOwner : "may leave",
    } as const;
    return withoutOwner(this.#db, leaving, async (extra) =>
      parseUser(await edit<Row>(this.#db, { ...change, extra }, statement)),
    );
  }

  /**
   * Deletes the user with the tokens and memberships.
   * @throws NOT_FOUND or VERSION_MISMATCH
   */
  async remove(
    name: string,
    version: number | null,
    lastOwner: LastOwner,
    initiator: Initiator,
  ): Promise<void> {
    const change: Edit = {
      initiator,
      entry: { action: "user.delete", reference: name },
      ...versioned("users", name, version),
      revokes: [{ subject: `user:${name}` }],
    };
    const statement = this.#db
      .prepare(`DELETE FROM users WHERE name = ?1 AND (?2 IS NULL OR version = ?2) RETURNING name`)
      .bind(name, version);
    await withoutOwner(this.#db, { user: name, namespace: null, lastOwner }, (extra) =>
      edit(this.#db, { ...change, extra }, statement),
    );
  }
}

function number(flag: boolean | null): number | null {
  return flag === null ? null : Number(flag);
}

function parseUser(row: Row): User {
  return { ...row, admin: row.admin === 1 };
}
