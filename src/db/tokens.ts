import type { Scope } from "../auth/policy/access.ts";
import { RegistryError } from "../oci/errors.ts";
import type { Page } from "../oci/page.ts";
import type { Namespace } from "../oci/reference.ts";
import { retry } from "./retry.ts";
import type { AuditEntry, Initiator } from "./audit.ts";
import { tryBatch, brief, create, type Creation, edit, type Revocation } from "./change.ts";
import { type Fragment, merge, prepare } from "./sql.ts";

/** A token without its secret. */
export interface Token {
  /** 16 hexadecimal digits. */
  readonly id: string;
  readonly description: string;
  /** Milliseconds since 1970, or null for never. */
  readonly expiresAt: number | null;
  /** Days since 1970, or null. */
  readonly lastUsed: number | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** A user's token, which is limited to its scopes. */
export interface UserToken extends Token {
  readonly scopes: readonly Scope[];
}

/** A token with the hash of its secret. */
export interface NewToken extends Token {
  readonly hash: string;
}

/** The most tokens of one robot: enough to replace them one by one. All of them are listed with their robot. */
const MAX_ROBOT_TOKENS = 20;

const COLUMNS = `id, description, expires_at AS expiresAt, last_used AS lastUsed, created_at AS createdAt`;

/** D1: the secrets that were given out, by their hashes. */
export class TokenStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async list(user: string, { after, limit }: Page): Promise<UserToken[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT ${COLUMNS}, scopes FROM tokens WHERE user = :user AND id > :after ORDER BY id LIMIT :limit`,
      { user, after, limit },
    ).all<Token & { scopes: string }>();
    return results.map((row) => ({ ...row, scopes: JSON.parse(row.scopes) as Scope[] }));
  }

  create(
    user: string,
    token: NewToken & Pick<UserToken, "scopes">,
    initiator: Initiator,
  ): Promise<Creation> {
    const { id, scopes } = token;
    const entry: AuditEntry = { action: "token.create", reference: id, detail: brief(scopes) };
    return create(this.#db, { initiator, entry }, [
      insertToken(this.#db, { user, robot: null, scopes: JSON.stringify(scopes) }, token),
    ]);
  }

  /**
   * Deletes a user's token.
   * @param user the token's user, or null for any
   * @throws NOT_FOUND
   */
  async remove(id: string, user: string | null, initiator: Initiator): Promise<void> {
    const row = {
      sql: `SELECT 1 FROM tokens WHERE id = :id AND user IS NOT NULL AND (:user IS NULL OR user = :user)`,
      values: { id, user },
    };
    const entry: AuditEntry = { action: "token.delete", reference: id };
    await edit(
      this.#db,
      { initiator, entry, row, revokes: revocationOf(id) },
      prepare(
        this.#db,
        `DELETE FROM tokens WHERE id = :id AND user IS NOT NULL AND (:user IS NULL OR user = :user)
         RETURNING id`,
        { id, user },
      ),
    );
  }

  /**
   * Changes when a user's token expires.
   * @param user the token's user, or null for any
   * @returns the changed token
   * @throws NOT_FOUND, or CONFLICT if the token has expired
   */
  async prolong(
    id: string,
    user: string | null,
    expiry: (token: Token) => number | null,
    initiator: Initiator,
  ): Promise<UserToken> {
    const whose = { sql: `user IS NOT NULL AND (:user IS NULL OR user = :user)`, values: { user } };
    const entry = (detail: string): AuditEntry => ({
      action: "token.update",
      reference: id,
      detail,
    });
    const change = { entry, initiator };
    const row = await this.#setExpiry<Token & { scopes: string }>(id, whose, expiry, change);
    return { ...row, scopes: JSON.parse(row.scopes) as Scope[] };
  }

  /** Changes when a robot's token expires. */
  prolongForRobot(
    namespace: Namespace,
    { robot, id }: { readonly robot: string; readonly id: string },
    expiry: (token: Token) => number | null,
    initiator: Initiator,
  ): Promise<Token> {
    const entry = (detail: string): AuditEntry => ({
      action: "robot.token.update",
      namespace,
      reference: robot,
      detail: `${id} ${detail}`,
    });
    const whose = { sql: `robot = :robot`, values: { robot } };
    return this.#setExpiry(id, whose, expiry, { entry, initiator });
  }

  /**
   * Changes the expiry only if it is as it was read, and else reads it again: of two changes at once, each must see the
   * other's bound.
   */
  #setExpiry<Row extends Token>(
    id: string,
    { sql, values }: Fragment,
    expiry: (token: Token) => number | null,
    {
      entry,
      initiator,
    }: { readonly entry: (detail: string) => AuditEntry; readonly initiator: Initiator },
  ): Promise<Row> {
    return retry(async () => {
      const which = { sql: `id = :id AND ${sql}`, values: merge({ id }, values) };
      const token = await prepare(
        this.#db,
        `SELECT ${COLUMNS} FROM tokens WHERE ${which.sql}`,
        which.values,
      ).first<Token>();
      if (token === null) throw new RegistryError("NOT_FOUND");
      const expiresAt = expiry(token);
      const row = {
        sql: `SELECT 1 FROM tokens WHERE ${which.sql} AND expires_at IS :before`,
        values: merge(which.values, { before: token.expiresAt }),
      };
      const detail = `expires=${expiresAt === null ? "never" : new Date(expiresAt).toISOString()}`;
      const { after } = await tryBatch<Row>(
        this.#db,
        { initiator, entry: entry(detail), row },
        prepare(
          this.#db,
          `UPDATE tokens SET expires_at = :expiresAt WHERE ${which.sql} AND expires_at IS :before
           RETURNING ${COLUMNS}, scopes`,
          merge(row.values, { expiresAt }),
        ),
      );
      return after;
    });
  }

  /** @throws NOT_FOUND, or CONFLICT if the robot has as many tokens as is allowed */
  async addToRobot(
    namespace: Namespace,
    robot: string,
    token: NewToken,
    initiator: Initiator,
  ): Promise<void> {
    const row = { sql: `SELECT name FROM robots WHERE name = :robot`, values: { robot } };
    const ready = {
      sql: `SELECT 1 FROM robots WHERE name = :robot
        AND (SELECT count(*) FROM tokens WHERE robot = :robot) < ${MAX_ROBOT_TOKENS}`,
      values: { robot },
    };
    const entry: AuditEntry = {
      action: "robot.token.create",
      namespace,
      reference: robot,
      detail: token.id,
    };
    const { id, hash, description, expiresAt, createdAt } = token;
    const { before, after } = await tryBatch(
      this.#db,
      { initiator, entry, row, ready },
      prepare(
        this.#db,
        `INSERT INTO tokens (id, robot, hash, description, expires_at, created_at)
         SELECT :id, name, :hash, :description, :expiresAt, :createdAt FROM robots WHERE name = :robot
           AND (SELECT count(*) FROM tokens WHERE robot = :robot) < ${MAX_ROBOT_TOKENS}
         RETURNING id`,
        { robot, id, hash, description, expiresAt, createdAt },
      ),
    );
    if (before === null) throw new RegistryError("NOT_FOUND");
    if (after === null) {
      const message = `the robot has ${MAX_ROBOT_TOKENS} tokens: delete one that is not in use`;
      throw new RegistryError("CONFLICT", { message });
    }
  }

  /** @throws NOT_FOUND unless the token is this robot's */
  async removeFromRobot(
    namespace: Namespace,
    robot: string,
    id: string,
    initiator: Initiator,
  ): Promise<void> {
    const row = {
      sql: `SELECT 1 FROM tokens WHERE id = :id AND robot = :robot`,
      values: { id, robot },
    };
    const entry: AuditEntry = {
      action: "robot.token.delete",
      namespace,
      reference: robot,
      detail: id,
    };
    await edit(
      this.#db,
      { initiator, entry, row, revokes: revocationOf(id) },
      prepare(this.#db, `DELETE FROM tokens WHERE id = :id AND robot = :robot RETURNING id`, {
        id,
        robot,
      }),
    );
  }
}

/**
 * Returns the revocation of a token. A token that was never used needs none, since nothing was signed for it: creating
 * and deleting tokens leaves no rows that every Worker would read.
 */
function revocationOf(id: string): Revocation[] {
  const when = {
    sql: `SELECT 1 FROM tokens WHERE id = :id AND last_used IS NOT NULL`,
    values: { id },
  };
  return [{ subject: `token:${id}`, when }];
}

interface Owner {
  readonly user: string | null;
  readonly robot: string | null;
  /** The scopes of a user's token, as JSON; null for a robot's. */
  readonly scopes: string | null;
}

export function insertToken(
  db: D1Database,
  { user, robot, scopes }: Owner,
  { id, hash, description, expiresAt, createdAt }: NewToken,
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO tokens (id, user, robot, hash, description, scopes, expires_at, created_at)
     VALUES (:id, :user, :robot, :hash, :description, :scopes, :expiresAt, :createdAt)`,
    { id, user, robot, hash, description, scopes, expiresAt, createdAt },
  );
}
