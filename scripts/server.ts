/** Starts a registry for a suite: `npm start` as a child process, on a free port, with a data folder of its own. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "./socket.ts";

export interface Server {
  readonly url: string;
  /** host:port, with which image names begin. */
  readonly host: string;
  readonly password: string;
  readonly data: string;
  readonly pid: number;
  /** The log lines so far. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

export interface ServerOptions {
  readonly port?: number;
  /** The data folder, which is kept; by default a temporary one that is deleted with the server. */
  readonly data?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startServer(options: ServerOptions = {}): Promise<Server> {
  const port = options.port ?? (await freePort());
  const data = options.data ?? (await mkdtemp(join(tmpdir(), "slipway-data-")));
  const password = options.env?.["ADMIN_PASSWORD"] ?? randomBytes(12).toString("hex");
  const child = spawn(process.execPath, [join(import.meta.dirname, "start.ts")], {
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      HOST: "127.0.0.1",
      PORT: String(port),
      SLIPWAY_DATA: data,
      ADMIN_PASSWORD: password,
      ...options.env,
    },
  });
  const log: string[] = [];
  const ready = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      log.push(line);
      const url = /^ready (\S+)$/.exec(line)?.[1];
      if (url !== undefined) ready.resolve(url);
    });
  }
  const exited = once(child, "exit");
  exited.then(
    () => ready.reject(new Error(`the registry did not start:\n${log.slice(-20).join("\n")}`)),
    ready.reject,
  );
  const url = await ready.promise;
  if (child.pid === undefined) throw new Error("the registry has no process");
  return {
    url,
    host: new URL(url).host,
    password,
    data,
    pid: child.pid,
    log,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      if (options.data === undefined) await rm(data, { recursive: true, force: true });
    },
  };
}
