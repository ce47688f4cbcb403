/** A server that is measured: a process with a port and a data folder of its own, which can be emptied between cases. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../socket.ts";
import { processTree } from "./processes.ts";

export interface Subject {
  readonly name: string;
  readonly url: string;
  /** The process ids of the server and of all that it started. They change when it is restarted. */
  pids(): readonly number[];
  /** The process that runs the Worker and the simulated platform. */
  workerd(): number;
  /** The file that it logs to. */
  log(): string;
  /** Stops it, runs `between` on its data folder, and starts it on the same port. */
  restart(between: (data: string) => Promise<void>): Promise<void>;
  /** Restarts it empty, so that it knows no digest and the disk does not fill up. */
  renew(): Promise<void>;
  stop(): Promise<void>;
}

/** A running subject. */
export interface Running {
  readonly pid: number;
  readonly log: string;
  stop(): Promise<void>;
}

/** The surroundings that it runs in. */
export interface Place {
  readonly port: number;
  readonly data: string;
  readonly log: string;
}

export type Start = (place: Place) => Promise<Running>;

export async function openSubject(name: string, start: Start): Promise<Subject> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "slipway-bench-"));
  const data = join(folder, "data");
  await mkdir(data);
  const place = { port, data, log: join(folder, "log") };
  let running = await start(place);
  let tree = processTree(running.pid);
  const restart: Subject["restart"] = async (between) => {
    await running.stop();
    await between(data);
    running = await start(place);
    tree = processTree(running.pid);
  };
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    pids: () => tree.map(({ pid }) => pid),
    workerd() {
      const workerd = tree.find((one) => one.name === "workerd");
      if (workerd === undefined) throw new Error(`${name} has no workerd`);
      return workerd.pid;
    },
    log: () => running.log,
    restart,
    renew: () => restart(emptied),
    async stop() {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function emptied(data: string): Promise<void> {
  await rm(data, { recursive: true, force: true });
  await mkdir(data);
}
