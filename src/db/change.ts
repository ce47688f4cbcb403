import { isRaised } from "./raised.ts";
import type { Scope } from "../auth/policy/access.ts";
import { RegistryError } from "../oci/errors.ts";
import { showTagRules, type TagRule } from "../oci/tag-rules.ts";
import { auditChange, type AuditEntry, type Initiator } from "./audit.ts";
import { NOW } from "./clock.ts";
import { revoke } from "./revocations.ts";
import { type Fragment, prepare } from "./sql.ts";

/**
 * Makes changes of accounts, roles and rules. Each change is one batch, so D1 makes all of it or nothing: the audit
 * entry, the revocations, the change. Each statement has its own condition, because a batch cannot stop in the middle.
 */

export interface Change {
  readonly initiator: Initiator;
  readonly entry: AuditEntry;
}

/** SQLite's messages. D1 names the constraint that failed only in its message. */
const EXISTS = /UNIQUE constraint failed/;
const ORPHAN = /FOREIGN KEY constraint failed/;

function isFull(error: unknown): boolean {
  return isRaised(error, "patterns", "robots", "rules", "tokens", "exceptions", "signers");
}

/**
 * "orphan" means that the user, robot or namespace of the new row does not exist, "full" that there are already as many
 * rows as is allowed.
 */
export type Creation = "created" | "exists" | "orphan" | "full";

/** Creates something. Any conflict fails its statement, and with it the whole batch. */
export async function create(
  db: D1Database,
  { initiator, entry }: Change,
  inserts: readonly D1PreparedStatement[],
): Promise<Creation> {
  try {
    await db.batch([auditChange(db, initiator, entry), ...inserts]);
    return "created";
  } catch (error) {
    if (EXISTS.test(String(error))) return "exists";
    if (ORPHAN.test(String(error))) return "orphan";
    if (isFull(error)) return "full";
    throw error;
  }
}

export interface Edit extends Change {
  /** Selects the row before the change. */
  readonly row: Fragment;
  /** Returns a row if the change will be made; by default the same as `row`. */
  readonly ready?: Fragment;
  /** What the change revokes. */
  readonly revokes?: readonly Revocation[];
  /** Statements that run before the change in the same batch. */
  readonly extra?: readonly D1PreparedStatement[];
}

export interface Revocation {
  readonly subject: string;
  /** Returns a row if this change revokes the subject; by default every change does. */
  readonly when?: Fragment;
}

interface Edited<Row> {
  /** The row before the change; null if there was none. */
  readonly before: Record<string, unknown> | null;
  /** The row that the statement returned; null if nothing changed. */
  readonly after: Row | null;
}

/**
 * Tries a change, and returns the row before and after it.
 * @param statement makes the change under the same condition as `ready`, and returns what it changed
 * @throws CONFLICT if there would be more of them than is allowed
 */
export async function tryBatch<Row>(
  db: D1Database,
  { initiator, entry, row, ready = row, revokes = [], extra = [] }: Edit,
  statement: D1PreparedStatement,
): Promise<Edited<Row>> {
  const statements = [
    prepare(db, row.sql, row.values),
    auditChange(db, initiator, entry, ready),
    ...revokes.map(({ subject, when = ready }) => revoke(db, subject, when)),
    ...extra,
    statement,
  ];
  const results = await db.batch<Record<string, unknown>>(statements).catch(refuseFull);
  const after = (results.at(-1)?.results[0] as Row | undefined) ?? null;
  return { before: results[0]?.results[0] ?? null, after };
}

function refuseFull(error: unknown): never {
  if (!isFull(error)) throw error;
  throw new RegistryError("CONFLICT", {
    message: "there are as many of them as there may be: take one away first",
    cause: error,
  });
}

/**
 * Makes a change.
 * @returns the row after the change
 * @throws NOT_FOUND, or VERSION_MISMATCH if the row exists but the condition did not hold
 */
export async function edit<Row>(
  db: D1Database,
  change: Edit,
  statement: D1PreparedStatement,
): Promise<Row> {
  const { before, after } = await tryBatch<Row>(db, change, statement);
  if (after !== null) return after;
  throw new RegistryError(before === null ? "NOT_FOUND" : "VERSION_MISMATCH");
}

/** SQL: the row has this name, and the version that the client expects; NULL accepts any. */
export const EXPECTED = `name = :name AND (:version IS NULL OR version = :version)`;

/** Selects the row of a name, and the condition that it has the version that the client expects; null accepts any. */
export function versioned(
  table: "namespaces" | "robots" | "trust_rules" | "users",
  name: string,
  version: number | null,
): Required<Pick<Edit, "row" | "ready">> {
  return {
    row: { sql: `SELECT version FROM ${table} WHERE name = :name`, values: { name } },
    ready: {
      sql: `SELECT 1 FROM ${table} WHERE ${EXPECTED}`,
      values: { name, version },
    },
  };
}

/**
 * SQL that disables or enables an account, or leaves it as it is (NULL). Disabling it a second time does not change
 * when and by whom it was disabled. :disabled is 1 to disable, 0 to enable or NULL, and :actor is the actor's name.
 */
export const DISABLING = `${disabling("disabled_at", NOW)}, ${disabling("disabled_by", ":actor")}`;

function disabling(column: string, value: string): string {
  return `${column} = CASE :disabled WHEN 1 THEN coalesce(${column}, ${value}) WHEN 0 THEN NULL ELSE ${column} END`;
}

/**
 * Returns a page of the rows of a namespace.
 * @throws NOT_FOUND if there is no such namespace
 */
export async function listWithin<Row>(
  db: D1Database,
  namespace: string,
  statement: D1PreparedStatement,
): Promise<Row[]> {
  const [there, page] = await db.batch<Row>([
    prepare(db, `SELECT name FROM namespaces WHERE name = :namespace`, { namespace }),
    statement,
  ]);
  if (there === undefined || there.results.length === 0) throw new RegistryError("NOT_FOUND");
  return page?.results ?? [];
}

const MAX_DETAIL = 500;

/** Formats scopes for the audit log: `acme/*:push acme/app:delete`. */
export function brief(scopes: readonly Scope[]): string {
  const parts = scopes.map(({ repositories, actions }) => `${repositories}:${actions.join(",")}`);
  return parts.join(" ").slice(0, MAX_DETAIL);
}

/** Formats rules of immutable tags for the audit log. */
export function briefRules(rules: readonly TagRule[]): string {
  return `immutableTags=${showTagRules(rules) || "none"}`.slice(0, MAX_DETAIL);
}
