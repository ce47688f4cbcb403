import { assertion, hasFailed } from "../db/retry.ts";
import { type AuditEvent, idAt, insertEvents } from "../db/audit.ts";
import { prepare } from "../db/sql.ts";

/** A window's counts, and which of some events the log has already: a queue may deliver a message twice. */
export interface Standing {
  readonly counts: ReadonlyMap<string, number>;
  readonly known: ReadonlySet<string>;
}

export interface Records {
  readonly events: readonly AuditEvent[];
  /** The counts after the events. */
  readonly counts: ReadonlyMap<string, number>;
}

/** The number of refusals of a kind in one window that are not recorded one by one. */
export interface Suppressed {
  /** When the window began and when it ends, in milliseconds since 1970. */
  readonly since: number;
  readonly until: number;
  readonly of: string;
  /** The namespace whose owners may read it. */
  readonly namespace?: string;
  readonly count: number;
}

/** D1: the records of refusals, at most a fixed number for each window. */
export class RefusalStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async standing(
    since: number,
    keys: readonly string[],
    ids: readonly string[],
  ): Promise<Standing> {
    const [counts, known] = await this.#db.batch<{ key: string; records: number }>([
      prepare(
        this.#db,
        `SELECT b.key, b.records FROM json_each(:keys) w
         CROSS JOIN audit_budgets b ON b.since = :since AND b.key = w.value`,
        { since, keys: JSON.stringify(keys) },
      ),
      prepare(
        this.#db,
        `SELECT a.id AS key FROM json_each(:ids) w CROSS JOIN audit a ON a.id = w.value`,
        { ids: JSON.stringify(ids) },
      ),
    ]);
    return {
      counts: new Map(counts?.results.map(({ key, records }) => [key, records])),
      known: new Set(known?.results.map(({ key }) => key)),
    };
  }

  /**
   * Writes events of one window and raises its counts, if these are still the same as before: two writers at once must
   * not both use the last of a limit.
   * @returns false when the counts have changed, and nothing was written
   */
  async write(since: number, { events, counts }: Records, before: Standing): Promise<boolean> {
    const rows = [...counts].map(([key, records]) => ({
      key,
      records,
      before: before.counts.get(key) ?? 0,
    }));
    const changed = {
      sql: `SELECT 1 FROM json_each(:rows) w
        LEFT JOIN audit_budgets b ON b.since = :since AND b.key = w.value ->> 'key'
        WHERE coalesce(b.records, 0) <> w.value ->> 'before'`,
      values: { since, rows: JSON.stringify(rows) },
    };
    try {
      await this.#db.batch([
        assertion(this.#db, changed, "no row"),
        insertEvents(this.#db, events),
        prepare(
          this.#db,
          `INSERT INTO audit_budgets (since, key, records)
           SELECT :since, value ->> 'key', value ->> 'records' FROM json_each(:rows) WHERE true
           ON CONFLICT (since, key) DO UPDATE SET records = excluded.records`,
          { since, rows: JSON.stringify(rows) },
        ),
      ]);
      return true;
    } catch (error) {
      if (hasFailed(error)) return false;
      throw error;
    }
  }

  /** Returns those of the names that are namespaces. */
  async namespacesAmong(names: readonly string[]): Promise<Set<string>> {
    const { results } = await prepare(
      this.#db,
      `SELECT n.name FROM json_each(:names) w CROSS JOIN namespaces n ON n.name = w.value`,
      { names: JSON.stringify(names) },
    ).all<{ name: string }>();
    return new Set(results.map(({ name }) => name));
  }

  /** Adds to the window's one record of suppressed refusals of each kind. */
  async suppress(all: readonly Suppressed[]): Promise<void> {
    if (all.length === 0) return;
    const events = await Promise.all(all.map(summary));
    await this.#db.batch([
      insertEvents(
        this.#db,
        events,
        `ON CONFLICT (id) DO UPDATE SET detail = (
           CAST(audit.detail AS INTEGER) + CAST(excluded.detail AS INTEGER)
         ) || substr(excluded.detail, instr(excluded.detail, ' '))`,
      ),
    ]);
  }

  /** Deletes the counts of windows that began before a time, at most `limit` of them. */
  async expire(before: number, limit: number): Promise<void> {
    await prepare(
      this.#db,
      `DELETE FROM audit_budgets WHERE (since, key) IN (
         SELECT since, key FROM audit_budgets WHERE since < :before ORDER BY since LIMIT :limit)`,
      { before, limit },
    ).run();
  }
}

/** The detail begins with the number, so that SQL can add to it. */
async function summary({ since, until, of, namespace, count }: Suppressed): Promise<AuditEvent> {
  const bytes = new TextEncoder().encode(of);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes), 0, 8).toHex();
  const times = [since, until].map((time) => new Date(time).toISOString().slice(11, 16));
  return {
    id: idAt(since) + hash,
    time: since,
    actor: null,
    subject: null,
    via: "registry",
    action: "audit.suppress",
    ...(namespace === undefined ? {} : { namespace }),
    reference: of,
    detail: `${count} more from ${times.join(" to ")} UTC are not recorded one by one`,
    address: null,
    agent: null,
    requestId: "",
    outcome: of.startsWith("denial ") ? "denied" : "failed",
  };
}
