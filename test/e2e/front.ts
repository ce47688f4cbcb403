/**
 * A proxy in Cloudflare's place: it sets the address that a request comes from, another one for each case, so that
 * failed logins of one case do not count against the next, and it records requests and answers.
 */
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { gunzipSync } from "node:zlib";
import { atEnd } from "./cleanup.ts";
import type { Registry } from "./registry.ts";

/** One request as the wire had it. */
export interface Exchange {
  method: string;
  /** With its query. */
  path: string;
  status: number;
  /** The body of a refusal. */
  said: string;
}

export interface Front {
  /** The registry as clients reach it through here. */
  registry: Registry;
  /** Changes the address of later requests; returns the list that they are added to. */
  begin(): Exchange[];
}

export async function openFront(registry: Registry): Promise<Front> {
  let exchanges: Exchange[] = [];
  let cases = 0;
  const server = createServer((incoming, outgoing) => {
    const address = `198.18.${cases >> 8}.${cases & 255}`;
    forward(new URL(registry.url), { incoming, outgoing, address, exchanges });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("the front has no port");
  const host = `127.0.0.1:${bound.port}`;
  atEnd("stop the front", () => {
    server.close();
    server.closeAllConnections();
  });
  return {
    registry: { ...registry, host, url: `http://${host}` },
    begin() {
      cases += 1;
      exchanges = [];
      return exchanges;
    },
  };
}

interface Visit {
  incoming: IncomingMessage;
  outgoing: ServerResponse;
  address: string;
  exchanges: Exchange[];
}

function forward(to: URL, { incoming, outgoing, address, exchanges }: Visit): void {
  const exchange = { method: incoming.method ?? "", path: incoming.url ?? "", status: 0, said: "" };
  exchanges.push(exchange);
  const headers = { ...incoming.headers, "cf-connecting-ip": address };
  const { method, path } = exchange;
  const passed = request({ host: to.hostname, port: to.port, method, path, headers, agent: false });
  passed.on("response", (response) => {
    exchange.status = response.statusCode ?? 0;
    if (exchange.status >= 400) void listen(response, exchange);
    outgoing.writeHead(exchange.status, response.rawHeaders);
    response.pipe(outgoing);
  });
  // A refusal may come before the body was read; the rest of the body is then not needed.
  passed.on("error", () => {
    if (!outgoing.headersSent) outgoing.destroy();
  });
  incoming.pipe(passed);
}

/** Reads a refusal's text while it passes. */
async function listen(response: IncomingMessage, exchange: Exchange): Promise<void> {
  const chunks: Buffer[] = [];
  response.on("data", (bytes: Buffer) => chunks.push(bytes));
  await once(response, "close");
  const bytes = Buffer.concat(chunks);
  const packed = response.headers["content-encoding"] === "gzip" && bytes.length > 0;
  exchange.said = (packed ? gunzipSync(bytes) : bytes).toString("utf8");
}
