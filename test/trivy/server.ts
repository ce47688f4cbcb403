/** A real `trivy server` on loopback. */
import { cp, mkdir, readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { type Service, sleep, startService } from "../e2e/shell.ts";
import type { Trivy } from "./trivy.ts";

export const TOKEN = "a token that the suite alone knows";

export interface TrivyServer {
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** It has a copy of the databases, and a cache of its own. */
export async function openTrivyServer({ program, cache }: Trivy): Promise<TrivyServer> {
  const home = join(cache, "server");
  await mkdir(home);
  await cp(join(cache, "db"), join(home, "db"), { recursive: true });
  const host = `127.0.0.1:${await freePort()}`;
  const flags = ["--skip-db-update", "--cache-dir", home, "--listen", host, "--token", TOKEN];
  const service = startService([program, "server", ...flags], join(home, "log"));
  await untilHealthy(`http://${host}`, service);
  return { url: `http://${host}`, stop: () => service.stop(10) };
}

const PATIENCE_MS = 120_000;
const PAUSE_MS = 200;

async function untilHealthy(url: string, service: Service): Promise<void> {
  for (let waited = 0; waited < PATIENCE_MS && service.alive(); waited += PAUSE_MS) {
    const answer = await fetch(`${url}/healthz`).catch(() => null);
    if (answer?.ok === true) return;
    await sleep(PAUSE_MS);
  }
  throw new Error(`trivy server does not answer: ${await readFile(service.logFile, "utf8")}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
