/**
 * Makes a world: the Worker's own start makes the database by the migrations, then it is filled directly in the
 * simulator's file. The triggers run, so that all derived rows exist.
 */
import { access, mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BEGINNING, END, growth } from "./worker/growth.ts";
import { EMPTY, type World } from "./worker/world.ts";
import { startLocal } from "../local.ts";
import { VARS } from "./worker.ts";

/** Most of the file is cached in memory: the next write may go anywhere in it. */
const CACHE_KIB = 5_000_000;

/** @returns the folder of a finished world; made when there is none */
export async function seeded(folder: string, world: World): Promise<string> {
  const data = join(folder, `${world.manifests}-${world.due}`);
  if (await exists(data)) return data;
  const unfinished = `${data}.unfinished`;
  fill(await emptyDatabase(unfinished), world);
  await rename(unfinished, data);
  return data;
}

/** Makes an empty database by the migrations. @returns its file */
export async function emptyDatabase(data: string): Promise<string> {
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { recursive: true });
  const registry = await startLocal({ data, vars: VARS });
  await registry.dispose();
  return databaseFile(data);
}

/** Opens a database to fill it fast: a failed seed is made again from the start, so nothing is kept for a rollback. */
export function openToFill(file: string): DatabaseSync {
  const db = new DatabaseSync(file);
  db.enableDefensive(false);
  const pragmas = `locking_mode = EXCLUSIVE; journal_mode = DELETE; journal_mode = OFF; synchronous = OFF; cache_size = -${CACHE_KIB}`;
  for (const pragma of pragmas.split("; ")) db.exec(`PRAGMA ${pragma}`);
  return db;
}

function fill(file: string, world: World): void {
  const db = openToFill(file);
  for (const sql of BEGINNING) db.exec(sql);
  const began = performance.now();
  let table = { what: "", began };
  const report = (what: string): void => {
    if (what === table.what) return;
    const now = performance.now();
    if (table.what !== "") console.log(`  ${table.what}: ${seconds(now - table.began)}`);
    table = { what, began: now };
  };
  db.exec("BEGIN");
  for (const { what, sql, from, to } of growth(EMPTY, world)) {
    report(what);
    db.prepare(sql).run(from, to);
  }
  for (const sql of END) db.exec(sql);
  report("to disk");
  db.exec("COMMIT");
  report("");
  // workerd leaves the database in this mode.
  db.exec("PRAGMA journal_mode = WAL");
  db.close();
  console.log(`made in ${seconds(performance.now() - began)}`);
}

/** Returns the file of the simulator that has the registry's tables. */
export async function databaseFile(data: string): Promise<string> {
  const entries = await readdir(data, { recursive: true });
  for (const entry of entries.filter((name) => name.endsWith(".sqlite"))) {
    const file = join(data, entry);
    const db = new DatabaseSync(file, { readOnly: true });
    const found = db
      .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'manifest_references'")
      .get();
    db.close();
    if (found !== undefined) return file;
  }
  throw new Error(`no database in ${data}`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
