/** Bytes on a connection that no HTTP client would send: broken heads, wrong lengths, chunks that never end. */
import { connect } from "node:net";
import type { Random } from "./random.ts";

const HEADS = [
  "GET /v2/ HTTP/1.1\r\n\r\n",
  "GET /v2/ HTTP/1.0\r\n\r\n",
  "OPTIONS / HTTP/1.0\r\n\r\n",
  "GET /v2/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
  "GET /v2/ HTTP/1.1\r\nHost: a b\r\n\r\n",
  "GET /v2/ HTTP/1.1\r\nHost: [::1\r\n\r\n",
  "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https,http\r\n\r\n",
  "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: gopher\r\n\r\n",
  "GET http://other/v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /v2/\u0000 HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /\u00ff HTTP/1.1\r\nHost: x\r\n\r\n",
  "FOO /v2/ HTTP/1.1\r\nHost: x\r\n\r\n",
  "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
  "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
  "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
  "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
  "PUT /v2/a/manifests/b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "POST /token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
];

/** Milliseconds that a connection is kept open; a request without an answer by then waits for bytes that never come. */
const OPEN_MS = 500;

/** Sends one, whole or damaged, and hangs up. @returns the status, or null without an answer */
export async function sendRaw(random: Random, { hostname, port }: URL): Promise<number | null> {
  const head = Buffer.from(random.pick(HEADS), "latin1");
  if (random.oneIn(2)) head[random.below(head.length)] = random.below(256);
  const bytes = random.oneIn(4) ? head.subarray(0, random.below(head.length)) : head;
  const socket = connect(Number(port), hostname);
  const { promise, resolve } = Promise.withResolvers<string>();
  let answer = "";
  socket.setEncoding("latin1");
  socket.setTimeout(OPEN_MS, () => resolve(answer));
  socket.on("data", (text: string) => (answer += text));
  socket.on("close", () => resolve(answer));
  // The server may hang up first: that is an answer, too.
  socket.on("error", () => resolve(answer));
  socket.write(bytes);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(await promise)?.[1];
  socket.destroy();
  return status === undefined ? null : Number(status);
}
