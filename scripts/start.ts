/** `npm start`: the registry on http://127.0.0.1:8787, its data in .slipway/. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { projectConfig, ROOT, startLocal } from "./local.ts";
import { authorityOf, freePort } from "./socket.ts";

interface Secrets {
  readonly ADMIN_PASSWORD: string;
  readonly TOKEN_KEY: string;
}

const { HOST: host = "127.0.0.1", PORT = "8787" } = process.env;
const listen = { host, port: PORT === "0" ? await freePort() : Number(PORT) };
const data = process.env["SLIPWAY_DATA"] ?? join(ROOT, ".slipway");

const { secrets, isNew } = await loadSecrets();
const { vars, triggers } = projectConfig();
// The second signing key is there only while keys are being exchanged, so it is asked for but never made.
const settings = [...Object.keys(vars), "TOKEN_KEY_NEXT"].flatMap((name) => {
  const value = process.env[name];
  return value === undefined ? [] : [[name, value] as const];
});
const registry = await startLocal({
  listen,
  data,
  vars: { ...secrets, ...Object.fromEntries(settings) },
});

const address = authorityOf(listen);
if (isNew) {
  console.log(`
A new registry. Its administrator is admin, with the password ${secrets.ADMIN_PASSWORD}
(kept in ${join(data, "secrets.json")}). Try it:

  docker login ${address} -u admin -p ${secrets.ADMIN_PASSWORD}
  docker tag hello-world ${address}/demo/hello-world && docker push ${address}/demo/hello-world
  docker pull ${address}/demo/hello-world
`);
}
const watchdog = await startWatchdog();
for (const cron of triggers.crons ?? []) startCron(cron);
console.log(`ready http://${address}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void registry.dispose().then(() => {
      watchdog.kill();
      process.exit(0);
    });
  });
}

/**
 * Ends workerd when this process is killed without a chance to do so itself: an orphan would keep the port and the data.
 * The watchdog waits for the end of its input, which comes with the end of this process, however that comes.
 */
async function startWatchdog(): Promise<ChildProcess> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,comm="]);
  const children = stdout.split("\n").flatMap((line) => {
    const [pid = "", parent, command = ""] = line.trim().split(/\s+/);
    return Number(parent) === process.pid && command.includes("workerd") ? pid : [];
  });
  return spawn("sh", ["-c", 'cat; kill -9 "$@"', "watchdog", ...children], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
}

/** Calls the Worker's scheduled handler in Cloudflare's place, counted from the start instead of by the clock. */
function startCron(cron: string): void {
  const minutes = /^\*\/([1-9]\d?) \* \* \* \*$/.exec(cron)?.[1];
  if (minutes === undefined) throw new Error(`cron "${cron}": only "*/N * * * *" runs here`);
  const run = async (): Promise<void> => {
    const worker = await registry.getWorker();
    const { outcome } = await worker.scheduled({ cron, scheduledTime: new Date() });
    if (outcome !== "ok") throw new Error(`the scheduled handler ended with ${outcome}`);
  };
  const report = (error: unknown): void => console.error(`cron "${cron}" failed:`, error);
  setInterval(() => void run().catch(report), Number(minutes) * 60_000).unref();
}

/** The secrets of this data folder; made when there are none. ADMIN_PASSWORD in the environment wins. */
async function loadSecrets(): Promise<{ secrets: Secrets; isNew: boolean }> {
  const file = join(data, "secrets.json");
  const password = process.env["ADMIN_PASSWORD"];
  const kept = await readFile(file, "utf8").then(
    (text) => JSON.parse(text) as Secrets,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return null;
      throw error;
    },
  );
  if (kept !== null) {
    const changed = password === undefined ? kept : { ...kept, ADMIN_PASSWORD: password };
    return { secrets: changed, isNew: false };
  }
  const made = {
    ADMIN_PASSWORD: password ?? randomBytes(12).toString("hex"),
    TOKEN_KEY: randomBytes(32).toString("hex"),
  };
  await mkdir(data, { recursive: true });
  await writeFile(file, JSON.stringify(made, null, 2), { mode: 0o600 });
  return { secrets: made, isNew: password === undefined };
}
