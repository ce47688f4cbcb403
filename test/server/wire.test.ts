/** The wire as a client sees it: answers before its body has ended, odd headers, and HTTP/1.0. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Server, startServer } from "../../scripts/server.ts";

const MIB = 1024 * 1024;
const TIMES = 6;
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
let server: Server;
let port: number;

beforeAll(async () => {
  server = await startServer();
  port = Number(new URL(server.url).port);
});

afterAll(async () => {
  await server.stop();
});

const authorization = () =>
  `Authorization: Basic ${Buffer.from(`admin:${server.password}`).toString("base64")}\r\n`;

describe.each([
  ["Content-Length", false],
  ["chunks", true],
])("a client that sends all of a body in %s before it reads", (_, chunked) => {
  test.each([
    ["401", "PUT /v2/wire/a/manifests/v1", "", 8 * MIB],
    ["413", "PUT /v2/wire/a/manifests/v1", "known", 8 * MIB],
    ["404", "POST /nowhere", "", 8 * MIB],
    ["404", "PATCH /v2/wire/a/blobs/uploads/none", "known", 8 * MIB],
    ["405", "PUT /v2/wire/a/tags/list", "known", 8 * MIB],
    ["400", "PUT /v2/wire/a/manifests/v1?tag=:", "known", 8 * MIB],
    ["415", "POST /api/v1/users", "known", 8 * MIB],
  ])("is told %s: %s", async (status, line, who, size) => {
    const head = `${line} HTTP/1.1\r\nHost: wire.test\r\n${who === "" ? "" : authorization()}Content-Type: ${MANIFEST}\r\n`;
    for (let i = 0; i < TIMES; i++) {
      expect(await sendAll(head, Buffer.alloc(size), chunked)).toMatch(
        new RegExp(`^HTTP/1.1 ${status} `),
      );
    }
  });
});

test("a client that never ends its body is told after ten seconds", async () => {
  const socket = open();
  socket.write("POST /nowhere HTTP/1.1\r\nHost: wire.test\r\nContent-Length: 1000000\r\n\r\n");
  const dripping = setInterval(() => socket.write("x"), 500);
  const [answer] = (await once(socket, "data")) as [Buffer];
  clearInterval(dripping);
  socket.destroy();
  expect(answer.toString()).toMatch(/^HTTP\/1.1 404 /);
});

test("a client that waits for 100 Continue is refused before it sends anything", async () => {
  const answer = await exchange(
    "PUT /v2/wire/a/manifests/v1 HTTP/1.1\r\nHost: wire.test\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
  );
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
});

test.each([
  ["X-Forwarded-Proto: https,http", 'realm="https://wire.test/token"'],
  ["X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http", 'realm="https://wire.test/token"'],
  ["X-Forwarded-Proto: HTTPS , http", 'realm="https://wire.test/token"'],
  ["X-Forwarded-Proto:", 'realm="http://wire.test/token"'],
  ["X-Forwarded-Proto: http, https", 'realm="http://wire.test/token"'],
])("the first of the proxies says what the client speaks: %j", async (header, auth) => {
  const answer = await exchange(`GET /v2/ HTTP/1.1\r\nHost: wire.test\r\n${header}\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 401 /);
  expect(answer).toContain(auth);
});

test.each([
  ["another scheme", "GET /v2/", "Host: wire.test\r\nX-Forwarded-Proto: wss"],
  ["no scheme", "GET /v2/", "Host: wire.test\r\nX-Forwarded-Proto: ://,https"],
  ["two hosts", "GET /v2/", "Host: wire.test\r\nHost: other.test"],
  ["a host with a space", "GET /v2/", "Host: a b"],
  ["a host with a quote", "GET /v2/", 'Host: a"b'],
  ["a host with somebody in front", "GET /v2/", "Host: somebody@wire.test"],
  ["a host with a path", "GET /v2/", "Host: wire.test/v2/other"],
  ["a port that there is not", "GET /v2/", "Host: wire.test:99999"],
  ["no host, where the answer needs one", "GET /v2/", "X-Other: x"],
  ["a target with another scheme", "GET wss://wire.test/v2/", "Host: wire.test"],
  ["a target without a slash", "GET v2", "Host: wire.test"],
])("%s: 400 in the form of the spec, with a line in the log", async (_, line, headers) => {
  const before = server.log.length;
  const answer = await exchange(`${line} HTTP/1.1\r\n${headers}\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer).toContain('{"errors":[{"code":"UNSUPPORTED"');
  await expect.poll(() => server.log.slice(before).join("\n")).toContain('"status":400');
});

test.each([
  "Authorization: Basic a, Basic b",
  "Authorization: Basic a\r\nAuthorization: Bearer b",
  "Authorization:",
  "Authorization: Bearer",
  "Range: bytes=0-1\r\nRange: bytes=2-3",
  "Content-Range: 0-1, 0-1",
  'If-None-Match: ,,W/,*,"',
  "If-Match: \r\nIf-Match: *",
  "If-Range: ,",
  "Content-Type: a/b, c/d;;=",
  "Accept: ,;q=,*/*;q=9",
  "CF-Connecting-IP: 1.2.3.4, 5.6.7.8",
  "Expect: 100-continue, 100-continue",
  "User-Agent: \xff\xfe",
])("a header that is a list, twice there or garbage makes no 500: %j", async (header) => {
  for (const line of [
    "GET /v2/",
    "GET /token",
    "GET /v2/wire/a/manifests/latest",
    "PATCH /v2/wire/a/blobs/uploads/x",
    "POST /api/v1/users",
  ]) {
    const own = header.startsWith("Authorization") ? "" : authorization();
    const answer = await exchange(
      `${line} HTTP/1.1\r\nHost: wire.test\r\nContent-Length: 0\r\n${own}${header}\r\n\r\n`,
    );
    expect(answer, line).toMatch(/^HTTP\/1.1 [234]\d\d /);
  }
});

