import { NOW } from "../db/clock.ts";
import { prepare } from "../db/sql.ts";
import type { KeptRecord, OsvKey, OsvStore } from "./match/osv/client.ts";
import type { OsvRecord } from "./match/osv/record.ts";
import { deflated, inflated } from "./stored-text.ts";

/** How long a record without a time of its change is used: only other records name it, for its severity. */
const UNDATED_MS = 7 * 86_400_000;
/** The most digits of one parameter, which D1 takes up to 2 MB. */
const MAX_DIGITS = 1_900_000;
/** The most records of one answer: they are in memory at the same time. */
const MAX_READ = 200;

/** D1: the records of OSV, which all images share. */
export class OsvRecords implements OsvStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  async get(keys: readonly OsvKey[]): Promise<ReadonlyMap<string, OsvRecord | null>> {
    const found = new Map<string, OsvRecord | null>();
    for (let i = 0; i < keys.length; i += MAX_READ) {
      const some = keys.slice(i, i + MAX_READ);
      const { results } = await prepare(
        this.#db,
        `SELECT o.id, hex(o.record) AS record FROM json_each(:keys) w
         CROSS JOIN osv_records o ON o.id = w.value ->> 'id'
         WHERE CASE WHEN w.value ->> 'modified' IS NULL THEN o.fetched_at > ${NOW} - ${UNDATED_MS}
           ELSE o.modified = w.value ->> 'modified' END`,
        { keys: JSON.stringify(some) },
      ).all<{ id: string; record: string }>();
      for (const { id, record } of results) found.set(id, inflated(record) as OsvRecord | null);
    }
    return found;
  }

  async put(records: readonly KeptRecord[]): Promise<void> {
    let rows: { id: string; modified: string; record: string }[] = [];
    let digits = 0;
    for (const { id, modified, record } of records) {
      const text = deflated(record);
      // One that is too long to be kept is fetched each time.
      if (text === null) continue;
      if (digits + text.length > MAX_DIGITS) {
        await this.#write(rows);
        [rows, digits] = [[], 0];
      }
      rows.push({ id, modified: modified ?? record?.modified ?? "", record: text });
      digits += text.length;
    }
    if (rows.length > 0) await this.#write(rows);
  }

  /** Deletes records that were not fetched for a while, at most `limit` of them: what is in use is fetched again. */
  async expire(ageMs: number, limit: number): Promise<void> {
    await prepare(
      this.#db,
      `DELETE FROM osv_records WHERE id IN (
         SELECT id FROM osv_records WHERE fetched_at < ${NOW} - :ageMs ORDER BY fetched_at LIMIT :limit)`,
      { ageMs, limit },
    ).run();
  }

  async #write(
    rows: readonly { readonly id: string; readonly modified: string; readonly record: string }[],
  ): Promise<void> {
    await prepare(
      this.#db,
      `INSERT INTO osv_records (id, modified, fetched_at, record)
       SELECT w.value ->> 'id', w.value ->> 'modified', ${NOW}, unhex(w.value ->> 'record') FROM json_each(:rows) w WHERE true
       ON CONFLICT (id) DO UPDATE SET modified = excluded.modified, fetched_at = excluded.fetched_at, record = excluded.record`,
      { rows: JSON.stringify(rows) },
    ).run();
  }
}
