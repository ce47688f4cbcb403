import { type AuditEvent, auditEvents } from "./audit.ts";
import { revoke } from "./revocations.ts";
import { merge } from "./sql.ts";

/** D1: credentials that ID tokens were exchanged for. They are signed and not stored, so a row is only made to end one. */
export class CredentialStore {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Ends a credential. One that has ended already is left as it is, and nothing is recorded. @param subject its subject */
  async revoke(subject: string, events: readonly AuditEvent[]): Promise<void> {
    const isValid = {
      sql: `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM revocations WHERE subject = :subject)`,
      values: merge({ subject }),
    };
    await this.#db.batch([
      auditEvents(this.#db, events, isValid),
      revoke(this.#db, subject, isValid),
    ]);
  }
}
