/** Starts a server as a child process, its log in a file, and waits until it is ready. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Running } from "./subject.ts";

export interface ProcessOptions {
  /** The server's output, in a file: reading it at once would take time from what is measured. */
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly ready: (log: string) => boolean | Promise<boolean>;
}

const START_MS = 60_000;
const POLL_MS = 20;
const SHOWN = 2000;

/** @throws Error with the end of its log when it ends or is not ready in time */
export async function startProcess(
  argv: readonly string[],
  { log, env, ready }: ProcessOptions,
): Promise<Running> {
  const [command = "", ...args] = argv;
  const file = openSync(log, "w");
  const child = spawn(command, args, {
    stdio: ["ignore", file, file],
    env: { ...process.env, ...env },
  });
  closeSync(file);
  const exited = once(child, "exit");
  let over = false;
  exited.finally(() => (over = true)).catch(() => {});
  const stop = async (): Promise<void> => {
    if (over) return;
    child.kill("SIGTERM");
    await exited;
  };
  const deadline = Date.now() + START_MS;
  while (!(await ready(await readFile(log, "utf8")))) {
    if (over || child.pid === undefined || Date.now() > deadline) {
      await stop();
      throw new Error(`${command} did not start:\n${(await readFile(log, "utf8")).slice(-SHOWN)}`);
    }
    await sleep(POLL_MS);
  }
  if (child.pid === undefined) throw new Error(`${command} has no process`);
  return { pid: child.pid, log, stop };
}

/** Returns whether `npm start` or the bare Worker reports that it serves. */
export function saysReady(log: string): boolean {
  return /^ready /m.test(log);
}
