import type { Scope } from "../auth/policy/access.ts";
import { RegistryError } from "../oci/errors.ts";
import { showTagRules, type TagRule } from "../oci/tag-rules.ts";
import { auditChange, type Condition, type AuditEntry, type Initiator } from "./audit.ts";
import { NOW } from "./clock.ts";
import { revoke } from "./identities.ts";

/**
 * Changes of who may do what. Each is one batch, so D1 makes all of it or nothing: the event, what is revoked, the change.
 * Each statement says for itself when it is to do nothing; a batch cannot stop in the middle.
 */

export interface Change {
  readonly initiator: Initiator;
  readonly entry: AuditEntry;
}

/** SQLite's words; they are how D1 says which constraint was in the way. */
const EXISTS = /UNIQUE constraint failed/;
const ORPHAN = /FOREIGN KEY constraint failed/;

const FULL = /too many/;

/** "orphan": what the new thing belongs to is not there. "full": there are as many as there may be. */
export type Creation = "created" | "exists" | "orphan" | "full";

/** Makes something new. Whatever is in the way fails the statement, and with it the batch. */
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
    if (FULL.test(String(error))) return "full";
    throw error;
  }
}

export interface Edit extends Change {
  /** The row as it is before the change. Like those of a condition, its parameters begin at ?2. */
  readonly row: Condition;
  /** Gives a row when the change will be made; the row itself where nothing else is asked. */
  readonly ready?: Condition;
  /** What is revoked with it. */
  readonly revokes?: readonly Revocation[];
  /** What else is to happen before the change. */
  readonly extra?: readonly D1PreparedStatement[];
}

export interface Revocation {
  readonly subject: string;
  /** Where it is not revoked with every change. */
  readonly when?: Condition;
}

interface Edited<Row> {
  /** The row as it was, or null where there was none. */
  readonly before: Record<string, unknown> | null;
  /** What the statement returned: a row where something changed. */
  readonly after: Row | null;
}

/**
 * @param statement makes the change under the same condition as `ready`, and returns what it changed
 * @throws CONFLICT where it would make one more than there may be
 */
export async function tryBatch<Row>(
  db: D1Database,
  { initiator, entry, row, ready = row, revokes = [], extra = [] }: Edit,
  statement: D1PreparedStatement,
): Promise<Edited<Row>> {
  const statements = [
    db.prepare(row.sql).bind(null, ...row.parameters),
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
  if (!FULL.test(String(error))) throw error;
  throw new RegistryError("CONFLICT", {
    message: "there are as many of them as there may be: take one away first",
    cause: error,
  });
}

/**
 * @returns the row as it is now
 * @throws NOT_FOUND, or VERSION_MISMATCH where the row is there and was not to be changed
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

/** The row of this name, and whether it has the version that is wanted. */
export function versioned(
  table: "namespaces" | "robots" | "trust_rules" | "users",
  name: string,
  version: number | null,
): Required<Pick<Edit, "row" | "ready">> {
  return {
    row: { sql: `SELECT version FROM ${table} WHERE name = ?2`, parameters: [name] },
    ready: {
      sql: `SELECT 1 FROM ${table} WHERE name = ?2 AND (?3 IS NULL OR version = ?3)`,
      parameters: [name, version],
    },
  };
}

/**
 * SQL: an account disabled or enabled, or (NULL) neither. Who disables it a second time is not the one who did.
 * @param n the number of the parameter that says which, 1 or 0; the next one says who
 */
export function disabling(n: number): string {
  const set = (column: string, value: string) =>
    `${column} = CASE ?${n} WHEN 1 THEN coalesce(${column}, ${value}) WHEN 0 THEN NULL ELSE ${column} END`;
  return `${set("disabled_at", NOW)}, ${set("disabled_by", `?${n + 1}`)}`;
}

/** A page of what a namespace holds. @throws NOT_FOUND when there is no such namespace */
export async function listWithin<Row>(
  db: D1Database,
  namespace: string,
  statement: D1PreparedStatement,
): Promise<Row[]> {
  const [there, page] = await db.batch<Row>([
    db.prepare(`SELECT name FROM namespaces WHERE name = ?1`).bind(namespace),
    statement,
  ]);
  if (there === undefined || there.results.length === 0) throw new RegistryError("NOT_FOUND");
  return page?.results ?? [];
}

const MAX_DETAIL = 500;

/** Scopes as the audit log says them: `acme/*:push acme/app:delete`. */
export function brief(scopes: readonly Scope[]): string {
  const parts = scopes.map(({ repositories, actions }) => `${repositories}:${actions.join(",")}`);
  return parts.join(" ").slice(0, MAX_DETAIL);
}

/** Rules of immutable tags as the audit log says them. */
export function briefRules(rules: readonly TagRule[]): string {
  return `immutableTags=${showTagRules(rules) || "none"}`.slice(0, MAX_DETAIL);
}
