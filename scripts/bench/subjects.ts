/** The two servers that are measured, each a process of its own: Slipway as `npm start`, and the bare Worker. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startServer } from "../server.ts";
import { processTree } from "./processes.ts";

interface Subject {
  readonly url: string;
  /** The server and what it started: all that works for it. */
  readonly pids: readonly number[];
  /** The one among them that runs the Worker and the simulated platform. */
  readonly workerd: number;
}

export interface Slipway extends Subject {
  readonly host: string;
  readonly password: string;
  readonly log: readonly string[];
}

export type Bare = Subject;

export interface Subjects {
  readonly slipway: Slipway;
  readonly bare: Bare;
  stop(): Promise<void>;
}

/** An interrupted run leaves no server and no data behind. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export async function startSubjects(): Promise<Subjects> {
  const [slipway, bare] = await Promise.allSettled([startServer(), startBare()]);
  const stop = async (): Promise<void> => {
    for (const signal of SIGNALS) process.off(signal, interrupted);
    const started = [slipway, bare].flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    await Promise.all(started.map((server) => server.stop()));
  };
  const interrupted = (): void => void stop().then(() => process.exit(130));
  for (const signal of SIGNALS) process.once(signal, interrupted);
  try {
    if (slipway.status === "rejected") throw slipway.reason;
    if (bare.status === "rejected") throw bare.reason;
    return {
      slipway: { ...slipway.value, ...subjectOf(slipway.value) },
      bare: subjectOf(bare.value),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function subjectOf({ url, pid }: { readonly url: string; readonly pid: number }): Subject {
  const tree = processTree(pid);
  const workerd = tree.find(({ name }) => name === "workerd");
  if (workerd === undefined) throw new Error(`the server at ${url} has no workerd`);
  return { url, pids: tree.map((one) => one.pid), workerd: workerd.pid };
}

async function startBare() {
  const data = await mkdtemp(join(tmpdir(), "slipway-bare-"));
  const child = spawn(process.execPath, [join(import.meta.dirname, "bare-server.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, HOST: "127.0.0.1", PORT: "0", BARE_DATA: data },
  });
  const exited = once(child, "exit");
  const url = await Promise.race([
    readyUrl(child.stdout),
    exited.then(() => Promise.reject(new Error("the bare Worker did not start"))),
  ]);
  if (child.pid === undefined) throw new Error("the bare Worker has no process");
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      await rm(data, { recursive: true, force: true });
    },
  };
}

async function readyUrl(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => {
    createInterface({ input: output }).on("line", (line) => {
      const url = /^ready (\S+)$/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}

/** The Authorization header of a token for one repository, as an engine gets it once per push or pull. */
export async function authorization(
  slipway: Slipway,
  repository: string,
): Promise<{ authorization: string }> {
  const { password, host, url } = slipway;
  const basic = Buffer.from(`admin:${password}`).toString("base64");
  const scope = `repository:${repository}:pull,push`;
  const response = await fetch(`${url}/token?service=${host}&scope=${scope}`, {
    headers: { authorization: `Basic ${basic}` },
  });
  if (!response.ok) throw new Error(`token: ${response.status} ${await response.text()}`);
  const { token } = (await response.json()) as { token: string };
  return { authorization: `Bearer ${token}` };
}
