import { auditChange, type Event, type Initiator } from "../db/audit.ts";
import { NOW } from "../db/clock.ts";
import { prepare } from "../db/sql.ts";
import { type DeadEventId, formatDeadEventId } from "../http/event-id.ts";

/** The most dead events of a subscriber that are kept. The oldest go first. */
export const MAX_DEAD = 1_000;
/** The longest error that is kept, in characters. */
const MAX_ERROR = 1_000;

export interface DeadEvent {
  readonly subscriber: string;
  readonly event: Event;
  /** The error of the last try. */
  readonly error: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** D1: events that subscribers failed to receive. */
export class DeadEventStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Records an event, and drops the oldest ones of the subscriber that are too many. */
  async add(subscriber: string, event: Event, error: string): Promise<void> {
    const values = { subscriber, seq: event.order };
    await this.#db.batch([
      prepare(
        this.#db,
        `INSERT INTO dead_events (subscriber, seq, event, error, since)
         VALUES (:subscriber, :seq, :event, :error, ${NOW})
         ON CONFLICT (subscriber, seq)
           DO UPDATE SET event = excluded.event, error = excluded.error, since = excluded.since`,
        { ...values, event: JSON.stringify(event), error: error.slice(0, MAX_ERROR) },
      ),
      prepare(
        this.#db,
        `DELETE FROM dead_events WHERE subscriber = :subscriber AND seq <= (
           SELECT seq FROM dead_events WHERE subscriber = :subscriber ORDER BY seq DESC LIMIT 1 OFFSET :most)`,
        { subscriber, most: MAX_DEAD },
      ),
    ]);
  }

  /** Returns a page, by subscriber and number. */
  async list({ subscriber, order }: DeadEventId, limit: number): Promise<DeadEvent[]> {
    const { results } = await prepare(
      this.#db,
      `SELECT subscriber, event, error, since FROM dead_events
       WHERE (subscriber, seq) > (:subscriber, :order) ORDER BY subscriber, seq LIMIT :limit`,
      { subscriber, order, limit },
    ).all<Row>();
    return results.map(deadEventOf);
  }

  /** Returns an event; null if there is no such one. */
  async find({ subscriber, order }: DeadEventId): Promise<DeadEvent | null> {
    const row = await prepare(
      this.#db,
      `SELECT subscriber, event, error, since FROM dead_events WHERE subscriber = :subscriber AND seq = :order`,
      { subscriber, order },
    ).first<Row>();
    return row === null ? null : deadEventOf(row);
  }

  /**
   * Removes an event that was sent again, or is not wanted any more, and records by whom.
   * @returns false if there is no such one
   */
  async remove(
    { subscriber, order }: DeadEventId,
    action: "event.retry" | "event.drop",
    initiator: Initiator,
  ): Promise<boolean> {
    const entry = { action, reference: formatDeadEventId({ subscriber, order }) };
    const found = prepare(
      this.#db,
      `DELETE FROM dead_events WHERE subscriber = :subscriber AND seq = :order RETURNING seq`,
      { subscriber, order },
    );
    const [, gone] = await this.#db.batch([
      auditChange(this.#db, initiator, entry, {
        sql: `SELECT 1 FROM dead_events WHERE subscriber = :subscriber AND seq = :order`,
        values: { subscriber, order },
      }),
      found,
    ]);
    return gone !== undefined && gone.results.length > 0;
  }
}

interface Row extends Omit<DeadEvent, "event"> {
  readonly event: string;
}

function deadEventOf({ event, ...row }: Row): DeadEvent {
  return { ...row, event: JSON.parse(event) as Event };
}
