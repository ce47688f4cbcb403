/** What happens between two uploads of one process, in an order that a clock would seldom give. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Upstream } from "../../../src/cli/remote/upstream.ts";
import { sendBlob } from "../../../src/cli/upload/send-blob.ts";
import { UploadWindow } from "../../../src/cli/upload/window.ts";

const KIB = 1024;
const PATH = "/v2/acme/app/blobs/uploads/1";

/** A registry with one upload, which takes all. */
async function startRegistry(): Promise<string> {
  let offset = 0;
  const server = createServer((asked, answer) => {
    asked.on("data", (bytes: Buffer) => (offset += bytes.length));
    asked.once("end", () => {
      const status = asked.method === "PUT" ? 201 : 202;
      answer.writeHead(status, { location: PATH, range: `0-${offset - 1}` }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("an upload goes on that was full when it read, and is not any more when it sends", async () => {
  const upstream = new Upstream(await startRegistry());
  const other = new UploadWindow(100_000_000);
  onTestFinished(() => {
    other.close();
    upstream.close();
  });
  // The first piece shows that the registry is fast, so that the next request would be larger than the second piece.
  const pieces = [300 * KIB, 100 * KIB, 50 * KIB].map((size) => Buffer.alloc(size));
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const value = pieces.shift();
        // All that may be held is held by the other upload …
        other.held = 1024 ** 3;
        const { promise, resolve } = Promise.withResolvers<IteratorResult<Uint8Array>>();
        setTimeout(() => {
          resolve(value === undefined ? { done: true, value } : { done: false, value });
          // … until this one has read the piece, and before it looks whether to send.
          queueMicrotask(() => (other.held = 0));
        });
        return promise;
      },
    }),
  };
  const answer = await sendBlob({
    upstream,
    location: PATH,
    offset: 0,
    body,
    finish: () => "sha256:x",
    maxRequestBytes: 100_000_000,
  });
  answer.body.resume();
  expect(answer.status).toBe(201);
  expect(pieces).toEqual([]);
});
