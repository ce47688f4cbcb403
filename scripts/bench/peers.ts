/**
 * The registries that people use now, each with its file-system store and set up for speed by a careful operator: no
 * access log, only errors in the log, distribution's blob descriptors cached in memory as in Debian's package, no
 * traces. None of them authenticates its clients; Slipway always does.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { debianProgram, goProgram, type Supply } from "./install.ts";
import { startProcess } from "./process.ts";
import type { Place, Running } from "./subject.ts";
import type { Missing } from "./subjects.ts";

interface Peer {
  readonly name: string;
  readonly layout: "distribution" | "zot";
  /** Finds its program. @throws Error with the reason if there is none */
  readonly program: (supply: Supply) => Promise<string>;
  readonly config: (data: string, port: number) => object;
  readonly env?: Readonly<Record<string, string>>;
}

export type FoundPeer = Omit<Peer, "program"> & { readonly program: string };

/** The version of zot, and of the load generator that comes with it. */
const ZOT = "v2.1.20";
/** zot is written against an experiment of Go's standard library. */
const ZOT_ENV = { GOEXPERIMENT: "jsonv2" };

/** The peers by the names that `--peers` takes. */
export const PEERS: Readonly<Record<string, Peer>> = {
  "2.8.2": {
    name: "docker-registry 2.8.2",
    layout: "distribution",
    program: (supply) => debianProgram("bookworm", "2.8.2", supply),
    config: distributionConfig,
  },
  "2.8.3": {
    name: "docker-registry 2.8.3",
    layout: "distribution",
    program: (supply) => debianProgram("trixie", "2.8.3", supply),
    config: distributionConfig,
  },
  distribution: {
    name: "distribution 3.1.2",
    layout: "distribution",
    program: (supply) =>
      goProgram("github.com/distribution/distribution/v3/cmd/registry@v3.1.2", {}, supply),
    config: distributionConfig,
    // Without this setting it sends traces to a collector on this machine.
    env: { OTEL_TRACES_EXPORTER: "none" },
  },
  zot: {
    name: "zot 2.1.20",
    layout: "zot",
    program: (supply) => goProgram(`zotregistry.dev/zot/v2/cmd/zot@${ZOT}`, ZOT_ENV, supply),
    config: zotConfig,
  },
};

/** zot's load generator. */
export function zbProgram(supply: Supply): Promise<string> {
  return goProgram(`zotregistry.dev/zot/v2/cmd/zb@${ZOT}`, ZOT_ENV, supply);
}

export async function findPeers(names: readonly string[], supply: Supply) {
  const found: FoundPeer[] = [];
  const missing: Missing[] = [];
  for (const [key, peer] of Object.entries(PEERS)) {
    if (!names.includes(key)) {
      missing.push({ subject: peer.name, reason: "not asked for (--peers)" });
      continue;
    }
    try {
      found.push({ ...peer, program: await peer.program(supply) });
    } catch (error) {
      missing.push({ subject: peer.name, reason: error instanceof Error ? error.message : "" });
    }
  }
  for (const { subject, reason } of missing) console.log(`missing: ${subject}: ${reason}`);
  return { found, missing };
}

export async function startPeer(peer: FoundPeer, { port, data, log }: Place): Promise<Running> {
  const file = join(data, "config.json");
  await writeFile(file, JSON.stringify(peer.config(data, port)));
  return startProcess([peer.program, "serve", file], {
    log,
    ...(peer.env === undefined ? {} : { env: peer.env }),
    ready: () =>
      fetch(`http://127.0.0.1:${port}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      ),
  });
}

/** JSON is YAML as well. */
function distributionConfig(data: string, port: number): object {
  return {
    version: "0.1",
    log: { level: "error", accesslog: { disabled: true } },
    storage: {
      cache: { blobdescriptor: "inmemory" },
      filesystem: { rootdirectory: join(data, "store") },
    },
    http: { addr: `127.0.0.1:${port}`, secret: "one server needs no other" },
  };
}

function zotConfig(data: string, port: number): object {
  return {
    distSpecVersion: "1.1.1",
    storage: { rootDirectory: join(data, "store") },
    http: { address: "127.0.0.1", port: String(port) },
    // On each push it logs an error that is no failure.
    log: { level: "error", output: "/dev/null" },
  };
}
