/** Starts `slipway proxy` for a suite, as a process of its own on a free port. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

export interface ProxyProcess {
  /** Where clients push to. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** What it told on standard error so far. */
  readonly log: readonly string[];
  /** Ends it, if it still runs. @returns its exit code; null if the signal ended it */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

const LAUNCHER = join(import.meta.dirname, "../src/cli/slipway.js");

/** @param registry the URL of the registry, or of what stands before it */
export async function startProxyProcess(
  registry: string,
  { argv = [] }: { readonly argv?: readonly string[] } = {},
): Promise<ProxyProcess> {
  const command = ["proxy", "--registry", registry, "--port", "0", "--json", ...argv];
  const child = spawn(process.execPath, [LAUNCHER, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit") as Promise<[number | null]>;
  const log: string[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  const url = await readyUrl(child, exited, log);
  return {
    url,
    host: new URL(url).host,
    port: Number(new URL(url).port),
    pid: child.pid ?? 0,
    log,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const [code] = await exited;
      return code;
    },
  };
}

async function readyUrl(
  child: ChildProcess,
  exited: Promise<unknown>,
  log: readonly string[],
): Promise<string> {
  const ready = Promise.withResolvers<string>();
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    const url = /"ready": *"([^"]+)"/.exec(said)?.[1];
    if (url !== undefined) ready.resolve(url);
  });
  const ended = () => ready.reject(new Error(`the proxy did not start:\n${log.join("\n")}`));
  exited.then(ended, ready.reject);
  return ready.promise;
}
