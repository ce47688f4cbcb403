/** The stand-in for Cloudflare's edge does what the tests behind it count on. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type Edge, type EdgeOptions, startEdge } from "../support/edge.ts";
import { type Fault, isUpload, seededFaults } from "../support/edge-faults.ts";

const LIMIT = 1_000_000;
const PAGE =
  "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n";

/** A registry that counts what arrives, and answers with the count. */
let registry: Server;
let arrived: { readonly whole: boolean; readonly bytes: number }[] = [];
let edge: Edge;

beforeAll(async () => {
  registry = createServer((incoming, outgoing) => {
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => (bytes += chunk.length));
    // A request of the test before may end late.
    const into = arrived;
    incoming.on("close", () => into.push({ whole: incoming.complete, bytes }));
    incoming.on("end", () => outgoing.end(`${bytes}`));
  });
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
});

beforeEach(() => {
  arrived = [];
});

afterEach(() => edge.stop());

afterAll(async () => {
  registry.close();
  await once(registry, "close");
});

async function start(options: Partial<EdgeOptions>): Promise<void> {
  const { port } = registry.address() as AddressInfo;
  edge = await startEdge({ upstream: `http://127.0.0.1:${port}`, limitBytes: LIMIT, ...options });
}

interface Body {
  readonly bytes: number;
  readonly chunked?: boolean;
  readonly expect?: boolean;
}

/** @returns the answer, or the error's code if there was none */
async function send({ bytes, chunked = false, expect: asks = false }: Body): Promise<string> {
  const headers = {
    ...(chunked ? { "transfer-encoding": "chunked" } : { "content-length": bytes }),
    ...(asks ? { expect: "100-continue" } : {}),
  };
  const asked = request(`${edge.url}/v2/a/blobs/uploads/x`, { method: "PATCH", headers });
  const answered = once(asked, "response") as Promise<[IncomingMessage]>;
  // What is sent after the answer may meet a closed socket.
  asked.on("error", () => undefined);
  if (asks) asked.on("continue", () => asked.end(Buffer.alloc(bytes)));
  else asked.end(Buffer.alloc(bytes));
  try {
    const [answer] = await answered;
    return `${answer.statusCode} ${await text(answer)}`;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

test.each([false, true])("a body at the limit passes (chunked: %s)", async (chunked) => {
  await start({ refusal: "cut" });
  expect(await send({ bytes: LIMIT, chunked })).toBe(`200 ${LIMIT}`);
  expect([edge.refused, edge.bodyBytes, edge.requests.length]).toEqual([0, LIMIT, 1]);
});

test.each(["at-once", "drain", "cut"] as const)(
  "a Content-Length above the limit is refused before the body (%s)",
  async (refusal) => {
    await start({ refusal });
    expect(await send({ bytes: LIMIT + 1 })).toBe(`413 ${PAGE}`);
    expect(await send({ bytes: LIMIT + 1, expect: true })).toBe(`413 ${PAGE}`);
    expect([edge.refused, edge.bodyBytes, arrived]).toEqual([2, 0, []]);
  },
);

test("the refusal has the headers of Cloudflare's", async () => {
  await start({});
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(`PUT /v2/ HTTP/1.1\r\nhost: a\r\ncontent-length: ${LIMIT + 1}\r\n\r\n`);
  socket.end();
  const said = await text(socket);
  expect(said).toMatch(/^HTTP\/1.1 413 Request Entity Too Large\r\n/);
  expect(said).toMatch(/\r\nserver: cloudflare\r\ncf-ray: \w+-FRA\r\n/);
  expect(said).toMatch(/\r\ncontent-type: text\/html\r\n/);
});

test("a chunked body above the limit is refused in the middle, and the registry gets a part", async () => {
  await start({ refusal: "at-once" });
  expect(await send({ bytes: 3 * LIMIT, chunked: true })).toBe(`413 ${PAGE}`);
  expect(edge.bodyBytes).toBeLessThan(2 * LIMIT);
  await expect.poll(() => arrived).toEqual([{ whole: false, bytes: expect.any(Number) }]);
});

test("a chunked body above the limit is read to its end and then refused", async () => {
  await start({ refusal: "drain" });
  expect(await send({ bytes: 3 * LIMIT, chunked: true })).toBe(`413 ${PAGE}`);
  expect(edge.bodyBytes).toBe(3 * LIMIT);
});

test("a chunked body above the limit breaks the connection", async () => {
  await start({ refusal: "cut" });
  expect(await send({ bytes: 3 * LIMIT, chunked: true })).toMatch(/ECONNRESET|EPIPE/);
  expect([edge.refused, edge.requests[0]?.status]).toEqual([1, 0]);
});

test.each<[Fault, said: string, arrives: number | null]>([
  [{ kind: "cut-request", afterBytes: 1000 }, "ECONNRESET", 1000],
  [{ kind: "cut-answer", afterBytes: 2 }, "ECONNRESET", 50_000],
  [{ kind: "lose-answer" }, "ECONNRESET", 50_000],
  [{ kind: "replace-answer", status: 520 }, "520 <html>", 50_000],
  [{ kind: "refuse", status: 429, retryAfterSeconds: 1 }, "429 <html>", null],
  [{ kind: "delay", ms: 1 }, "200 50000", 50_000],
])("the fault %j", async (fault, said, bytes) => {
  await start({ faults: () => fault });
  const answer = await send({ bytes: 50_000 });
  expect(answer.slice(0, said.length)).toBe(said);
  expect(edge.faulted).toBe(1);
  const expected = bytes === null ? [] : [{ whole: bytes === 50_000, bytes }];
  await expect.poll(() => arrived).toEqual(expected);
});

test("the same seed makes the same faults, for uploads alone and no more than are wanted", () => {
  const heads = Array.from({ length: 400 }, (_, i) => ({
    method: "PATCH",
    path: i % 2 === 0 ? `/v2/a/blobs/uploads/${i}` : "/v2/a/blobs/uploads/",
    length: 1000,
  }));
  const drawn = (seed: number) => heads.map(seededFaults({ seed, percent: 50, most: 60 }));
  expect(drawn(1)).toEqual(drawn(1));
  expect(drawn(1)).not.toEqual(drawn(2));
  const faults = drawn(1).filter((fault) => fault !== null);
  expect(faults.length).toBe(60);
  expect(new Set(faults.map(({ kind }) => kind)).size).toBe(6);
  expect(heads.filter((head, i) => drawn(1)[i] !== null && !isUpload(head))).toEqual([]);
});

test("a slow line holds up the sender, whose bytes wait with it and not in the edge", async () => {
  const total = 64 * LIMIT;
  await start({ limitBytes: total, uplinkBytesPerSecond: 500_000 });
  const socket = connect(edge.port, "127.0.0.1");
  socket.write(`PUT /v2/a/blobs/uploads/x HTTP/1.1\r\nhost: a\r\ncontent-length: ${total}\r\n\r\n`);
  const piece = Buffer.alloc(64 * 1024);
  const offer = () => {
    while (socket.write(piece));
  };
  socket.on("drain", offer);
  offer();
  await expect.poll(() => edge.bodyBytes).toBeGreaterThan(200_000);
  // What the two sockets of this machine hold at most: 4 MB to send, as much again received.
  expect(socket.bytesWritten - socket.writableLength).toBeLessThan(8 * LIMIT);
  socket.destroy();
});