test.each([
  ["OPTIONS / HTTP/1.0", "204"],
  ["GET / HTTP/1.0", "200"],
  ["HEAD / HTTP/1.0", "200"],
  ["GET /healthz HTTP/1.0", "200"],
  ["GET /readyz HTTP/1.0", "200"],
])("a load balancer's %s without a Host is answered", async (line, status) => {
  expect(await exchange(`${line}\r\n\r\n`)).toMatch(new RegExp(`^HTTP/1.[01] ${status} `));
});

test("HSTS goes to who speaks https", async () => {
  const request = "GET / HTTP/1.1\r\nHost: wire.test\r\n";
  expect(await exchange(`${request}\r\n`)).not.toMatch(/strict-transport-security/i);
  const secure = await exchange(`${request}X-Forwarded-Proto: https\r\n\r\n`);
  expect(secure).toMatch(/strict-transport-security: max-age=31536000/i);
});

function open(): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {
    // A lost answer shows in the text that was read.
  });
  return socket;
}

/** Reads the first bytes of the answer, and all of it if they say how long it is. */
async function exchange(request: string): Promise<string> {
  const socket = open();
  socket.write(Buffer.from(request, "latin1"));
  return readAnswer(socket);
}

/** Sends everything and then reads, as some clients do; returns "" for a lost answer. */
async function sendAll(head: string, body: Buffer, chunked: boolean): Promise<string> {
  const socket = open();
  socket.pause();
  const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`;
  socket.write(`${head}${framing}\r\n\r\n`);
  for (let at = 0; at < body.length; at += MIB) {
    const piece = body.subarray(at, at + MIB);
    const size = `${piece.length.toString(16)}\r\n`;
    const bytes = chunked ? Buffer.concat([Buffer.from(size), piece, Buffer.from("\r\n")]) : piece;
    const isSent = await new Promise<boolean>((sent) => {
      socket.write(bytes, (error) => {
        sent(error === undefined || error === null);
      });
    });
    if (!isSent) return "";
  }
  if (chunked) socket.write("0\r\n\r\n");
  socket.resume();
  return readAnswer(socket);
}

async function readAnswer(socket: Socket): Promise<string> {
  let answer = "";
  const isWhole = () => {
    const end = answer.indexOf("\r\n\r\n");
    if (end === -1) return false;
    const length = Number(/^content-length: (\d+)/im.exec(answer)?.[1] ?? 0);
    return answer.startsWith("HTTP/1.1 204") || answer.length >= end + 4 + length;
  };
  await new Promise<void>((ended) => {
    socket.on("data", (bytes: Buffer) => {
      answer += bytes.toString("latin1");
      if (isWhole()) ended();
    });
    socket.on("close", () => ended());
  });
  socket.destroy();
  return answer;
}
