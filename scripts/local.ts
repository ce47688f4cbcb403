/** The registry on this machine: the Worker that `wrangler deploy` would upload, on miniflare. */
import { mkdtemp, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import type { Unstable_Config as Config } from "wrangler";
import { type Address, socketsAt } from "./socket.ts";
import { type Build, openBuilder, ROOT } from "./start/build.ts";
import { Control } from "./start/control.ts";

export { projectConfig, ROOT, wranglerArguments } from "./start/build.ts";

/** The workerd binary that miniflare itself would start. */
const { default: WORKERD } = createRequire(import.meta.url)("workerd") as { default: string };

export interface RunOptions {
  /** The only address that the registry listens on; without it, miniflare's entry, a port of this machine for tools. */
  readonly listen?: Address;
  /** The folder with the data of R2, D1 and the Durable Objects. */
  readonly data: string;
  /** Settings and secrets, by their names in wrangler.toml. */
  readonly vars: Readonly<Record<string, string>>;
  /** The folder with workerd's own sockets and its process id, which only its owner can enter. */
  readonly sockets: string;
  /** Receives what the Worker logs; without it, that is printed. */
  readonly log?: (line: { readonly level: string; readonly message: string }) => void;
}

export interface Local {
  readonly miniflare: Miniflare;
  readonly control: Control;
  dispose(): Promise<void>;
}

/** Makes a folder for sockets: the system allows paths of 103 bytes, which one in a data folder may exceed. */
export function makeSocketFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "slipway-"));
}

/** Builds the Worker, or takes `entry` in its place, and runs it for a tool, with its bindings and its entry port. */
export async function startLocal(
  options: Omit<RunOptions, "listen" | "sockets"> & { readonly entry?: string },
): Promise<Local> {
  const builder = await openBuilder(options.entry);
  return run(await builder.build(), { ...options, sockets: await makeSocketFolder() });
}

/** Runs a built Worker and migrates its database. */
export async function run(build: Build, options: RunOptions): Promise<Local> {
  const { config } = build;
  const name = config.name ?? "slipway";
  const control = join(options.sockets, "control");
  const database = config.d1_databases[0]?.binding ?? "DB";
  // Tools reach the bindings through miniflare's entry; a server must have none that others could find.
  if (options.listen === undefined) delete process.env["MINIFLARE_WORKERD_PATH"];
  else process.env["MINIFLARE_WORKERD_PATH"] = join(import.meta.dirname, "start", "workerd.sh");
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    // Otherwise workerd opens a debug port that gives every account of this machine access to all services.
    enableDevRegistry: false,
    unsafeRuntimeEnv: { SLIPWAY_SOCKETS: options.sockets, SLIPWAY_WORKERD: WORKERD },
    resourcePersistencePath: options.data,
    ...(options.log === undefined ? {} : { handleStructuredLogs: options.log }),
    workers: [
      {
        config: {
          name,
          compatibilityDate: config.compatibility_date,
          compatibilityFlags: config.compatibility_flags,
          env: {
            ...bindings(config, name, options.vars),
            SOCKETS: socketsAt({ listen: options.listen, control: { path: control, database } }),
          },
          triggers: triggers(config),
          exports: config.exports,
          assets: assetsOf(config),
          manifest: manifest(build),
        },
      },
    ],
  } as ConstructorParameters<typeof Miniflare>[0]);
  const local = {
    miniflare,
    control: new Control(control),
    async dispose() {
      await miniflare.dispose();
      await rm(options.sockets, { recursive: true, force: true });
    },
  };
  try {
    await miniflare.ready;
    await local.control.migrate(build.migrations);
    return local;
  } catch (error) {
    await local.dispose();
    throw error;
  }
}

function manifest({ modules }: Build) {
  const entries = modules.map(({ name, type, base64 }) => {
    const contents = Buffer.from(base64, "base64");
    return [name, type === "wasm" ? { type, contents } : { type, contents: contents.toString() }];
  });
  return {
    // wrangler bundles all code into one module, called after the entry.
    mainModule: modules.find(({ type }) => type === "esm")?.name,
    modulesRoot: ROOT,
    modules: Object.fromEntries(entries) as Record<string, unknown>,
  };
}

/** Makes the Worker's environment, in miniflare's terms. */
function bindings(config: Config, worker: string, overrides: RunOptions["vars"]) {
  const env: Record<string, object> = {};
  for (const [name, value] of Object.entries({ ...config.vars, ...overrides })) {
    env[name] = typeof value === "string" ? { type: "text", value } : { type: "json", value };
  }
  if (config.assets?.binding !== undefined) env[config.assets.binding] = { type: "assets" };
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

/** Makes the static assets' configuration; the Worker answers first, so its socket needs no router in front. */
function assetsOf({ assets }: Config) {
  if (assets?.directory === undefined) throw new Error("wrangler.toml names no static assets");
  return {
    directory: join(ROOT, assets.directory),
    hasUserWorker: true,
    htmlHandling: assets.html_handling,
    notFoundHandling: assets.not_found_handling,
    runWorkerFirst: assets.run_worker_first,
  };
}

/** Makes the Worker's triggers besides requests: miniflare delivers queues itself, but does not run crons. */
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
