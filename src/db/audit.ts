import type { AnyEntry, AuditEntry } from "../events/catalogue.ts";
import type { Page } from "../oci/page.ts";
import { type Fragment, merge, prepare } from "./sql.ts";

export type { AuditEntry, EntryOf } from "../events/catalogue.ts";

/** Where a request came from, as the audit log keeps it. */
export interface Initiator {
  readonly actor: string | null;
  /** The credential: for a workload the subject of its ID token, otherwise the token's id; null for a password. */
  readonly subject: string | null;
  readonly via: string;
  readonly address: string | null;
  readonly agent: string | null;
  readonly requestId: string;
}

/** The initiator of what the registry does by itself: no request. */
export const BY_ITSELF: Initiator = {
  actor: null,
  subject: null,
  via: "registry",
  address: null,
  agent: null,
  requestId: "",
};

export interface AuditEvent extends Initiator, AnyEntry {
  /** Begins with the time, so it is also the order. */
  readonly id: string;
  readonly time: number;
  readonly outcome: "done" | "denied" | "failed";
}

/** What was done, with its place in the order of all events. */
export interface Event extends AuditEvent {
  /** Grows by one from event to event, in the order of their transactions. */
  readonly order: number;
}

export interface AuditFilter {
  readonly namespace?: string;
  readonly repository?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly outcome?: AuditEvent["outcome"];
  /** Milliseconds since 1970, inclusive and exclusive. */
  readonly since?: number;
  readonly until?: number;
}

/**
 * The longest User-Agent that is recorded, in characters. A client may send megabytes; this is enough to identify it.
 */
const MAX_AGENT = 200;

export function auditEvent(
  initiator: Initiator,
  entry: AuditEntry,
  outcome: AuditEvent["outcome"],
  time = Date.now(),
): AuditEvent {
  const namespace = entry.namespace ?? entry.repository?.split("/", 1)[0];
  return {
    ...initiator,
    ...entry,
    ...(namespace === undefined ? {} : { namespace }),
    agent: initiator.agent?.slice(0, MAX_AGENT) ?? null,
    id: idAt(time) + crypto.getRandomValues(new Uint8Array(8)).toHex(),
    time,
    outcome,
  };
}

/** Returns the lowest id of a moment, in milliseconds since 1970. */
export function idAt(time: number): string {
  return time.toString(16).padStart(12, "0");
}

const FIELDS = [
  ["id", "id"],
  ["time", "time"],
  ["actor", "actor"],
  ["subject", "subject"],
  ["via", "via"],
  ["action", "action"],
  ["namespace", "namespace"],
  ["repository", "repository"],
  ["reference", "reference"],
  ["digest", "digest"],
  ["detail", "detail"],
  ["address", "address"],
  ["agent", "agent"],
  ["request_id", "requestId"],
  ["outcome", "outcome"],
] as const;
const COLUMNS = FIELDS.map(([column]) => column).join(", ");
const VALUES = FIELDS.map(([, field]) => `e.value ->> '${field}'`).join(", ");

/**
 * Returns the statement that records a change. It belongs in the batch that makes the change, so neither exists without
 * the other.
 * @param condition SQL that returns a row, before the change, if it will change anything
 */
export function auditChange(
  db: D1Database,
  initiator: Initiator,
  entry: AuditEntry,
  condition?: Fragment,
): D1PreparedStatement {
  const event = JSON.stringify([auditEvent(initiator, entry, "done")]);
  const where = condition === undefined ? "" : `WHERE EXISTS (${condition.sql})`;
  return prepare(
    db,
    `INSERT INTO audit (${COLUMNS}) SELECT ${VALUES} FROM json_each(:event) e ${where}`,
    merge({ event }, condition?.values ?? {}),
  );
}

/**
 * Returns the statement that records a change whose details only the database knows.
 * @param found SQL that returns a row if the change will change anything. Its one column, `more`, is a JSON object with
 *   the further fields of the entry
 */
export function auditFound(
  db: D1Database,
  initiator: Initiator,
  entry: AuditEntry,
  found: Fragment,
): D1PreparedStatement {
  const event = JSON.stringify(auditEvent(initiator, entry, "done"));
  return prepare(
    db,
    // Materialized, or SQLite would find the details anew for each column.
    `WITH e AS MATERIALIZED (SELECT json_patch(:event, f.more) AS value FROM (${found.sql}) f)
     INSERT INTO audit (${COLUMNS}) SELECT ${VALUES} FROM e`,
    merge({ event }, found.values),
  );
}

/**
 * Returns the statement that records several changes.
 * @param condition SQL over `json_each` e of the entries, such as `e.value ->> 'digest'`
 */
export function auditEach(
  db: D1Database,
  initiator: Initiator,
  entries: readonly AuditEntry[],
  condition: Fragment,
): D1PreparedStatement {
  const events = entries.map((entry) => auditEvent(initiator, entry, "done"));
  return auditEvents(db, events, condition);
}

