import { type Event, EVENT_COLUMNS } from "../db/audit.ts";
import { prepare } from "../db/sql.ts";

/** The longest text of an event, in characters: a message of a queue has at most 128 KB. The audit log has all of it. */
const MAX_TEXT = 4_000;

/** A row of the outbox. */
export interface Numbered {
  readonly order: number;
  /** null if its entry is no longer in the audit log. */
  readonly event: Event | null;
}

type Row = { readonly [K in keyof Event]: Event[K] | null } & { readonly order: number };

/** D1: events that were not handed on to all subscribers yet. */
export class OutboxStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Returns the next events after a number, in their order. */
  async page(after: number, limit: number): Promise<Numbered[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT o.seq AS "order", ${EVENT_COLUMNS} FROM outbox o LEFT JOIN audit a ON a.id = o.audit_id
       WHERE o.seq > :after ORDER BY o.seq LIMIT :limit`,
      { after, limit },
    ).all<Row>();
    return results.map((row) => ({ order: row.order, event: eventOf(row) }));
  }

  /** Deletes events that all subscribers were given: those up to a number. */
  async forget(through: number): Promise<void> {
    await prepare(this.#db, `DELETE FROM outbox WHERE seq <= :through`, { through }).run();
  }

  /** Returns the time of the first event, in milliseconds since 1970; null if there is none. */
  async oldest(): Promise<number | null> {
    const row = await prepare(
      this.#db,
      `SELECT a.time FROM outbox o JOIN audit a ON a.id = o.audit_id ORDER BY o.seq LIMIT 1`,
    ).first<{ time: number }>();
    return row?.time ?? null;
  }
}

/** Returns the event without the fields that it does not have, and its long texts cut. */
function eventOf(row: Row): Event | null {
  if (row.id === null) return null;
  const { namespace, repository, reference, digest, detail, ...rest } = row;
  const given = Object.entries({ namespace, repository, reference, digest, detail }).flatMap(
    ([field, value]) => (value === null ? [] : [[field, String(value).slice(0, MAX_TEXT)]]),
  );
  const subject = row.subject?.slice(0, MAX_TEXT) ?? null;
  return { ...rest, ...Object.fromEntries(given), subject } as Event;
}
