import type { Page } from "../oci/page.ts";
import { auditChange, type AuditEntry, auditFound, idAt, type Initiator } from "./audit.ts";
import { edit } from "./change.ts";
import { type Fragment, merge, prepare } from "./sql.ts";

/** A session; all times are in milliseconds since 1970. */
export interface Session {
  /** 16 hexadecimal digits. */
  readonly id: string;
  /** Where the sign-in came from. */
  readonly address: string;
  readonly agent: string | null;
  readonly createdAt: number;
  /** Its last use, to a few minutes. */
  readonly seenAt: number;
  /** Its end, however much it is used. */
  readonly expiresAt: number;
}

/** A session to begin. */
export interface NewSession extends Session {
  readonly user: string;
  /** The hash of its secret. */
  readonly hash: string;
  /** The built-in administrator's mark (auth/login/admin.ts); null for others. */
  readonly mark: string | null;
}

/** What a sign-in was decided by. */
interface Grounds {
  /** The hash of the session that the browser had until now, which ends; null for none. */
  readonly replaces: string | null;
  /** When the account was read, in milliseconds since 1970. */
  readonly grantedAt: number;
}

/** The most sessions of a user. Of more, those go that were used longest ago. */
export const MAX_SESSIONS = 20;

/** SQL: the user's sessions beyond that number; the one that begins is none of them. */
const TOO_MANY = `SELECT id FROM sessions WHERE user = :user ORDER BY id = :id DESC, seen_at DESC
  LIMIT -1 OFFSET ${MAX_SESSIONS}`;

/** D1: who is signed in, by the hashes of their cookies. */
export class SessionStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Lists the sessions of a user that were used since a time and have not ended. */
  async list(
    user: string,
    { seenAfter, now }: { readonly seenAfter: number; readonly now: number },
    { after, limit }: Page,
  ): Promise<Session[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT id, address, agent, created_at AS createdAt, seen_at AS seenAt, expires_at AS expiresAt
       FROM sessions WHERE user = :user AND id > :after AND seen_at > :seenAfter AND expires_at > :now
       ORDER BY id LIMIT :limit`,
      { user, after, seenAfter, now, limit },
    ).all<Session>();
    return results;
  }

  /**
   * Begins a session.
   * @returns false when the account was changed, disabled or deleted since it was read
   */
  async begin(
    session: NewSession,
    { replaces, grantedAt }: Grounds,
    initiator: Initiator,
  ): Promise<boolean> {
    const { id, user } = session;
    const entry: AuditEntry = { action: "session.begin", reference: id };
    const ready = {
      sql: `SELECT 1 FROM users WHERE name = :user AND disabled_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM revocations WHERE subject = 'user:' || :user AND revoked_at >= :grantedAt)`,
      values: { user, grantedAt },
    };
    const replaced = {
      sql: `SELECT id FROM sessions WHERE hash = :replaces AND EXISTS (${ready.sql})`,
      values: merge({ replaces }, ready.values),
    };
    const [, , , begun] = await this.#db.batch<{ id: string }>([
      auditChange(this.#db, initiator, entry, ready),
      // A sign-in that is refused leaves the browser the session that it has.
      ...this.#endEach(replaced, session, initiator),
      insertSession(this.#db, session, ready),
      ...this.#endEach({ sql: TOO_MANY, values: { user, id } }, session, initiator),
    ]);
    return begun?.results.length === 1;
  }

  /** Returns the statements that end sessions because another one begins, each with its audit entry. */
  #endEach(
    { sql, values }: Fragment,
    { id, createdAt }: NewSession,
    initiator: Initiator,
  ): D1PreparedStatement[] {
    const entry: AuditEntry = { action: "session.end", reference: id };
    // Each has an id of its own, as `auditEvent` makes it.
    const each = {
      sql: `SELECT json_object('reference', ended.id, 'id', :at || lower(hex(randomblob(8)))) AS more
        FROM (${sql}) ended`,
      values: merge({ at: idAt(createdAt) }, values),
    };
    return [
      auditFound(this.#db, initiator, entry, each),
      prepare(this.#db, `DELETE FROM sessions WHERE id IN (${sql})`, values),
    ];
  }

  /**
   * Ends a session.
   * @param user the session's user, or null for any
   * @throws NOT_FOUND
   */
  async end(id: string, user: string | null, initiator: Initiator): Promise<void> {
    const which = `id = :id AND (:user IS NULL OR user = :user)`;
    const row = { sql: `SELECT id FROM sessions WHERE ${which}`, values: { id, user } };
    await edit(
      this.#db,
      { initiator, entry: { action: "session.end", reference: id }, row },
      prepare(this.#db, `DELETE FROM sessions WHERE ${which} RETURNING id`, { id, user }),
    );
  }

  /** Deletes sessions that were not used since a time, at most `limit` of them. */
  async expire(seenBefore: number, limit: number): Promise<void> {
    await prepare(
      this.#db,
      `DELETE FROM sessions WHERE id IN (
         SELECT id FROM sessions WHERE seen_at < :seenBefore ORDER BY seen_at LIMIT :limit)`,
      { seenBefore, limit },
    ).run();
  }
}

/** Returns the statement that ends all sessions of a user. */
export function endSessions(
  db: D1Database,
  user: string,
  condition: Fragment,
): D1PreparedStatement {
  return prepare(
    db,
    `DELETE FROM sessions WHERE user = :user AND EXISTS (${condition.sql})`,
    merge({ user }, condition.values),
  );
}

/** Returns the statement that begins a session, and the session's id if the condition holds. */
export function insertSession(
  db: D1Database,
  { hash, id, user, mark, address, agent, createdAt, seenAt, expiresAt }: NewSession,
  condition: Fragment,
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO sessions (hash, id, user, mark, address, agent, created_at, seen_at, expires_at)
     SELECT :hash, :id, :user, :mark, :address, :agent, :createdAt, :seenAt, :expiresAt
     WHERE EXISTS (${condition.sql}) RETURNING id`,
    merge({ hash, id, user, mark, address, agent, createdAt, seenAt, expiresAt }, condition.values),
  );
}
