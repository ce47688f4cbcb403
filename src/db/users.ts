import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import {
  type Edit,
  create,
  type Creation,
  DISABLING,
  edit,
  EXPECTED,
  versioned,
} from "./change.ts";
import { type LastOwner, withoutOwner } from "./owners.ts";
import { endSessions, insertSession, type NewSession } from "./sessions.ts";
import { prepare } from "./sql.ts";

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
  /** The session that is left, or begins, after a change that ends all others; null for none. */
  readonly session: NewSession | null;
}

type Row = Omit<User, "admin"> & { readonly admin: number };

const COLUMNS = `name, admin, disabled_at AS disabledAt, disabled_by AS disabledBy, created_at AS createdAt, version`;

/** D1: people, and the hashes of their passwords. */
export class UserStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async list({ after, limit }: Page): Promise<User[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS} FROM users WHERE name > :after ORDER BY name LIMIT :limit`,
      { after, limit },
    ).all<Row>();
    return results.map(parseUser);
  }

  /** @throws NOT_FOUND */
  async find(name: string): Promise<User> {
    const row = await prepare(this.#db, `SELECT ${COLUMNS} FROM users WHERE name = :name`, {
      name,
    }).first<Row>();
    if (row === null) throw new RegistryError("NOT_FOUND");
    return parseUser(row);
  }

  /**
   * Returns the hash of the user's password, and the user's version.
   * @throws NOT_FOUND
   */
  async password(name: string): Promise<{ hash: string; version: number }> {
    const row = await prepare(
      this.#db,
      `SELECT password AS hash, version FROM users WHERE name = :name`,
      { name },
    ).first<{ hash: string; version: number }>();
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
      prepare(
        this.#db,
        `INSERT INTO users (name, password, admin, created_at) VALUES (:name, :password, :admin, :createdAt)`,
        { name, password, admin: Number(admin), createdAt },
      ),
    ]);
  }

  /**
   * Changes the user. A new password ends all sessions, and so does disabling the user.
   * @throws NOT_FOUND or VERSION_MISMATCH
   */
  async update(
    name: string,
    { admin, disabled, password, lastOwner, session }: UserChange,
    version: number | null,
    initiator: Initiator,
  ): Promise<User> {
    const said = [
      ...(admin === null ? [] : [`admin=${admin}`]),
      ...(disabled === null ? [] : [`disabled=${disabled}`]),
      ...(password === null ? [] : ["password"]),
    ];
    const change = {
      initiator,
      entry: { action: "user.update", reference: name, detail: said.join(" ") },
      ...versioned("users", name, version),
      revokes: [{ subject: `user:${name}` }],
    } satisfies Edit;
    const statement = prepare(
      this.#db,
      `UPDATE users SET admin = coalesce(:admin, admin), password = coalesce(:password, password), ${DISABLING},
         version = version + 1
       WHERE ${EXPECTED} RETURNING ${COLUMNS}`,
      {
        name,
        version,
        admin: number(admin),
        password,
        disabled: number(disabled),
        actor: initiator.actor,
      },
    );
    const ends = password !== null || disabled === true;
    const sessions = [
      ...(ends ? [endSessions(this.#db, name, change.ready)] : []),
      ...(session === null ? [] : [insertSession(this.#db, session, change.ready)]),
    ];
    const leaving = {
      user: name,
      namespace: null,
      lastOwner: disabled === true ? lastOwner : "may leave",
    } as const;
    return withoutOwner(this.#db, leaving, async (extra) =>
      parseUser(
        await edit<Row>(this.#db, { ...change, extra: [...extra, ...sessions] }, statement),
      ),
    );
  }

  /**
   * Deletes the user with the tokens, sessions and memberships.
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
    const statement = prepare(this.#db, `DELETE FROM users WHERE ${EXPECTED} RETURNING name`, {
      name,
      version,
    });
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
