/**
 * The sockets that workerd listens on besides miniflare's own. The registry's socket is workerd's, with nothing in
 * between: miniflare's port has a Worker in front that copies each request and its answer, believes a client about its
 * URL and address (`MF-Original-URL`, `CF-Connecting-IP`), and serves the bucket under /cdn-cgi/ to everyone. The
 * control Worker's socket is a file in a folder that its owner alone can enter. Miniflare loads this file as a plugin.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Socket, Worker_Binding as Binding } from "miniflare";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A type, as miniflare wants options with an index. */
// oxlint-disable-next-line typescript/consistent-type-definitions
export type Sockets = {
  /** The address of the Worker; without it, miniflare's entry. */
  readonly listen?: Address | undefined;
  /** The control Worker's socket, a file, and its database, a binding of the Worker's own. */
  readonly control?: { readonly path: string; readonly database: string };
};

const NAME = "socket";
const CONTROL = "slipway:control";
/** `HttpOptions.Style.proxy` of workerd.capnp. */
const PROXY = 1;

/** Formats an address for URLs and workerd: IPv6 in brackets. */
export function authorityOf({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/**
 * Makes a value for the `env` of the Worker that is to answer there. It is no binding: miniflare takes plugins this
 * way.
 */
export function socketsAt(options: Sockets) {
  const plugin = { package: import.meta.filename, name: NAME };
  return { type: "unsafe:socket", dev: { plugin, options } } as const;
}

interface Services {
  readonly options: {
    readonly config: {
      readonly name: string;
      readonly compatibilityDate: string;
      readonly env?: object;
    };
  };
  readonly workerBindings: readonly Binding[];
}

/** The export that miniflare looks for in a plugin's file. */
export const plugins = {
  [NAME]: {
    getBindings: () => [],
    getNodeBindings: () => ({}),
    getServices({ options: { config }, workerBindings }: Services) {
      const wanted = Object.values(config.env ?? {}).filter(isSocket);
      const worker = `core:user:${config.name}`;
      return {
        services: wanted.flatMap(({ dev: { options } }) => {
          if (options.control === undefined) return [];
          const { database } = options.control;
          return controlService(config.compatibilityDate, [
            ...workerBindings.filter(({ name }) => name === database),
            { name: "REGISTRY", service: { name: worker } },
          ]);
        }),
        extensions: [],
        sockets: wanted.flatMap(({ dev: { options } }) => socketsOf(worker, options)),
      };
    },
  },
};

function isSocket(binding: unknown): binding is ReturnType<typeof socketsAt> {
  return (binding as { type?: unknown }).type === "unsafe:socket";
}

function socketsOf(worker: string, { listen, control }: Sockets): Socket[] {
  const sockets: Socket[] = [];
  if (listen !== undefined) {
    const address = authorityOf(listen);
    // The request line and the headers reach the Worker unchanged, see src/http/target.ts: in the other style workerd
    // composes a URL that may be invalid. Without the option for `cf`, workerd puts the client's address there.
    const service = { name: worker };
    sockets.push({ name: "registry", address, service, http: { style: PROXY } });
  }
  if (control !== undefined) {
    const address = `unix:${control.path}`;
    sockets.push({ name: "control", address, service: { name: CONTROL }, http: {} });
  }
  return sockets;
}

function controlService(compatibilityDate: string, bindings: Binding[]) {
  const code = readFileSync(join(import.meta.dirname, "start", "control-worker.js"), "utf8");
  return {
    name: CONTROL,
    worker: {
      modules: [{ name: "control-worker.js", esModule: code }],
      compatibilityDate,
      // A service binding has `scheduled()` only with this flag.
      compatibilityFlags: ["service_binding_extra_handlers"],
      bindings,
    },
  };
}

/** Listens there for a moment. @throws the system's error if that is not possible */
export async function probe(at: Address): Promise<number> {
  const server = createServer();
  server.listen(at.port, at.host);
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export function freePort(): Promise<number> {
  return probe({ host: "127.0.0.1", port: 0 });
}
