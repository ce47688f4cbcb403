/** The proxy, a process that goes on when the step has ended. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CliError } from "../../src/cli/error.ts";

const PROGRAM = join(import.meta.dirname, "slipway.mjs");
/** The user that clients log in as at a proxy that holds a credential. */
export const PROXY_USER = "slipway";
const POLL_MS = 50;
/** The time that the proxy may take to start, in milliseconds: it logs in first. */
const START_MS = 60_000;
/** The time that it may take to end: it gives uploads up, and revokes its credential. */
const STOP_MS = 30_000;
const SHOWN_LINES = 50;

export interface Started {
  readonly pid: number;
  /** A file with what it prints. */
  readonly log: string;
  readonly secret: string;
}

export interface Wanted {
  /** The registry's origin. */
  readonly registry: string;
  readonly namespaces: readonly string[];
  readonly port: string;
}

/** Starts it, without waiting until it answers. */
export function startProxy({ registry, namespaces, port }: Wanted): Started {
  const folder = mkdtempSync(join(process.env["RUNNER_TEMP"] || tmpdir(), "slipway-proxy-"));
  const log = join(folder, "log");
  const output = openSync(log, "a", 0o600);
  const secret = randomBytes(24).toString("base64url");
  const args = ["proxy", "--json", "--registry", registry, "--port", port, "--credential", "oidc"];
  const child = spawn(process.execPath, [PROGRAM, ...args, "--namespace", ...namespaces], {
    detached: true,
    stdio: ["ignore", output, output],
    env: { ...process.env, SLIPWAY_PROXY_SECRET: secret },
  });
  child.unref();
  if (child.pid === undefined) throw new Error(`${process.execPath} could not be started`);
  return { pid: child.pid, log, secret };
}

/**
 * Waits until it answers.
 * @returns its host and port
 * @throws CliError with its own words where it ended instead
 */
export async function untilReady({ pid, log }: Pick<Started, "pid" | "log">): Promise<string> {
  const latest = Date.now() + START_MS;
  while (isRunning(pid) && Date.now() < latest) {
    const url = /"ready":\s*"(http:[^"]+)"/.exec(readFileSync(log, "utf8"))?.[1];
    if (url !== undefined) {
      await (await fetch(`${url}/v2/`)).body?.cancel();
      return new URL(url).host;
    }
    await sleep(POLL_MS);
  }
  const problem = isRunning(pid) ? "did not start in time" : "ended at its start";
  throw new CliError(`the proxy ${problem}: ${reasonIn(log) || "it said nothing"}`);
}

/** Ends it. @returns whether it ran until now */
export async function stopProxy(pid: number): Promise<boolean> {
  if (!isRunning(pid)) return false;
  process.kill(pid, "SIGTERM");
  const latest = Date.now() + STOP_MS;
  while (isRunning(pid) && Date.now() < latest) await sleep(POLL_MS);
  if (isRunning(pid)) process.kill(pid, "SIGKILL");
  return true;
}

/** Returns the last lines that it printed. */
export function linesOf(log: string): string {
  return readFileSync(log, "utf8").trimEnd().split("\n").slice(-SHOWN_LINES).join("\n");
}

/** A process that has ended counts as running for the system until its parent asks; in a container nobody may ask. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return stateOf(pid) !== "Z";
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Returns the letter of proc(5) for the state, `Z` for one that has ended; null where the system has no /proc. */
function stateOf(pid: number): string | null {
  try {
    return /.*\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Returns the error in words; with --json it is the last line. */
function reasonIn(log: string): string {
  const [last = ""] = linesOf(log).split("\n").slice(-1);
  try {
    const { error } = JSON.parse(last) as { error?: { message?: string; hint?: string } };
    return [error?.message ?? [], error?.hint ?? []].flat().join(". ");
  } catch (error) {
    if (error instanceof SyntaxError) return linesOf(log);
    throw error;
  }
}
