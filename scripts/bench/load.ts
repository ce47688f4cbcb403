/**
 * A load generator, in a process of its own (fork it): sends a number of requests over kept connections, as fast as
 * they are answered. It uses bare sockets: Node's HTTP client spends more time on an answer than the servers do.
 */
import { connect } from "node:net";

export interface Load {
  readonly url: string;
  readonly method: "GET" | "HEAD";
  readonly headers: Readonly<Record<string, string>>;
  readonly requests: number;
  readonly connections: number;
  /** The size of each answer in bytes, sent or stated; null where it is not known. */
  readonly size: number | null;
}

export interface LoadResult {
  readonly seconds: number;
  /** The fault of the first answer that was not 200 with all its bytes. */
  readonly failure: string | null;
}

/** Holds the largest answer's head with room to spare; every read of a connection overwrites it. */
const BUFFER_SIZE = 1024 * 1024;
const HEAD_END = "\r\n\r\n";
const LAST_CHUNK = "0\r\n\r\n";

if (process.send !== undefined) {
  process.on("message", (load: Load) => {
    void run(load).then((result) => process.send?.(result));
  });
}

async function run(load: Load): Promise<LoadResult> {
  let left = load.requests;
  const take = (): boolean => left-- > 0;
  const began = performance.now();
  const connections = Array.from({ length: load.connections }, () => use(load, take));
  const failure = await Promise.all(connections).then(
    () => null,
    (error: unknown) => `${load.method} ${load.url}: ${String(error)}`,
  );
  return { seconds: (performance.now() - began) / 1000, failure };
}

/** Uses one connection: a request, its answer, the next request, until no more are to be sent. */
function use(load: Load, take: () => boolean): Promise<void> {
  const { hostname, port, host, pathname, search } = new URL(load.url);
  const fields = Object.entries({ ...load.headers, host });
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const request = `${load.method} ${pathname}${search} HTTP/1.1\r\n${lines}\r\n`;
  return new Promise((resolve, reject) => {
    let isWhole = newAnswer(load);
    const next = (): void => {
      if (!take()) {
        socket.destroy();
        resolve();
        return;
      }
      isWhole = newAnswer(load);
      socket.write(request);
    };
    const callback = (length: number, buffer: Uint8Array): boolean => {
      try {
        if (isWhole(buffer.subarray(0, length))) next();
      } catch (error) {
        socket.destroy();
        reject(error);
      }
      return true;
    };
    const onread = { buffer: Buffer.allocUnsafe(BUFFER_SIZE), callback };
    const socket = connect({ host: hostname, port: Number(port), onread }, next);
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the connection was closed")));
  });
}

/** @returns what takes an answer's bytes as they come and says when it is whole; it throws when the answer is not right */
function newAnswer({ method, size }: Load): (bytes: Uint8Array) => boolean {
  let head = "";
  let left: number | null = null;
  let end = "";
  const takeBody = (bytes: Uint8Array): boolean => {
    if (left === null) {
      end = (end + Buffer.from(bytes.slice(-LAST_CHUNK.length)).toString("latin1")).slice(-5);
      return end === LAST_CHUNK;
    }
    left -= bytes.length;
    if (left < 0) throw new Error("more bytes than it said");
    return left === 0;
  };
  return (bytes) => {
    if (head.endsWith(HEAD_END)) return takeBody(bytes);
    const before = head.length;
    head += Buffer.from(bytes).toString("latin1");
    const at = head.indexOf(HEAD_END);
    if (at === -1) return false;
    head = head.slice(0, at + HEAD_END.length);
    if (!head.startsWith("HTTP/1.1 200 ")) throw new Error(head.split("\r\n")[0]);
    const length = /^content-length: *(\d+)\r$/im.exec(head)?.[1];
    if (size !== null && Number(length) !== size) throw new Error(`${length} of ${size} bytes`);
    left = method === "HEAD" ? 0 : length === undefined ? null : Number(length);
    return takeBody(bytes.subarray(head.length - before));
  };
}
