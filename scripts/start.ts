/** `npm start`: the registry on http://127.0.0.1:8787, its data in .slipway/. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Local, makeSocketFolder, run, type RunOptions } from "./local.ts";
import { type Address, authorityOf } from "./socket.ts";
import { type Build, openBuilder, ROOT } from "./start/build.ts";
import { checkFolder, checkPort, readAddress, refusalOf } from "./start/checks.ts";
import type { Control } from "./start/control.ts";
import { codeOf, StartError } from "./start/error.ts";
import { Lock } from "./start/lock.ts";
import { type LogFormat, logLine, readLogFormat } from "./start/log-lines.ts";
import {
  closeFolder,
  makeSecrets,
  readSecrets,
  secretsFile,
  writeSecrets,
} from "./start/secrets.ts";
import { settingsOf } from "./start/settings.ts";

/** Milliseconds that the port of a killed server may stay taken. */
const PATIENCE_MS = 5_000;

// All files that are written from here on, by workerd too, are for this user alone.
process.umask(0o077);

try {
  await start();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  console.error(`slipway: ${error.message}`);
  process.exit(1);
}

async function start(): Promise<void> {
  const { env } = process;
  const listen = await readAddress(env);
  const format = readLogFormat(env, process.stdout.isTTY);
  const data = resolve(env["SLIPWAY_DATA"] || join(ROOT, ".slipway"));
  const isUsed = await checkFolder(data);
  const builder = await openBuilder();
  if (!builder.isKept) console.log("building the Worker, which takes a while the first time …");
  const made = makeSecrets();
  const { vars, triggers } = await builder.config();
  await settingsOf(vars, (await readSecrets(data)) ?? made, env);
  const held = isUsed ? await Lock.take(data) : null;
  const wasKilled = (await held?.clear()) === true;
  await checkPort(listen, wasKilled ? PATIENCE_MS : 0);
  const build = await builder.build();

  // All checks have passed, and writing begins here.
  const lock = held ?? (await makeFolder(data));
  const kept = await readSecrets(data);
  // A given password is stored as a generated one would be.
  const secrets = kept ?? { ...made, ADMIN_PASSWORD: env["ADMIN_PASSWORD"] ?? made.ADMIN_PASSWORD };
  await closeFolder(data, kept !== null);
  if (kept === null) await writeSecrets(data, secrets);
  const sockets = await makeSocketFolder();
  await lock.sign(sockets);
  const watchdog = startWatchdog(sockets);
  const settings = await settingsOf(vars, secrets, env);
  const local = await runWorker(build, {
    listen,
    data,
    sockets,
    vars: settings,
    log: logger(format),
  });
  introduce(data, authorityOf(listen), kept === null ? secrets.ADMIN_PASSWORD : null);
  for (const cron of triggers.crons ?? []) startCron(local.control, cron);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Miniflare's own listener would end this process before it has cleaned up.
    process.removeAllListeners(signal);
    process.once(signal, () => void stop(local, lock, watchdog));
  }
  console.log(`ready http://${authorityOf(listen)}`);
}

async function makeFolder(data: string): Promise<Lock> {
  try {
    await mkdir(data, { recursive: true });
  } catch (error) {
    throw new StartError(`the data folder ${data} cannot be made: ${codeOf(error)}`, {
      cause: error,
    });
  }
  const lock = await Lock.take(data);
  // Another first start may have run in the meantime, and have been killed.
  await lock.clear();
  return lock;
}

async function runWorker(build: Build, options: RunOptions & { listen: Address }): Promise<Local> {
  try {
    return await run(build, options);
  } catch (error) {
    // Another program may have taken the port while the Worker was built.
    if (codeOf(error) !== "ERR_ADDRESS_IN_USE") throw error;
    throw refusalOf(options.listen, { code: "EADDRINUSE" });
  }
}

function logger(format: LogFormat): NonNullable<RunOptions["log"]> {
  return ({ level, message }) => {
    const line = logLine(message, format);
    if (level === "error" || level === "warn") console.error(line);
    else console.log(line);
  };
}

function introduce(data: string, address: string, made: string | null): void {
  const isGiven = process.env["ADMIN_PASSWORD"] !== undefined;
  if (made === null || isGiven) {
    const place = isGiven ? "given as ADMIN_PASSWORD" : `in ${secretsFile(data)}`;
    console.log(`The administrator is admin, with the password ${place}.`);
    console.log(`The console is at http://${address}.`);
    return;
  }
  console.log(`
A new registry. Its administrator is admin, with the password ${made}
(kept in ${secretsFile(data)}). The console is at http://${address}. Try it:

  docker login ${address} -u admin -p ${made}
  docker tag hello-world ${address}/demo/hello-world && docker push ${address}/demo/hello-world
  docker pull ${address}/demo/hello-world
`);
}

async function stop(local: Local, lock: Lock, watchdog: ChildProcess): Promise<void> {
  await local.dispose();
  watchdog.kill();
  await lock.free();
  process.exit(0);
}

/**
 * Ends workerd when this process is killed without a chance to do so itself: an orphan would keep the port and the
 * data. The watchdog waits for the end of its input, which comes when this process ends in any way.
 */
function startWatchdog(sockets: string): ChildProcess {
  const script =
    'cat; if [ -f "$1/workerd.pid" ]; then kill -9 "$(cat "$1/workerd.pid")"; fi; rm -rf "$1"';
  return spawn("sh", ["-c", script, "watchdog", sockets], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
}

/** Calls the Worker's scheduled handler in Cloudflare's place, at intervals from the start, not by the clock. */
function startCron(control: Control, cron: string): void {
  const minutes = /^\*\/([1-9]\d?) \* \* \* \*$/.exec(cron)?.[1];
  if (minutes === undefined) throw new Error(`cron "${cron}": only "*/N * * * *" runs here`);
  const report = (error: unknown): void => console.error(`cron "${cron}" failed:`, error);
  setInterval(() => void control.scheduled(cron).catch(report), Number(minutes) * 60_000).unref();
}
