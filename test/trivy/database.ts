/** Writes the folders that Trivy keeps its databases in. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { run } from "../e2e/shell.ts";

/** Names of buckets, the key in the innermost, and the value. */
export type Row = readonly [bucket: string, ...names: string[], value: object];

/** Puts both databases into a cache of Trivy: one of advisories, and one of Java's artifacts, which is empty. */
export async function writeDatabases(cache: string, rows: readonly Row[]): Promise<void> {
  await mkdir(join(cache, "db"), { recursive: true });
  await mkdir(join(cache, "java-db"), { recursive: true });
  const work = await mkdtemp(join(cache, "rows-"));
  const text = join(work, "rows.json");
  await writeFile(text, JSON.stringify(rows));
  const program = join(work, "database");
  const source = join(import.meta.dirname, "database");
  await run(["go", "build", "-o", program, "."], { cwd: source, timeout: 600 });
  await run([program, text, join(cache, "db/trivy.db")], { timeout: 600 });
  await rm(work, { recursive: true });
  writeJavaDatabase(join(cache, "java-db/trivy-java.db"));
  await writeFile(join(cache, "db/metadata.json"), JSON.stringify(metadata(2)));
  await writeFile(join(cache, "java-db/metadata.json"), JSON.stringify(metadata(1)));
}

function metadata(version: number): object {
  const now = new Date().toISOString();
  return {
    Version: version,
    UpdatedAt: now,
    DownloadedAt: now,
    NextUpdate: "2099-01-01T00:00:00Z",
  };
}

function writeJavaDatabase(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(`
    CREATE TABLE artifacts (id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
    CREATE TABLE indices (artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT);
  `);
  database.close();
}
