/** `npm run deploy`: makes what is missing in your Cloudflare account and deploys the registry. Repeatable. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Unstable_Config as Config } from "wrangler";
import { projectConfig, ROOT, wranglerArguments } from "./local.ts";
import { foreignIn } from "./start/control.ts";

interface Result {
  readonly code: number;
  readonly output: string;
}

const config: Config = await projectConfig();
const [bucket] = config.r2_buckets;
const [database] = config.d1_databases;
if (bucket?.bucket_name === undefined || database?.database_name === undefined) {
  fail("wrangler.toml names no bucket or no database");
}

step("Checking the login");
const account = await wrangler("whoami", "--json");
if (account.code !== 0) fail("Log in first: npx wrangler login");

step("Checking the hostname");
const hostname = customDomain();
if (hostname === undefined) {
  fail(
    'Name the registry\'s hostname in wrangler.toml:\n  routes = [{ pattern = "registry.example.com", custom_domain = true }]',
  );
}

step(`Bucket ${bucket.bucket_name}`);
const bucketInfo = await wrangler("r2", "bucket", "info", bucket.bucket_name, "--json");
if (bucketInfo.code !== 0) await must("r2", "bucket", "create", bucket.bucket_name);

step(`Database ${database.database_name}`);
const databaseId = (await findDatabase(database.database_name)) ?? (await createDatabase());
if (databaseId !== database.database_id) {
  const file = join(ROOT, "wrangler.toml");
  const toml = await readFile(file, "utf8");
  await writeFile(
    file,
    toml.replace(/^database_id = ".*"$/m, () => `database_id = "${databaseId}"`),
  );
  console.log(`  wrangler.toml now has its id, ${databaseId}; commit that change`);
}

for (const queue of queueNames()) {
  step(`Queue ${queue}`);
  const queueInfo = await wrangler("queues", "info", queue);
  if (queueInfo.code !== 0) await must("queues", "create", queue);
}

step("Migrations");
await checkMigrations(database.database_name);
await must("d1", "migrations", "apply", database.database_name, "--remote");

step("Secrets");
const secrets = await missingSecrets();

step("Deploying");
await deploy(secrets);

console.log(`\nThe registry is at https://${hostname}.`);
if (secrets["ADMIN_PASSWORD"] !== undefined) {
  console.log(`Its administrator is admin, with the password ${secrets["ADMIN_PASSWORD"]}`);
  console.log(
    "Keep it: it is not shown again. To change it: npx wrangler secret put ADMIN_PASSWORD",
  );
}
console.log(`\n  docker login ${hostname} -u admin`);

function customDomain(): string | undefined {
  const routes = config.routes ?? (config.route === undefined ? [] : [config.route]);
  for (const route of routes) {
    if (typeof route === "object" && route.custom_domain === true) return route.pattern;
  }
  return undefined;
}

/** Every queue that wrangler.toml names, the one for dead letters too: a deployment makes none of them. */
function queueNames(): Set<string> {
  const { producers = [], consumers = [] } = config.queues;
  const names = [
    ...producers.map(({ queue }) => queue),
    ...consumers.flatMap(({ queue, dead_letter_queue }) => [queue, dead_letter_queue]),
  ];
  return new Set(names.filter((name) => name !== undefined));
}

async function findDatabase(name: string): Promise<string | undefined> {
  const { output } = await must("d1", "list", "--json");
  const databases = JSON.parse(output) as { name: string; uuid: string }[];
  return databases.find((entry) => entry.name === name)?.uuid;
}

async function createDatabase(): Promise<string> {
  const name = database?.database_name ?? "";
  await must("d1", "create", name, "--update-config=false");
  const id = await findDatabase(name);
  if (id === undefined) fail(`the database ${name} was created but is not listed; run this again`);
  return id;
}

/** Ends here where another version made the database: wrangler would apply nothing, and this version would not find its tables. */
async function checkMigrations(name: string): Promise<void> {
  const sql =
    "SELECT name, (SELECT sql FROM sqlite_master WHERE name = 'schema_version') AS version FROM d1_migrations";
  const query = ["--remote", "--json", "--command", sql];
  const { code, output } = await wrangler("d1", "execute", name, ...query);
  if (code !== 0 && /no such table/.test(output)) return;
  if (code !== 0) fail(output);
  const [answer] = JSON.parse(output) as { results: { name: string; version: string | null }[] }[];
  const rows = answer?.results ?? [];
  const folder = join(ROOT, database?.migrations_dir ?? "");
  const migrations = (await readdir(folder)).toSorted().map((file) => {
    return { name: file, statements: [readFileSync(join(folder, file), "utf8")] };
  });
  const applied = { names: rows.map((row) => row.name), version: rows[0]?.version ?? null };
  const foreign = foreignIn(applied, migrations);
  if (foreign === undefined) return;
  fail(
    `The database ${name} is of another version of Slipway, which made it with ${foreign}: deploy that version, or name a new database in wrangler.toml.`,
  );
}

/** The secrets that the deployment does not have yet. A Worker that was never deployed has none. */
async function missingSecrets(): Promise<Record<string, string>> {
  const { code, output } = await wrangler("secret", "list", "--format", "json");
  const isNew = code !== 0 && /10007|does not exist|not found/i.test(output);
  if (code !== 0 && !isNew) fail(output);
  const there = code === 0 ? (JSON.parse(output) as { name: string }[]) : [];
  const wanted = {
    ADMIN_PASSWORD: process.env["ADMIN_PASSWORD"] ?? randomBytes(12).toString("hex"),
    TOKEN_KEY: randomBytes(32).toString("hex"),
  };
  return Object.fromEntries(
    Object.entries(wanted).filter(([name]) => !there.some((secret) => secret.name === name)),
  );
}

/** Secrets go with the version that needs them, in a file that only this user can read, and only for that long. */
async function deploy(missing: Record<string, string>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-secrets-"));
  try {
    const file = join(folder, "secrets.json");
    await writeFile(file, JSON.stringify(missing), { mode: 0o600 });
    const withSecrets = Object.keys(missing).length > 0 ? ["--secrets-file", file] : [];
    await must("deploy", ...withSecrets);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function must(...args: string[]): Promise<Result> {
  const result = await wrangler(...args);
  if (result.code !== 0) fail(`wrangler ${args.join(" ")}\n${result.output}`);
  return result;
}

function wrangler(...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      wranglerArguments(...args),
      { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, output: code === 0 ? stdout : stdout + stderr });
      },
    );
  });
}

function step(name: string): void {
  console.log(`- ${name}`);
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}
