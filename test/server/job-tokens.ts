/** GitHub's service of ID tokens, as a job sees it: the URL and the secret in its environment, over real HTTP. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Issuer } from "./issuer.ts";

export interface JobTokens {
  /** What the runner sets in the environment of a job that may have ID tokens. */
  readonly env: Readonly<Record<string, string>>;
  /** Further claims of the tokens. */
  claims: Readonly<Record<string, unknown>>;
  /** Answers to be given before a token is: their statuses and bodies. */
  readonly faults: (readonly [status: number, body: string])[];
  /** How many requests came. */
  requests: number;
  stop(): Promise<void>;
}

const SECRET = "of the job";

export async function startJobTokens(issuer: Issuer): Promise<JobTokens> {
  const server = createServer((request, response) => {
    service.requests += 1;
    const fault = service.faults.shift();
    if (fault !== undefined) {
      response.writeHead(fault[0]).end(fault[1]);
      return;
    }
    const url = new URL(request.url ?? "", "http://jobs");
    const isAllowed = request.headers.authorization === `Bearer ${SECRET}`;
    if (!isAllowed || url.searchParams.get("api-version") !== "2.0") {
      response.writeHead(401).end();
      return;
    }
    const aud = url.searchParams.get("audience");
    void issuer.sign({ ...service.claims, aud }).then((value) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ count: 1, value }));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const service: JobTokens = {
    env: {
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: SECRET,
      ACTIONS_ID_TOKEN_REQUEST_URL: `http://127.0.0.1:${port}/token?api-version=2.0`,
    },
    claims: {},
    faults: [],
    requests: 0,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return service;
}
