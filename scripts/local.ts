/** The registry on this machine: the Worker that `wrangler deploy` would upload, on miniflare. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Miniflare } from "miniflare";
import {
  type Unstable_Config as Config,
  unstable_readConfig as readConfig,
  unstable_splitSqlQuery as splitSql,
} from "wrangler";
import { type Address, socketAt } from "./socket.ts";

export const ROOT = join(import.meta.dirname, "..");

export interface LocalOptions {
  /** Where the registry answers; else at miniflare's own address alone, which is on this machine. */
  readonly listen?: Address;
  /** Where R2, D1 and the Durable Objects keep their data. */
  readonly data: string;
  /** Settings and secrets, by their names in wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
  /** A Worker that stands in for the one of wrangler.toml: a file called index.ts. */
  readonly entry?: string;
}

/** wrangler.toml, the one place where the bindings are named. */
export function projectConfig() {
  return readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
}

/** wrangler's command line, to be run by this very Node: the system's own may be too old for it. */
export function wranglerArguments(...args: string[]): string[] {
  return [join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js"), ...args];
}

/** Bundles the Worker, starts it and brings its database up to date. */
export async function startLocal(options: LocalOptions): Promise<Miniflare> {
  const config = projectConfig();
  const name = config.name ?? "slipway";
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    resourcePersistencePath: options.data,
    workers: [
      {
        config: {
          name,
          compatibilityDate: config.compatibility_date,
          compatibilityFlags: config.compatibility_flags,
          env: {
            ...bindings(config, name, options.vars),
            ...(options.listen === undefined ? {} : { SOCKET: socketAt(options.listen) }),
          },
          triggers: triggers(config),
          exports: config.exports,
          manifest: await bundle(options.entry),
        },
      },
    ],
  } as ConstructorParameters<typeof Miniflare>[0]);
  await miniflare.ready;
  await applyMigrations(miniflare);
  return miniflare;
}

/** What the Worker finds in its environment, as miniflare names it. */
function bindings(config: Config, worker: string, overrides: LocalOptions["vars"]) {
  const env: Record<string, object> = {};
  for (const [name, value] of Object.entries({ ...config.vars, ...overrides })) {
    env[name] = typeof value === "string" ? { type: "text", value } : { type: "json", value };
  }
  for (const { binding, bucket_name } of config.r2_buckets) {
    env[binding] = { type: "r2", name: bucket_name };
  }
  for (const { binding, database_id } of config.d1_databases) {
    env[binding] = { type: "d1", id: database_id };
  }
  for (const { name, class_name } of config.durable_objects.bindings) {
    env[name] = { type: "durable-object", exportName: class_name, worker };
  }
  for (const { binding, queue } of config.queues.producers ?? []) {
    env[binding] = { type: "queue", name: queue };
  }
  for (const { name, namespace_id, simple } of config.ratelimits) {
    env[name] = { type: "rate-limit", namespace: namespace_id, simple };
  }
  return env;
}

/** What calls the Worker besides requests: miniflare delivers queues itself, but leaves the crons to who runs it. */
function triggers(config: Config): object[] {
  const queues = (config.queues.consumers ?? []).map((consumer) => ({
    type: "queue",
    name: consumer.queue,
    maxBatchSize: consumer.max_batch_size,
    maxBatchTimeout: consumer.max_batch_timeout,
    maxRetries: consumer.max_retries,
    retryDelay: consumer.retry_delay,
    deadLetterQueue: consumer.dead_letter_queue,
  }));
  const crons = (config.triggers.crons ?? []).map((schedule) => ({ type: "scheduled", schedule }));
  return [...queues, ...crons];
}

/** `wrangler deploy --dry-run`: exactly the modules that a deployment has. */
async function bundle(entry?: string) {
  const out = await mkdtemp(join(tmpdir(), "slipway-build-"));
  try {
    const dryRun = wranglerArguments(
      "deploy",
      ...(entry === undefined ? [] : [entry]),
      "--dry-run",
      "--outdir",
      out,
    );
    await promisify(execFile)(process.execPath, dryRun, {
      cwd: ROOT,
      env: { ...process.env, WRANGLER_SEND_METRICS: "false", CI: "1" },
    });
    const files = (await readdir(out)).filter((file) => /\.(js|wasm)$/.test(file));
    const modules = await Promise.all(
      files.map(async (file) => {
        const contents = await readFile(join(out, file));
        return file.endsWith(".wasm")
          ? [file, { type: "wasm", contents }]
          : [file, { type: "esm", contents: contents.toString() }];
      }),
    );
    return {
      mainModule: "index.js",
      modulesRoot: out,
      modules: Object.fromEntries(modules) as Record<string, unknown>,
    };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** The migrations that the database has not seen yet, each with its mark in one transaction, in wrangler's own table. */
async function applyMigrations(miniflare: Miniflare): Promise<void> {
  const [database] = projectConfig().d1_databases;
  if (database?.migrations_dir === undefined) throw new Error("wrangler.toml has no migrations");
  const folder = join(ROOT, database.migrations_dir);
  const db = await miniflare.getD1Database(database.binding);
  await db.exec(
    "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
  );
  const { results } = await db.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted()) {
    if (applied.has(file)) continue;
    const statements = splitSql(await readFile(join(folder, file), "utf8"));
    await db.batch([
      ...statements.map((sql) => db.prepare(sql)),
      db.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(file),
    ]);
  }
}
