/** A database that counts the rows its statements read and wrote, by D1's own count. */

export interface Metered {
  readonly sql: string;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  /** Milliseconds that it took in the database. */
  readonly milliseconds: number;
}

type Results = D1Result<Record<string, unknown>>;

export class Meter {
  readonly db: D1Database;
  #statements: Metered[] = [];

  constructor(db: D1Database) {
    this.db = new MeteredDatabase(db, (sql, { meta }) => {
      const { rows_read: rowsRead, rows_written: rowsWritten, duration: milliseconds } = meta;
      this.#statements.push({ sql, rowsRead, rowsWritten, milliseconds });
    }) as unknown as D1Database;
  }

  /** Returns the statements that ran since the last call. */
  take(): Metered[] {
    const taken = this.#statements;
    this.#statements = [];
    return taken;
  }
}

type Note = (sql: string, result: Results) => void;

/** The part of a database's interface that the registry uses. */
class MeteredDatabase {
  readonly #db: D1Database;
  readonly #note: Note;

  constructor(db: D1Database, note: Note) {
    this.#db = db;
    this.#note = note;
  }

  prepare(sql: string): MeteredStatement {
    return new MeteredStatement(sql, this.#db.prepare(sql), this.#note);
  }

  /** There are no replicas here. */
  withSession(): MeteredDatabase {
    return this;
  }

  async batch(statements: readonly MeteredStatement[]): Promise<Results[]> {
    const results = await this.#db.batch<Record<string, unknown>>(
      statements.map(({ statement }) => statement),
    );
    for (const [i, result] of results.entries()) this.#note(statements[i]?.sql ?? "", result);
    return results;
  }
}

class MeteredStatement {
  readonly sql: string;
  readonly statement: D1PreparedStatement;
  readonly #note: Note;

  constructor(sql: string, statement: D1PreparedStatement, note: Note) {
    this.sql = sql;
    this.statement = statement;
    this.#note = note;
  }

  bind(...values: unknown[]): MeteredStatement {
    return new MeteredStatement(this.sql, this.statement.bind(...values), this.#note);
  }

  async all(): Promise<Results> {
    const result = await this.statement.all();
    this.#note(this.sql, result);
    return result;
  }

  run(): Promise<Results> {
    return this.all();
  }

  async first(): Promise<Record<string, unknown> | null> {
    return (await this.all()).results[0] ?? null;
  }
}
