/**
 * Runs commands for the client suite: captured output, a time limit, and a failure that tells
 * which command it was and how it ended. Every command gets a process group of its own, so that
 * one which hangs is ended with all that it started.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { constants } from "node:os";

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  input?: string;
  /** The command as reports print it, without the wrapper that runs it in its rootfs. */
  shown?: string;
  /** Seconds after which the command is killed. */
  timeout?: number;
}

export interface Result {
  command: string;
  code: number;
  stdout: string;
  /** stdout and stderr in the order in which they came. */
  output: string;
}

const DEFAULT_TIMEOUT = 120;
const TAIL_LINES = 12;
/** Makes the kernel end the children when this process is killed, and cannot clean up. */
const DIE_WITH_PARENT = ["--pdeathsig", "TERM"];
const forever = new Promise<never>(() => undefined);
const running = new Set<ChildProcess>();
const interrupted = new WeakSet<ChildProcess>();
const secrets = new Set<string>();

/** A password that must never appear in a report, whatever a client prints. */
export function hide(secret: string): void {
  secrets.add(secret);
}

export function masked(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, "***");
  return clean;
}

export class CommandFailure extends Error {
  constructor(result: Result, expectation = "") {
    const tail = result.output.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
    super(masked(`${expectation}$ ${result.command}\nexit code ${result.code}\n${tail}`));
    this.name = "CommandFailure";
  }
}

/** Runs to the end, whatever the exit code. */
export async function attempt(argv: string[], options: RunOptions = {}): Promise<Result> {
  const child = spawn("setpriv", [...DIE_WITH_PARENT, ...argv], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  running.add(child);
  let stdout = "";
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  // A command that ends before it has read its input closes the pipe; its exit code is what counts.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const seconds = options.timeout ?? DEFAULT_TIMEOUT;
  const timer = setTimeout(() => {
    output += `\n(killed after ${seconds} s)\n`;
    killGroup(child, "SIGKILL");
  }, seconds * 1000);
  try {
    const code = await exitCode(child);
    if (interrupted.has(child)) await forever;
    return { command: options.shown ?? argv.join(" "), code, stdout, output };
  } finally {
    clearTimeout(timer);
    running.delete(child);
  }
}

/** Runs a command that must succeed. */
export async function run(argv: string[], options: RunOptions = {}): Promise<Result> {
  const result = await attempt(argv, options);
  if (result.code !== 0) throw new CommandFailure(result);
  return result;
}

/** Runs a command that must be refused, with a message that a person understands. */
export function expectRefusal(result: Result, message: RegExp): void {
  if (result.code === 0) throw new CommandFailure(result, "expected a refusal, but it succeeded\n");
  if (!message.test(result.output)) {
    throw new CommandFailure(result, `the refusal says nothing like ${message}\n`);
  }
}

export interface Service {
  pid: number;
  logFile: string;
  /** True until the process has ended. */
  alive(): boolean;
  /** SIGTERM to the process, SIGKILL to its group when it doesn't end within the time. */
  stop(seconds: number): Promise<void>;
}

export interface ServiceOptions extends RunOptions {
  /** Gives it a pipe as input that closes when this process ends, however it ends. */
  holdInput?: boolean;
}

/** Starts a process that keeps running; it is stopped by its pid. */
export function startService(
  argv: string[],
  logFile: string,
  options: ServiceOptions = {},
): Service {
  const log: WriteStream = createWriteStream(logFile);
  const child = spawn("setpriv", [...DIE_WITH_PARENT, ...argv], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: [options.holdInput === true ? "pipe" : "ignore", "pipe", "pipe"],
  });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  const ended = exitCode(child).finally(() => log.end());
  // stop() reports a failed start; until then nothing awaits this promise.
  ended.catch(() => undefined);
  const alive = () =>
    child.exitCode === null && child.signalCode === null && child.pid !== undefined;
  return {
    pid: child.pid ?? 0,
    logFile,
    alive,
    async stop(seconds) {
      if (!alive()) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => killGroup(child, "SIGKILL"), seconds * 1000);
      await ended.finally(() => clearTimeout(timer));
    },
  };
}

/**
 * Ends all running commands of an interrupted run. They never return, so that nothing continues while services are
 * stopped and folders removed.
 */
export function interrupt(): void {
  for (const child of running) {
    interrupted.add(child);
    killGroup(child, "SIGKILL");
  }
}

export async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function exitCode(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
