/**
 * dockerd and containerd, started in a room and stopped by their pid. An engine gets its own data,
 * state and socket in the client's folder, makes no bridge and no firewall rule, and must leave
 * neither process nor mount behind.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { atEnd } from "./cleanup.ts";
import type { Bench } from "./client.ts";
import { sleep, startService, type Service } from "./shell.ts";

export interface Engine {
  socket: string;
  /** Stops it, and returns what it left behind. */
  stop(): Promise<string[]>;
}

const START_SECONDS = 30;
const STOP_SECONDS = 20;

export type ImageStore = "overlay2" | "containerd";

export async function startDocker(bench: Bench, store: ImageStore): Promise<Engine> {
  const home = await makeHome(bench);
  const settings = join(home, "daemon.json");
  const snapshotter = { features: { "containerd-snapshotter": true } };
  await writeFile(settings, JSON.stringify(store === "containerd" ? snapshotter : {}));
  const socket = join(home, "docker.sock");
  const driver = store === "overlay2" ? ["--storage-driver=overlay2"] : [];
  const argv = [
    "dockerd",
    `--config-file=${settings}`,
    `--host=unix://${socket}`,
    ...driver,
    `--data-root=${home}/data`,
    `--exec-root=${home}/exec`,
    `--pidfile=${home}/pid`,
    "--iptables=false",
    "--ip6tables=false",
    "--ip-masq=false",
    "--bridge=none",
    // Loopback is excepted by default; a registry elsewhere on plain HTTP must be named.
    ...(bench.registry.plain ? [`--insecure-registry=${bench.registry.host}`] : []),
  ];
  const service = startService(bench.enter(argv), join(home, "log"), { env: bench.env });
  const docker = ["docker", `--host=unix://${socket}`, "version"];
  const stopOnce = stopper(bench, home, service);
  await untilReady(service, async () => (await bench.attempt(docker)).code === 0);
  return { socket, stop: stopOnce };
}

export async function startContainerd(bench: Bench): Promise<Engine> {
  const home = await makeHome(bench);
  const settings = join(home, "config.toml");
  const socket = join(home, "containerd.sock");
  const lines = [
    "version = 2",
    `root = "${home}/data"`,
    `state = "${home}/state"`,
    // containerd's plugin for Kubernetes wants a network that does not exist here.
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    "[grpc]",
    `address = "${socket}"`,
  ];
  await writeFile(settings, lines.join("\n"));
  const argv = ["containerd", "--config", settings];
  const service = startService(bench.enter(argv), join(home, "log"), { env: bench.env });
  const version = ["ctr", "--address", socket, "version"];
  const stopOnce = stopper(bench, home, service);
  await untilReady(service, async () => (await bench.attempt(version)).code === 0);
  return { socket, stop: stopOnce };
}

async function makeHome(bench: Bench): Promise<string> {
  const home = join(bench.folder, "engine");
  await mkdir(home, { recursive: true });
  return home;
}

async function untilReady(service: Service, ready: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  while (!(await ready())) {
    if (!service.alive() || Date.now() > deadline) {
      await service.stop(1);
      const log = await readFile(service.logFile, "utf8");
      throw new Error(`the engine doesn't start\n${log.split("\n").slice(-12).join("\n")}`);
    }
    await sleep(100);
  }
}

/** Stops once, when the client ends or the run is interrupted. */
function stopper(bench: Bench, home: string, service: Service): () => Promise<string[]> {
  let stopping: Promise<string[]> | undefined;
  const once = () => (stopping ??= stop(bench, home, service));
  atEnd(`stop the engine of ${bench.id}`, async () => {
    await once();
  });
  return once;
}

async function stop(bench: Bench, home: string, service: Service): Promise<string[]> {
  await service.stop(STOP_SECONDS);
  const processes = await processesOf(home);
  for (const { pid } of processes) process.kill(pid, "SIGKILL");
  // dockerd leaves the handle of its default network namespace mounted.
  await bench.attempt(["umount", join(home, "exec/netns/default")]);
  const mounts = (await bench.run(["cat", "/proc/self/mountinfo"])).stdout.split("\n");
  return [
    ...mounts.filter((line) => line.includes(home)).map((line) => `mount: ${line}`),
    ...processes.map(({ pid, command }) => `process ${pid}: ${command}`),
  ];
}

/** All processes that name the folder in their command line. */
export async function processesOf(folder: string): Promise<{ pid: number; command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const bytes = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
    const command = bytes.replaceAll("\u0000", " ").trim();
    if (command.includes(folder)) found.push({ pid, command });
  }
  return found;
}
