/** The rest of a request's body that is unread when it is answered. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { dropUnread } from "../../src/http/unread.ts";
import type { Env } from "../../src/settings.ts";
import { intercept } from "../support/wrapped-env.ts";
import { ADMIN, ignore, INITIATOR, RegistryClient } from "../support/client.ts";

const MIB = 1024 * 1024;

/** Makes a body of that many MiB that counts how much of it is read. */
function counted(mebibytes: number): { body: ReadableStream; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream(
    {
      type: "bytes",
      pull(controller) {
        if (taken === mebibytes) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else {
          taken++;
          controller.enqueue(new Uint8Array(MIB));
        }
      },
    },
    { highWaterMark: 0 },
  );
  return { body, taken: () => taken };
}

test.each([
  ["nobody, 401", "PUT /v2/a/b/manifests/v1", null, 401],
  ["nobody, 404", "POST /nowhere", null, 404],
  ["a manifest that is too large", "PUT /v2/a/b/manifests/v1", ADMIN, 413],
  ["a method that is not there", "PATCH /v2/a/b/tags/list", ADMIN, 405],
  ["a body for the API that is no JSON", "POST /api/v1/users", ADMIN, 415],
  ["a delete that has a body", "DELETE /v2/a/b/manifests/none", ADMIN, 404],
  ["a start of an upload that has a body", "POST /v2/a/b/blobs/uploads/", ADMIN, 202],
])("is read before the answer: %s", async (_, line, authorization, status) => {
  const [method = "", path = ""] = line.split(" ");
  const { body, taken } = counted(20);
  const client = new RegistryClient({ authorization });
  const response = await client.request(method, path, { body });
  expect([response.status, taken()]).toEqual([status, 20]);
});

test("a body is read though the writer of an upload fails in the middle of it", async () => {
  const BLOBS = intercept(env.BLOBS, (name, call) =>
    name === "createMultipartUpload"
      ? () => Promise.reject(new Error("internal error; reference = 1"))
      : call,
  );
  const changed: Env = { ...env, BLOBS };
  const client = new RegistryClient({ send: (request) => handle(request, changed, ignore) });
  const { body, taken } = counted(40);
  const response = await client.patch(await client.startUpload(), body);
  expect([response.status, taken()]).toEqual([503, 40]);
});

test("a body is read up to 128 MiB", async () => {
  const { body, taken } = counted(200);
  const response = await new RegistryClient().request("POST", "/nowhere", { body });
  expect(response.status).toBe(404);
  expect(taken()).toBeGreaterThanOrEqual(128);
  expect(taken()).toBeLessThanOrEqual(129);
});

test("a body is left alone where it says that it is longer than that", async () => {
  const { body, taken } = counted(1);
  const headers = { "content-length": String(128 * MIB + 1) };
  const request = new Request(`${INITIATOR}/nowhere`, { method: "POST", body, headers });
  const response = await handle(request, env, ignore);
  expect([response.status, taken()]).toEqual([404, 0]);
});

test("a body that gives no reader takes no place among those that are read", async () => {
  for (let i = 0; i < 33; i++) {
    const request = new Request(INITIATOR, { method: "POST", body: counted(1).body });
    const broken = new Proxy(request, {
      get(target, name) {
        if (name === "body") return { locked: false, getReader: () => expect.fail("no reader") };
        return Reflect.get(target, name, target) as unknown;
      },
    });
    await dropUnread(broken, "stranger");
  }
  const { body, taken } = counted(2);
  const client = new RegistryClient({ authorization: null });
  const { status } = await client.request("POST", "/nowhere", { body });
  expect([status, taken()]).toEqual([404, 2]);
});

test("32 bodies of strangers are read at once, and others are answered at once; who is known has as many more", async () => {
  const { promise: end, resolve } = Promise.withResolvers<void>();
  const endless = () => {
    const body = new ReadableStream({ type: "bytes", pull: () => end });
    return new Request(`${INITIATOR}/v2/a/b/tags/list`, { method: "PUT", body });
  };
  const waiting = Array.from({ length: 32 }, () => handle(endless(), env, ignore));
  const { status } = await handle(endless(), env, ignore);
  expect(status).toBe(405);
  const { body, taken } = counted(2);
  const known = await new RegistryClient().request("PUT", "/v2/a/b/manifests/v1?tag=:", { body });
  expect([known.status, taken()]).toEqual([400, 2]);
  resolve();
  void waiting;
});
