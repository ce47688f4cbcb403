import type { Attempts } from "../auth/identity-store.ts";
import type { Pace, Places } from "../auth/login/throttle.ts";
import { prepare } from "./sql.ts";

/** How long failed logins are kept, in milliseconds; longer than any window in which they are counted. */
const REMEMBERED_FAILURES = 3_600_000;
/** How long a network is stored from which an account logged in, in milliseconds. */
const REMEMBERED_NETWORKS = 30 * 86_400_000;
/** The most networks that are stored of one account; the ones used last are kept. */
const MAX_NETWORKS = 50;

/** D1: failed logins, and the networks from which passwords were right. */
export class LoginAttemptStore implements Attempts {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async failed(keys: readonly string[], now: number, window: number): Promise<void> {
    await prepare(
      this.#db,
      `INSERT INTO login_failures (key, failures, since)
       SELECT value, 1, :now FROM json_each(:keys) WHERE true
       ON CONFLICT (key) DO UPDATE SET
         failures = CASE WHEN since > :now - :window THEN failures + 1 ELSE 1 END,
         since = CASE WHEN since > :now - :window THEN since ELSE :now END`,
      { keys: JSON.stringify(keys), now, window },
    ).run();
  }

  async takeAttempts(paces: readonly Pace[], now: number): Promise<boolean> {
    const { meta } = await prepare(
      this.#db,
      `INSERT INTO login_failures (key, failures, since, tried_at)
       SELECT value ->> 'key', 0, :now, :now FROM json_each(:paces) WHERE NOT EXISTS (
         SELECT 1 FROM json_each(:paces) w CROSS JOIN login_failures f ON f.key = w.value ->> 'key'
         WHERE f.tried_at > :now - (w.value ->> 'pace'))
       ON CONFLICT (key) DO UPDATE SET tried_at = excluded.tried_at`,
      { paces: JSON.stringify(paces), now },
    ).run();
    return meta.changes > 0;
  }

  async remember({ account, network }: Places, now: number): Promise<void> {
    await this.#db.batch([
      prepare(
        this.#db,
        `INSERT INTO login_networks (account, network, used_at) VALUES (:account, :network, :now)
         ON CONFLICT (account, network) DO UPDATE SET used_at = excluded.used_at`,
        { account, network, now },
      ),
      prepare(
        this.#db,
        `DELETE FROM login_networks WHERE account = :account AND network IN (
           SELECT network FROM login_networks WHERE account = :account
           ORDER BY used_at DESC LIMIT -1 OFFSET ${MAX_NETWORKS})`,
        { account },
      ),
    ]);
  }

  /** Deletes expired rows, at most `limit` of each table. */
  async expire(now: number, limit: number): Promise<void> {
    await this.#db.batch([
      prepare(
        this.#db,
        `DELETE FROM login_failures WHERE key IN (
           SELECT key FROM login_failures WHERE since < :before ORDER BY since LIMIT :limit)`,
        { before: now - REMEMBERED_FAILURES, limit },
      ),
      prepare(
        this.#db,
        `DELETE FROM login_networks WHERE (account, network) IN (
           SELECT account, network FROM login_networks WHERE used_at < :before ORDER BY used_at LIMIT :limit)`,
        { before: now - REMEMBERED_NETWORKS, limit },
      ),
    ]);
  }
}
