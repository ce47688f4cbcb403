/** The proxy between clients and a registry that do what they should not. The registry is a small server of its own here. */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type RunningProxy, startProxy } from "../../src/cli/proxy/server.ts";
import { CliError } from "../../src/cli/error.ts";
import { type Authorize, Upstream } from "../../src/cli/remote/upstream.ts";
import type { Progress } from "../../src/cli/upload/progress.ts";

const SILENT: Progress = {
  begin: () => ({ at: () => {}, resumed: () => {}, done: () => {}, failed: () => {} }),
  end: () => {},
};
const SECRET = "a secret of this test alone";
const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

type Answering = (asked: IncomingMessage, answer: ServerResponse) => void;

async function startRegistry(answering: Answering): Promise<{ origin: string; server: Server }> {
  const server = createServer(answering);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

async function openProxy(
  origin: string,
  authorize: Authorize | null = null,
): Promise<RunningProxy> {
  const upstream = new Upstream(origin, authorize);
  const secret = authorize === null ? null : SECRET;
  const proxy = await startProxy({ upstream, port: 0, secret, progress: SILENT });
  stops.push(() => proxy.stop());
  return proxy;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: Uint8Array;
}

async function ask(port: number, path: string, { method = "GET", headers = {}, body }: Sent = {}) {
  const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
  sent.end(body);
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  return { status: answer.statusCode, headers: answer.headers, body: await text(answer) };
}

async function raw(port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(bytes);
  return socket;
}

test.each(["GET", "HEAD", "DELETE", "OPTIONS"])(
  "the body of a %s is no request of its own to the registry",
  async (method) => {
    const seen: string[] = [];
    const { origin } = await startRegistry((asked, answer) => {
      seen.push(`${asked.method} ${asked.url} ${asked.headers.authorization ?? ""}`);
      asked.resume();
      answer.end("fine");
    });
    const { port } = await openProxy(origin);
    const hidden = "DELETE /v2/victim/app/manifests/v1 HTTP/1.1\r\nHost: x\r\nX: ";
    const framings = [
      `Transfer-Encoding: chunked\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
      `Connection: content-length\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
      `Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    ];
    for (const framing of framings) {
      const socket = await raw(
        port,
        `${method} /v2/ HTTP/1.1\r\nHost: localhost:${port}\r\n${framing}`,
      );
      await once(socket, "data");
      await ask(port, "/v2/a/b/manifests/v1", {
        headers: { host: `localhost:${port}`, authorization: "Bearer victim" },
      });
      socket.destroy();
    }
    expect(seen).toEqual(
      framings.flatMap(() => [`${method} /v2/ `, "GET /v2/a/b/manifests/v1 Bearer victim"]),
    );
  },
);

test("a client that hangs up after a refusal, in the middle of its body, ends nothing but itself", async () => {
  const { port } = await openProxy("http://127.0.0.1:1");
  for (const path of ["/v2/a/b/manifests/x", "/elsewhere", "/v2/a/b/blobs/uploads/1?digest=x"]) {
    const socket = await raw(
      port,
      `PUT ${path} HTTP/1.1\r\nHost: localhost:${port}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    );
    if (path === "/elsewhere") await once(socket, "data");
    else await sleep(50);
    socket.resetAndDestroy();
  }
  expect((await ask(port, "/elsewhere", { headers: { host: `localhost:${port}` } })).status).toBe(
    404,
  );
});

test.each([
  "/v2/../api/v1/me",
  "/v2/%2e%2e/api/v1/me",
  "/v2/./../token",
  "//api/v1/me",
  "/v2\\..\\api",
])("%s is not sent with the proxy's credential", async (path) => {
  let count = 0;
  const { origin } = await startRegistry((_, answer) => {
    count += 1;
    answer.end();
  });
  const { port } = await openProxy(origin, () => Promise.resolve("Bearer held"));
  const authorization = `Basic ${Buffer.from(`slipway:${SECRET}`).toString("base64")}`;
  const headers = { host: `localhost:${port}`, authorization };
  expect((await ask(port, path, { headers })).status).toBe(404);
  expect(count).toBe(0);
  expect((await ask(port, "/v2/", { headers })).status).toBe(200);
});

/** A registry with one upload, which answers each request to it as given. */
async function withUpload(answering: Answering) {
  let count = 0;
  const { origin } = await startRegistry((asked, answer) => {
    asked.resume();
    asked.once("end", () => {
      count += 1;
      answering(asked, answer);
    });
  });
  const { port } = await openProxy(origin);
  const put = (headers: Record<string, string> = {}) =>
    ask(port, "/v2/a/b/blobs/uploads/1?_offset=0&digest=sha256:x", {
      method: "PUT",
      headers: { host: `localhost:${port}`, ...headers },
      body: Buffer.alloc(1_000_000),
    });
  return { put, count: () => count };
}

test("a registry that takes bytes and never has them is not asked without a pause", async () => {
  const { put, count } = await withUpload((_, answer) => {
    answer.writeHead(202, { range: "0-0", location: "/v2/a/b/blobs/uploads/1" }).end();
  });
  void put().catch(() => undefined);
  await sleep(1500);
  expect(count()).toBeGreaterThan(1);
  expect(count()).toBeLessThan(20);
});

test("a 429 with a long Retry-After is the client's to wait for, and a failed login is not repeated", async () => {
  let count = 0;
  const { origin } = await startRegistry((asked, answer) => {
    count += 1;
    asked.resume();
    answer.writeHead(429, { "retry-after": "60" }).end("slow down");
  });
  const { port } = await openProxy(origin);
  const headers = { host: `localhost:${port}` };
  for (const path of ["/v2/a/b/manifests/v1", "/token?service=x"]) {
    const answer = await ask(port, path, { headers });
    expect([answer.status, answer.headers["retry-after"], answer.body]).toEqual([
      429,
      "60",
      "slow down",
    ]);
  }
  expect(count).toBe(2);
});

const noToken: Authorize = () =>
  Promise.reject(new CliError("the ID token has expired", { hint: "Begin the job anew" }));

test("an error of the credential is told at once, in its own words", async () => {
  const { origin } = await startRegistry((_, answer) => answer.end());
  const { port } = await openProxy(origin, noToken);
  const authorization = `Basic ${Buffer.from(`slipway:${SECRET}`).toString("base64")}`;
  const put = await ask(port, "/v2/a/b/blobs/uploads/1?_offset=0&digest=sha256:x", {
    method: "PUT",
    headers: { host: `localhost:${port}`, authorization },
    body: Buffer.alloc(1000),
  });
  expect(put.status).toBe(502);
  expect(put.body).toContain("the ID token has expired. Begin the job anew");
});
