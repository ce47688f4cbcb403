/** A GET on a bare socket. Node's HTTP client spends more time on a large body than the server that sends it. */
import { once } from "node:events";
import { connect } from "node:net";

/** Holds the largest answer's head with room to spare; every read lands in it anew. */
const BUFFER_SIZE = 1024 * 1024;
const HEAD_END = "\r\n\r\n";

/** Reads the whole answer and drops it. @throws unless it is 200 with exactly `size` bytes */
export async function download(
  url: string,
  headers: Readonly<Record<string, string>>,
  size: number,
): Promise<void> {
  const { hostname, port, host, pathname } = new URL(url);
  let head = "";
  let received = 0;
  const onHead = (bytes: Buffer): void => {
    const before = head.length;
    head += bytes.toString("latin1");
    const end = head.indexOf(HEAD_END);
    if (end === -1) return;
    received = before + bytes.length - end - HEAD_END.length;
    head = head.slice(0, end + HEAD_END.length);
  };
  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: {
      buffer: Buffer.allocUnsafe(BUFFER_SIZE),
      callback(length, buffer) {
        if (head.endsWith(HEAD_END)) received += length;
        else onHead(Buffer.from(buffer.subarray(0, length)));
        return true;
      },
    },
  });
  const ended = once(socket, "close");
  const fields = { ...headers, host, connection: "close" };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${pathname} HTTP/1.1\r\n${lines.join("")}\r\n`);
  await ended;
  const right = head.startsWith("HTTP/1.1 200 ") && head.includes(`Content-Length: ${size}\r\n`);
  if (!right || received !== size) {
    throw new Error(`GET ${url}: ${received} of ${size} bytes, ${head.split("\r\n")[0]}`);
  }
}
