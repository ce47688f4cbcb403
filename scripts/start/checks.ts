/** Checks before a start writes anything; each failure is one line. */
import { access, constants, readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Address, authorityOf, freePort, probe } from "../socket.ts";
import { codeOf, StartError } from "./error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const MAX_PORT = 65_535;
/** Files that every data folder has had since its first start. */
const MARKS = ["secrets.json", "d1", "lock"];
const POLL_MS = 50;

/** Reads the address; an empty variable counts as not set. */
export async function readAddress(env: Environment): Promise<Address> {
  const host = env["HOST"] || "127.0.0.1";
  const given = env["PORT"] || "8787";
  const port = /^\d{1,5}$/.test(given) ? Number(given) : NaN;
  if (!(port <= MAX_PORT)) {
    throw new StartError(`PORT is ${given}: it should be a number from 0 to ${MAX_PORT}`);
  }
  return { host, port: port === 0 ? await freePort() : port };
}

/** Checks that the folder can hold the data, or be created. @returns whether a server has used it before */
export async function checkFolder(folder: string): Promise<boolean> {
  const found = await statOrNull(folder);
  if (found === null) {
    await checkWritable(await nearest(dirname(folder)), folder);
    return false;
  }
  if (!found.isDirectory()) throw new StartError(`the data folder ${folder} is not a folder`);
  const user = process.getuid?.();
  if (user !== undefined && user !== found.uid) {
    throw new StartError(
      `the data folder ${folder} belongs to another user (${found.uid}), who could read it: change its owner, or choose another SLIPWAY_DATA`,
    );
  }
  await checkWritable(folder, folder);
  const names = await readdir(folder);
  if (names.length === 0) return false;
  // Without this check a slip such as SLIPWAY_DATA=$HOME would take a folder away from its other users.
  if (!MARKS.some((mark) => names.includes(mark))) {
    throw new StartError(
      `the data folder ${folder} holds something else: choose an empty or a new one with SLIPWAY_DATA`,
    );
  }
  return true;
}

/** @param patienceMs how long the port may still be taken: the system frees that of a killed server a moment later */
export async function checkPort(address: Address, patienceMs: number): Promise<void> {
  const end = Date.now() + patienceMs;
  for (;;) {
    try {
      await probe(address);
      return;
    } catch (error) {
      if (codeOf(error) !== "EADDRINUSE" || Date.now() > end) throw refusalOf(address, error);
      await sleep(POLL_MS);
    }
  }
}

/** Returns why nothing can listen there. */
export function refusalOf(address: Address, error: unknown): StartError {
  const where = authorityOf(address);
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `${where} is taken by another program: stop that, or choose another PORT`,
    EACCES: `this user may not listen at ${where}: choose a PORT above 1023`,
    EADDRNOTAVAIL: `this machine has no address ${address.host}: choose another HOST`,
    ENOTFOUND: `there is no host ${address.host}: choose another HOST`,
  };
  const code = codeOf(error);
  return new StartError(reasons[code] ?? `cannot listen at ${where}: ${code}`, { cause: error });
}

async function checkWritable(folder: string, data: string): Promise<void> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const why = codeOf(error) === "EROFS" ? "is read-only" : "cannot be written by this user";
    const what = folder === data ? folder : `${data} cannot be made: ${folder}`;
    throw new StartError(`the data folder ${what} ${why}`, { cause: error });
  }
}

/** Returns the folder itself, or the nearest existing one above it. */
async function nearest(folder: string): Promise<string> {
  const found = await statOrNull(folder);
  if (found === null) return nearest(dirname(folder));
  if (!found.isDirectory()) throw new StartError(`${folder} is not a folder`);
  return folder;
}

async function statOrNull(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return null;
    throw new StartError(`the data folder ${path} cannot be used: ${code}`, { cause: error });
  }
}
