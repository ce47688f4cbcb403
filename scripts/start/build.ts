/**
 * Builds the Worker as `wrangler deploy` would upload it, with its configuration and migrations; the build is kept
 * while its inputs stay the same.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Unstable_Config as Config } from "wrangler";
import { CONSOLE_PAGE } from "../build-console.ts";
import type { Migration } from "./control.ts";
import { StartError } from "./error.ts";

export const ROOT = join(import.meta.dirname, "..", "..");
const KEPT = join(ROOT, "node_modules", ".cache", "slipway", "worker.json");
/** The inputs of a build besides Node itself: the lockfile stands for everything in node_modules. */
const INPUTS = [
  "src",
  "scripts/build-console.ts",
  "scripts/start/build.ts",
  "wrangler.toml",
  "tsconfig.json",
  "package-lock.json",
];

interface Module {
  readonly name: string;
  readonly type: "esm" | "wasm";
  readonly base64: string;
}

export interface Build {
  readonly config: Config;
  readonly modules: readonly Module[];
  readonly migrations: readonly Migration[];
}

export interface Builder {
  readonly isKept: boolean;
  config(): Promise<Config>;
  build(): Promise<Build>;
}

/** @param entry a Worker that stands in for the one of wrangler.toml, and isn't kept */
export async function openBuilder(entry?: string): Promise<Builder> {
  const fingerprint = await fingerprintOf(ROOT, INPUTS);
  const kept = entry === undefined ? await readKept(fingerprint) : null;
  if (kept !== null) {
    return {
      isKept: true,
      config: () => Promise.resolve(kept.config),
      build: () => Promise.resolve(kept),
    };
  }
  return {
    isKept: false,
    config: readConfigOrRefuse,
    async build() {
      const config = await readConfigOrRefuse();
      const modules = await bundle(entry);
      const build = { config, modules, migrations: await readMigrations(config) };
      if (entry === undefined) await keep(fingerprint, build);
      return build;
    },
  };
}

async function readConfigOrRefuse(): Promise<Config> {
  try {
    return await projectConfig();
  } catch (error) {
    throw new StartError(`wrangler.toml: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Reads wrangler.toml, the one place that names the bindings. Wrangler takes a second to load, so it is loaded only
 * when needed.
 */
export async function projectConfig(): Promise<Config> {
  const { unstable_readConfig: readConfig } = await import("wrangler");
  return readConfig({ config: join(ROOT, "wrangler.toml") }, { hideWarnings: true });
}

/** Returns wrangler's command line for this very Node: the system's own may be too old for it. */
export function wranglerArguments(...args: string[]): string[] {
  return [join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js"), ...args];
}

/** Runs `wrangler deploy --dry-run`, for exactly the modules of a deployment. */
async function bundle(entry?: string): Promise<Module[]> {
  const out = await mkdtemp(join(tmpdir(), "slipway-build-"));
  try {
    const given = entry === undefined ? [] : [entry];
    const dryRun = wranglerArguments("deploy", ...given, "--dry-run", "--outdir", out);
    // wrangler.toml's build command runs "node", which must be this one: the system's own may be too old.
    const path = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
    const env = { ...process.env, PATH: path, WRANGLER_SEND_METRICS: "false", CI: "1" };
    await promisify(execFile)(process.execPath, dryRun, { cwd: ROOT, env }).catch((error) => {
      const { stderr } = error as { stderr: string };
      throw new StartError(`the Worker cannot be built:\n${stderr}`, { cause: error });
    });
    const names = (await readdir(out)).filter((file) => /\.(js|wasm)$/.test(file));
    return await Promise.all(
      names.map(async (name) => ({
        name,
        type: name.endsWith(".wasm") ? "wasm" : "esm",
        base64: (await readFile(join(out, name))).toString("base64"),
      })),
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function readMigrations(config: Config): Promise<Migration[]> {
  const [database] = config.d1_databases;
  if (database?.migrations_dir === undefined) throw new Error("wrangler.toml has no migrations");
  const { unstable_splitSqlQuery: splitSql } = await import("wrangler");
  const folder = join(ROOT, database.migrations_dir);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  return Promise.all(
    names.map(async (name) => ({
      name,
      statements: splitSql(await readFile(join(folder, name), "utf8")),
    })),
  );
}

async function readKept(fingerprint: string): Promise<Build | null> {
  try {
    const kept = JSON.parse(await readFile(KEPT, "utf8")) as Build & { fingerprint: string };
    await access(CONSOLE_PAGE);
    return kept.fingerprint === fingerprint ? kept : null;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!isMissing) console.error(`cannot use the built Worker in ${KEPT}: ${String(error)}`);
    return null;
  }
}

/** Replaces the old file in one step: a concurrent start sees one of the two, complete. */
async function keep(fingerprint: string, build: Build): Promise<void> {
  const draft = `${KEPT}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(join(KEPT, ".."), { recursive: true });
    await writeFile(draft, JSON.stringify({ fingerprint, ...build }));
    await rename(draft, KEPT);
  } catch (error) {
    console.error(`cannot keep the built Worker in ${KEPT}: ${String(error)}`);
  }
}

/** Computes one value for all inputs of a build: Node, the folder, and each file's name and content. */
export async function fingerprintOf(root: string, inputs: readonly string[]): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify([process.version, root]));
  for (const input of inputs) {
    for (const file of await filesOf(root, input)) {
      const contents = createHash("sha256").update(await readFile(join(root, file)));
      hash.update(JSON.stringify([file, contents.digest("hex")]));
    }
  }
  return hash.digest("hex");
}

/** Lists a file, or all files below a folder, in a fixed order. */
async function filesOf(root: string, input: string): Promise<string[]> {
  if (input.includes(".")) return [input];
  const entries = await readdir(join(root, input), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1))
    .toSorted();
}