/** Returns the statement that records changes by several initiators. @param condition as for `auditEach` */
export function auditEvents(
  db: D1Database,
  events: readonly AuditEvent[],
  condition: Fragment,
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO audit (${COLUMNS}) SELECT ${VALUES} FROM json_each(:events) e WHERE EXISTS (${condition.sql})`,
    merge({ events: JSON.stringify(events) }, condition.values),
  );
}

/** Returns the statement that inserts entries. One that already exists stays unchanged. */
export function insertEvents(
  db: D1Database,
  events: readonly AuditEvent[],
  conflict = "ON CONFLICT DO NOTHING",
): D1PreparedStatement {
  return prepare(
    db,
    `INSERT INTO audit (${COLUMNS}) SELECT ${VALUES} FROM json_each(:events) e WHERE true ${conflict}`,
    { events: JSON.stringify(events) },
  );
}

export interface AuditPage {
  readonly events: AuditEvent[];
  readonly end: string | null;
}

/** SQL for the columns of an event, named as its fields. */
export const EVENT_COLUMNS = FIELDS.map(([column, field]) => `a.${column} AS ${field}`).join(", ");

/** The most rows that one search looks at. */
const MAX_SCANNED = 5_000;

/**
 * The filters, each with the name of its column, the narrowest first: the search uses the index of the first one that
 * is given.
 */
const EQUALITIES = [
  { field: "repository", index: "audit_by_repository" },
  { field: "namespace", index: "audit_by_namespace" },
  { field: "actor", index: "audit_by_actor" },
  { field: "action", index: "audit_by_action" },
  { field: "outcome", index: "audit_by_outcome" },
] as const;
/**
 * The condition that SQLite needs to use the index of outcomes, which leaves out 'done' because nearly every entry has
 * it.
 */
const NOT_DONE = "outcome <> 'done' AND ";

/** D1: what was done and what was refused. */
export class AuditStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Writes entries; one that comes twice is written once. */
  async add(events: readonly AuditEvent[]): Promise<void> {
    await insertEvents(this.#db, events).run();
  }

  /**
   * Returns one page of entries, the newest first; `after` is the last id of the previous page.
   * @returns the entries, and the id at which the search stopped before it had filled the page; null if it did not stop
   *   early
   */
  async list(filter: AuditFilter, { after, limit }: Page): Promise<AuditPage> {
    const { since, until, outcome } = filter;
    const before = [until === undefined ? [] : idAt(until), after || []].flat().toSorted()[0];
    const range = [
      ...(since === undefined ? [] : [{ sql: "id >= :since", values: { since: idAt(since) } }]),
      ...(before === undefined ? [] : [{ sql: "id < :before", values: { before } }]),
    ];
    const given = EQUALITIES.flatMap(({ field, index }) => {
      const value = filter[field];
      const also = field === "outcome" && outcome !== "done" ? NOT_DONE : "";
      if (value === undefined) return [];
      return [{ field, index, sql: `${also}${field} = :${field}`, values: { [field]: value } }];
    });
    const [narrowest] = given;
    const indexed = narrowest?.field === "outcome" && outcome === "done" ? [] : given.slice(0, 1);
    // A single filter finds its entries by its index alone. With several, most of what the index finds may not match,
    // so the search is bounded.
    const isAlone = given.length === indexed.length;
    const floor = isAlone ? null : await this.#floor([...indexed, ...range]);
    const last = floor === null ? [] : [{ sql: "id >= :floor", values: { floor } }];
    const { sql, values } = whereAll([...given, ...range, ...last]);
    const { results } = await prepare(
      this.#db,
      `SELECT ${FIELDS.map(([column, field]) => `${column} AS ${field}`).join(", ")} FROM audit
       ${indexed.map(({ index }) => `INDEXED BY ${index}`).join("")} ${sql} ORDER BY id DESC LIMIT :limit`,
      merge(values, { limit }),
    ).all<AuditEvent>();
    return { events: results, end: results.length < limit ? floor : null };
  }

  /** Returns the id of the last entry that one search may look at; null if it may look at all of them. */
  async #floor(conditions: readonly Fragment[]): Promise<string | null> {
    const { sql, values } = whereAll(conditions);
    const row = await prepare(
      this.#db,
      `SELECT id FROM audit ${sql} ORDER BY id DESC LIMIT 1 OFFSET :skipped`,
      merge(values, { skipped: MAX_SCANNED - 1 }),
    ).first<{ id: string }>();
    return row?.id ?? null;
  }

  /**
   * Deletes entries from before a time, in milliseconds since 1970, at most `limit` of them.
   * @returns how many were deleted
   */
  async expire(before: number, limit: number): Promise<number> {
    const { meta } = await prepare(
      this.#db,
      `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE id < :before ORDER BY id LIMIT :limit)`,
      { before: idAt(before), limit },
    ).run();
    return meta.changes;
  }
}

/** Joins conditions to a WHERE clause; without any there is none. */
function whereAll(conditions: readonly Fragment[]): Fragment {
  const sql = conditions.map((condition) => condition.sql).join(" AND ");
  return {
    sql: sql === "" ? "" : `WHERE ${sql}`,
    values: merge(...conditions.map(({ values }) => values)),
  };
}
