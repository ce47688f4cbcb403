/** A lost database, and what must exist again after the recovery. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { readSettings } from "../../src/settings.ts";
import { createRegistry } from "../../src/compose.ts";
import { TABLES } from "../../src/backup/exported.ts";
import { done } from "./management.ts";

/** Replaces the database by a new one with its migrations, or some of them; the bucket stays as it was. */
export async function loseDatabase(migrations = env.TEST_MIGRATIONS): Promise<void> {
  const { results } = await env.DB.prepare(
    `SELECT type, name FROM sqlite_master
     WHERE type IN ('trigger', 'view', 'table') AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%'
       AND name NOT LIKE 'repository!_search!_%' ESCAPE '!'
     ORDER BY rowid DESC`,
  ).all<{ type: string; name: string }>();
  const of = (type: string) => results.filter((one) => one.type === type);
  await env.DB.batch([
    env.DB.prepare("PRAGMA defer_foreign_keys = on"),
    ...["trigger", "view", "table"].flatMap((type) =>
      of(type).map(({ name }) => env.DB.prepare(`DROP ${type} "${name}"`)),
    ),
  ]);
  await applyD1Migrations(env.DB, migrations);
}

/** The rows that a recovery has to restore, of blobs and links those that a manifest names. */
const COMPARED: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.entries(TABLES).map(([table, { key }]) => [
      table,
      `SELECT * FROM ${table} ORDER BY ${key.join(", ")}`,
    ]),
  ),
  manifest_references: `SELECT f.repository_id, m.digest AS manifest, d.digest, f.kind, f.platform
    FROM manifest_references f JOIN manifests m ON m.id = f.manifest_id JOIN digests d ON d.id = f.digest_id
    ORDER BY 1, 2, 3`,
  repository_blobs: `SELECT l.repository_id, d.digest FROM repository_blobs l JOIN digests d ON d.id = l.digest_id
    WHERE EXISTS (
      SELECT 1 FROM manifest_references f WHERE f.repository_id = l.repository_id AND f.digest_id = l.digest_id)
    ORDER BY 1, 2`,
  trashed_blobs: `SELECT k.repository_id, d.digest FROM trashed_blobs k JOIN digests d ON d.id = k.digest_id ORDER BY 1, 2`,
  blobs: `SELECT d.digest, b.key, b.size, b.created_at, b.missing_since FROM blobs b JOIN digests d ON d.id = b.digest_id
    WHERE EXISTS (
      SELECT 1 FROM repository_blobs l JOIN manifest_references f
        ON f.repository_id = l.repository_id AND f.digest_id = l.digest_id WHERE l.digest_id = b.digest_id)
    OR EXISTS (SELECT 1 FROM trashed_blobs k WHERE k.digest_id = b.digest_id) ORDER BY 1`,
  /** Rows that the triggers derive. */
  repository_search: `SELECT rowid FROM repository_search ORDER BY rowid`,
  namespace_blobs: `SELECT n.namespace, d.digest, n.size, n.links FROM namespace_blobs n JOIN digests d ON d.id = n.digest_id
    ORDER BY 1, 2`,
  namespace_usage: `SELECT * FROM namespace_usage WHERE bytes > 0 OR repositories > 0 ORDER BY 1`,
  unreferenced_blobs: `SELECT v.repository_id, d.digest FROM unreferenced_blobs v JOIN digests d ON d.id = v.digest_id
    ORDER BY 1, 2`,
  digests: `SELECT digest FROM digests d WHERE EXISTS (SELECT 1 FROM manifest_references f WHERE f.digest_id = d.id)
    ORDER BY 1`,
};

export type Snapshot = Readonly<Record<string, readonly unknown[]>>;

export async function snapshot(): Promise<Snapshot> {
  const results = await env.DB.batch(Object.values(COMPARED).map((sql) => env.DB.prepare(sql)));
  return Object.fromEntries(
    Object.keys(COMPARED).map((table, i) => {
      const rows = results[i]?.results ?? [];
      return [table, table === "manifests" ? rows.map((row) => withoutId(row as object)) : rows];
    }),
  );
}

/** A manifest's id is of its database alone. */
function withoutId(row: object): object {
  const { id: _, ...others } = row as { id: number };
  return others;
}

/** Loses the database and imports from the bucket: all exported rows must be the same. */
export async function expectSame(): Promise<void> {
  const before = await snapshot();
  await loseDatabase();
  const imported = await importAll();
  expect(imported).toMatchObject({ lost: 0, examples: [] });
  expect(imported.read).toBe(imported.toRead);
  await expectLike(before);
}

export async function expectLike(before: Snapshot): Promise<void> {
  const after = await snapshot();
  for (const [table, rows] of Object.entries(before)) expect(after[table], table).toEqual(rows);
}

export function registry() {
  return createRegistry(env, readSettings(env));
}

/** Runs the cron until nothing changes any more. */
export async function exportChanges(): Promise<void> {
  const { exporter, runner } = registry();
  await runner.turn(exporter);
}

interface Exports {
  readonly backupId: string;
  readonly pending: number;
  readonly running: {
    readonly id: string;
    readonly phase: string;
    readonly objects: number;
  } | null;
  readonly finished: readonly { readonly id: string; readonly rows: number }[];
}

/** @returns the export's id */
export async function exportAll(): Promise<string> {
  let state = await done<Exports>("POST", "/exports", {});
  const id = state.running?.id ?? "";
  for (let i = 0; state.running !== null; i++) {
    if (i > 1_000) throw new Error("the export comes to no end");
    state = await done<Exports>("POST", "/exports/steps", {});
  }
  return id;
}

export interface Imported {
  readonly phase: string;
  readonly backupId: string;
  readonly full: string | null;
  readonly objects: number;
  readonly read: number;
  readonly toRead: number;
  readonly rows: number;
  readonly lost: number;
  readonly examples: readonly { readonly table: string; readonly key: string }[];
}

export async function importAll(from?: string): Promise<Imported> {
  const body = from === undefined ? {} : { from };
  for (let i = 0; i < 1_000; i++) {
    const state = await done<Imported>("POST", "/import", body);
    if (state.phase === "done") return state;
  }
  throw new Error("the import comes to no end");
}

export async function keysOf(prefix: string): Promise<string[]> {
  const { objects } = await env.BLOBS.list(prefix === "" ? {} : { prefix });
  return objects.map(({ key }) => key);
}

/** Empties the bucket, so that each test has it to itself. */
export async function emptyBucket(): Promise<void> {
  for (let keys = await keysOf(""); keys.length > 0; keys = await keysOf("")) {
    await env.BLOBS.delete(keys);
  }
}
