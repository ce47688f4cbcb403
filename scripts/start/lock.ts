/**
 * Locks a data folder for one server at a time. The lock is the system's own, on a file that SQLite opens: the end of
 * its process frees it, also by kill -9, so it is never stale, and two servers cannot both get it. The holder also
 * writes a file for people, and for the next server: a killed server's workerd may live on for a moment.
 */
import { execFile } from "node:child_process";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { codeOf, StartError } from "./error.ts";

interface Holder {
  readonly pid: number;
  /** The server's socket folder, which has workerd's process id. */
  readonly sockets: string;
}

const SQLITE_BUSY = 5;
const POLL_MS = 10;
const PATIENCE_MS = 5_000;

export class Lock {
  readonly #file: string;
  /** Closing it, or losing it to JavaScript's garbage collector, would free the lock. */
  readonly #held: DatabaseSync;

  private constructor(file: string, held: DatabaseSync) {
    this.#file = file;
    this.#held = held;
  }

  /** @throws StartError that names who has it */
  static async take(folder: string): Promise<Lock> {
    const file = join(folder, "server.json");
    const database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
    try {
      database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
      return new Lock(file, database);
    } catch (error) {
      database.close();
      if ((error as { errcode?: unknown }).errcode !== SQLITE_BUSY) throw error;
      const holder = await readHolder(file);
      const who = holder === null ? "is just starting" : `is running as process ${holder.pid}`;
      throw new StartError(
        `the data folder ${folder} has a server already, which ${who}: stop it, or choose another SLIPWAY_DATA`,
        { cause: error },
      );
    }
  }

  /** Ends processes that a killed server left running. @returns whether there was such a server */
  async clear(): Promise<boolean> {
    const holder = await readHolder(this.#file);
    if (holder === null) return false;
    const pid = await readWorkerd(holder);
    if (pid !== null) await end(pid);
    await rm(holder.sockets, { recursive: true, force: true });
    await rm(this.#file, { force: true });
    return true;
  }

  /** Writes who uses the folder, in one step: a reader sees all of it or nothing. */
  async sign(sockets: string): Promise<void> {
    const holder: Holder = { pid: process.pid, sockets };
    await writeFile(`${this.#file}.new`, JSON.stringify(holder), { mode: 0o600 });
    await rename(`${this.#file}.new`, this.#file);
  }

  async free(): Promise<void> {
    await rm(this.#file, { force: true });
    this.#held.close();
  }
}

async function readHolder(file: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Holder;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** @returns null unless the process with the id is that server's workerd: ids are given out again */
async function readWorkerd({ sockets }: Holder): Promise<number | null> {
  try {
    const pid = (await readFile(join(sockets, "workerd.pid"), "utf8")).trim();
    return (await commandOf(pid)).includes(sockets) ? Number(pid) : null;
  } catch (error) {
    // ESRCH: the process ended while it was read.
    if (["ENOENT", "ESRCH"].includes(codeOf(error))) return null;
    throw error;
  }
}

/** @returns the command line of a process, "" where there is none */
async function commandOf(pid: string): Promise<string> {
  // A container may have no ps.
  if (process.platform === "linux") return readFile(`/proc/${pid}/cmdline`, "utf8");
  const ps = promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", pid]);
  // ps fails when the process does not exist.
  return ps.then(
    ({ stdout }) => stdout,
    () => "",
  );
}

async function end(pid: number): Promise<void> {
  const last = Date.now() + PATIENCE_MS;
  while (Date.now() < last) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (codeOf(error) === "ESRCH") return;
      throw error;
    }
    await sleep(POLL_MS);
  }
  throw new StartError(`process ${pid}, which a killed server left, does not end`);
}
