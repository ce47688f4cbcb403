/** A server on loopback that answers as a test says, and the transport that reaches it. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import type { Transport } from "../../../src/scan/match/exchange.ts";
import type { Distribution, Package } from "../../../src/scan/package.ts";

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

/** Starts a server until the test has ended. `seen` has the requests in their order. */
export async function stub(
  answer: (request: Seen) => Answer,
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      const { method = "", url: path = "", headers } = request;
      const one = {
        method,
        path,
        headers,
        body: text === "" ? null : (JSON.parse(text) as unknown),
      };
      seen.push(one);
      const { status = 200, headers: sent = {}, body } = answer(one);
      response.writeHead(status, { "content-type": "application/json", ...sent });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** The real fetch, and waits that are written down instead of waited for. */
export function transport(): Transport & { waits: number[] } {
  const waits: number[] = [];
  return {
    fetch: (url, init) => fetch(url, init),
    wait: (ms) => {
      waits.push(ms);
      return Promise.resolve();
    },
    waits,
  };
}

export function packageOf(
  given: Partial<Package> & Pick<Package, "type" | "name" | "version">,
): Package {
  return { source: null, arch: null, path: "", ...given };
}

export const ALPINE: Distribution = { id: "alpine", version: "3.19.1", name: "Alpine Linux v3.19" };
export const DEBIAN: Distribution = { id: "debian", version: "12", name: "Debian GNU/Linux 12" };
