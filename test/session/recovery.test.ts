/** A finish that is cut off between two of its steps, and the requests that come after. */
import { env } from "cloudflare:workers";
import { runDurableObjectAlarm } from "cloudflare:test";
import { expect, test } from "vitest";
import { handle } from "../../src/app.ts";
import { blob, type Bytes, content, digestOf } from "../support/images.ts";
import { RegistryClient, refusal, type Send, uploadOf } from "../support/client.ts";
import { keys, session } from "../support/storage.ts";

const MiB = 1024 * 1024;

/** The Worker dies when it is about to write the index: the object is there, its row is not. */
function dyingBeforeIndex(): Send {
  const DB = new Proxy(env.DB, {
    get(db, name) {
      if (name === "batch") return () => Promise.reject(new Error("the Worker died"));
      const value: unknown = Reflect.get(db, name);
      return typeof value === "function" ? value.bind(db) : value;
    },
  });
  return (request) => handle(request, { ...env, DB });
}

/** The Worker dies before it tells the session: the row is there, the session believes itself unfinished. */
function dyingBeforeSession(): Send {
  const SESSIONS = new Proxy(env.SESSIONS, {
    get(sessions, name) {
      if (name !== "getByName") return Reflect.get(sessions, name) as unknown;
      return (id: string) =>
        new Proxy(sessions.getByName(id), {
          get(stub, method) {
            if (method === "finish") return () => Promise.reject(new Error("the Worker died"));
            const value = Reflect.get(stub, method) as (...args: unknown[]) => unknown;
            return (...args: unknown[]) => value.apply(stub, args);
          },
        });
    },
  });
  return (request) => handle(request, { ...env, SESSIONS });
}

const DEATHS = [
  ["before the index is written", dyingBeforeIndex],
  ["before the session is told", dyingBeforeSession],
] as const;

for (const [moment, dying] of DEATHS) {
  for (const size of [100, 20 * MiB]) {
    test(`a finish of ${size} bytes that dies ${moment} succeeds when it is repeated`, async () => {
      const client = new RegistryClient();
      const { bytes, digest } = blob(size);
      const location = await client.append(await client.startUpload(), bytes);
      const broken = new RegistryClient({ repository: client.repository, send: dying() });
      expect((await broken.finish(location, digest)).status).toBe(500);
      expect((await client.finish(location, digest)).status).toBe(201);
      expect(digestOf(await client.pullBlob(digest))).toBe(digest);
      await runDurableObjectAlarm(env.SESSIONS.getByName(uploadOf(location)));
      expect(digestOf(await client.pullBlob(digest))).toBe(digest);
      expect(await session(location)).toBeUndefined();
    });
  }
}

test("after the alarm nothing is left of a finish that died before the index and was never repeated", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(20 * MiB);
  const before = await keys();
  const location = await client.append(await client.startUpload(), bytes);
  const broken = new RegistryClient({ repository: client.repository, send: dyingBeforeIndex() });
  expect((await broken.finish(location, digest)).status).toBe(500);
  expect(await keys()).not.toEqual(before);
  await runDurableObjectAlarm(env.SESSIONS.getByName(uploadOf(location)));
  expect(await keys()).toEqual(before);
});

test("a finish with other last bytes cannot take over the object of one that died", async () => {
  const client = new RegistryClient();
  const first = blob(20 * MiB);
  const range = { first: 0, last: first.bytes.length - 1 };
  const location = await client.append(await client.startUpload(), first.bytes, range);
  const ends = [blob(MiB), blob(MiB)].map(({ bytes }) => content(join(first.bytes, bytes)));
  const [one, other] = ends.map(({ bytes, digest }) => ({
    digest,
    rest: bytes.slice(first.bytes.length),
  }));
  if (one === undefined || other === undefined) throw new Error("two ends were made");
  const broken = new RegistryClient({ repository: client.repository, send: dyingBeforeIndex() });
  expect((await broken.finish(location, one.digest, one.rest)).status).toBe(500);
  const refused = await client.finish(location, other.digest, other.rest);
  expect(await refusal(refused)).toEqual({ status: 400, code: "DIGEST_INVALID" });
  expect((await client.head(`blobs/${other.digest}`)).status).toBe(404);
  expect((await client.finish(location, one.digest, one.rest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(one.digest))).toBe(one.digest);
});

function join(a: Bytes, b: Bytes): Bytes {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
