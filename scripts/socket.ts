/**
 * The port that the registry answers on: workerd's own, with nothing in between. Miniflare's port has a Worker in front that copies
 * each request and its answer, takes a client's word for its URL and address (`MF-Original-URL`, `CF-Connecting-IP`), and
 * serves the bucket under /cdn-cgi/ to whoever asks. Miniflare loads this file as a plugin.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { Socket } from "miniflare";

export interface Address {
  readonly host: string;
  readonly port: number;
}

const NAME = "socket";
/** `HttpOptions.Style.proxy` of workerd.capnp. */
const PROXY = 1;

/** As URLs and workerd spell it: an IPv6 address in brackets. */
export function authorityOf({ host, port }: Address): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** For the `env` of the Worker that is to answer there. It binds nothing: this is how miniflare is given a plugin. */
export function socketAt(at: Address) {
  const plugin = { package: import.meta.filename, name: NAME };
  const options = { address: authorityOf(at) };
  return { type: "unsafe:socket", dev: { plugin, options } } as const;
}

interface Services {
  readonly options: { readonly config: { readonly name: string; readonly env?: object } };
}

/** What miniflare looks for in a plugin's file. */
export const plugins = {
  [NAME]: {
    getBindings: () => [],
    getNodeBindings: () => ({}),
    getServices({ options: { config } }: Services) {
      const sockets = Object.values(config.env ?? {}).flatMap((binding) =>
        isSocket(binding) ? socketOf(config.name, binding) : [],
      );
      return { services: [], extensions: [], sockets };
    },
  },
};

function isSocket(binding: unknown): binding is ReturnType<typeof socketAt> {
  return (binding as { type?: unknown }).type === "unsafe:socket";
}

function socketOf(worker: string, { dev }: ReturnType<typeof socketAt>): Socket {
  return {
    name: NAME,
    address: dev.options.address,
    service: { name: `core:user:${worker}` },
    // The request line and the headers reach the Worker as they came, see src/http/target.ts: for the other style workerd
    // composes a URL that may be none. Without the option for `cf`, workerd puts the peer's address there.
    http: { style: PROXY },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
