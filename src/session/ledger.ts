import type { UploadedPart } from "../db/bucket.ts";
import { replacesTail, type ChunkResult } from "./progress.ts";

/** A row of SQLite holds at most 2 MB (developers.cloudflare.com/durable-objects/platform/limits). */
const TAIL_ROW = 1024 * 1024;

/**
 * Stores the rows of a session: the parts that are in R2, and the tail, which is the bytes after the last part. The
 * first commit creates the tables.
 */
export class Ledger {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Takes in what one request wrote. */
  commit(written: ChunkResult): void {
    this.#createTables();
    if (written.from === 0) this.#sql.exec("DELETE FROM parts");
    for (const { number, etag } of written.parts) {
      this.#sql.exec("INSERT INTO parts (number, etag) VALUES (?, ?)", number, etag);
    }
    const tailStart = written.offset - written.tail.length;
    const kept = replacesTail(written) ? 0 : tailStart;
    this.#sql.exec("DELETE FROM tail WHERE position >= ?", kept);
    this.#appendTail(written.tail, tailStart);
  }

  clear(): void {
    this.#sql.exec("DELETE FROM parts");
    this.#sql.exec("DELETE FROM tail");
  }

  parts(): UploadedPart[] {
    return this.#sql
      .exec<{ number: number; etag: string }>("SELECT number, etag FROM parts ORDER BY number")
      .toArray();
  }

  tail(length: number): Uint8Array {
    const tail = new Uint8Array(length);
    let filled = 0;
    const rows = this.#sql.exec<{ bytes: ArrayBuffer }>("SELECT bytes FROM tail ORDER BY position");
    for (const { bytes } of rows) {
      tail.set(new Uint8Array(bytes), filled);
      filled += bytes.byteLength;
    }
    return tail;
  }

  #createTables(): void {
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS parts (number INTEGER PRIMARY KEY, etag TEXT NOT NULL)",
    );
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS tail (position INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    );
  }

  #appendTail(bytes: Uint8Array, position: number): void {
    for (let offset = 0; offset < bytes.length; offset += TAIL_ROW) {
      const row = bytes.slice(offset, offset + TAIL_ROW);
      this.#sql.exec("INSERT INTO tail (position, bytes) VALUES (?, ?)", position + offset, row);
    }
  }
}
