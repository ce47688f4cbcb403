/** A finish that is cut off between two of its steps, and the requests that come after. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "../production/request.ts";
import { BlobStore } from "../../src/db/blobs.ts";
import { audited } from "../support/events.ts";
import { blob, type Bytes, content, digestOf, imageManifest } from "../support/images.ts";
import { ignore, RegistryClient, refusal, type Send, uploadOf } from "../support/client.ts";
import { done } from "../support/management.ts";
import { plansOf, tableScans } from "../support/plans.ts";
import { emptyBucket, exportChanges, keysOf, loseDatabase } from "../support/recovery.ts";
import { keys, runExpiry, session } from "../support/storage.ts";
import { wrapEnv } from "../support/wrapped-env.ts";

const MiB = 1024 * 1024;

/** Makes a Worker that dies before it writes the index: the object exists, its row does not. */
function dyingBeforeIndex(): Send {
  const dying = wrapEnv(env, {
    d1: ({ name }, next) => (name === "batch" ? die() : next()),
  });
  return (request) => handle(request, dying, ignore);
}

/** The Worker dies before it tells the session: the row is there, the session believes itself unfinished. */
function dyingBeforeSession(): Send {
  const dying = wrapEnv(env, {
    session: ({ name }, next) => (name === "finish" ? die() : next()),
  });
  return (request) => handle(request, dying, ignore);
}

function die(): Promise<never> {
  return Promise.reject(new Error("the Worker died"));
}

/** What a client sees of the blob after the Worker has died. */
const DEATHS = [
  ["before the index is written", dyingBeforeIndex, 404],
  ["before the session is told", dyingBeforeSession, 200],
] as const;

for (const [moment, dying, seen] of DEATHS) {
  for (const size of [100, 20 * MiB]) {
    test(`a finish of ${size} bytes that dies ${moment} succeeds when it is repeated`, async () => {
      const client = new RegistryClient();
      const { bytes, digest } = blob(size);
      const location = await client.append(await client.startUpload(), bytes);
      const broken = new RegistryClient({ repository: client.repository, send: dying() });
      expect((await broken.finish(location, digest)).status).toBe(500);
      expect((await client.head(`blobs/${digest}`)).status).toBe(seen);
      expect((await client.finish(location, digest)).status).toBe(201);
      expect(digestOf(await client.pullBlob(digest))).toBe(digest);
      await runExpiry(env.SESSIONS.getByName(uploadOf(location)));
      expect(digestOf(await client.pullBlob(digest))).toBe(digest);
      expect(await session(location)).toBeUndefined();
    });
  }
}

test("after the alarm nothing is left of a finish that died before the index and was never repeated", async () => {
  const client = new RegistryClient();
  await client.pushBlob(blob());
  const { bytes, digest } = blob(20 * MiB);
  const before = await keys();
  const location = await client.append(await client.startUpload(), bytes);
  const broken = new RegistryClient({ repository: client.repository, send: dyingBeforeIndex() });
  expect((await broken.finish(location, digest)).status).toBe(500);
  expect(await keys()).not.toEqual(before);
  const stub = env.SESSIONS.getByName(uploadOf(location));
  await runExpiry(stub);
  await runExpiry(stub);
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

test("two finishes at once under two digests: one is the upload's, and what it gave is never taken away", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(9 * MiB);
  const other = digestOf(bytes, "sha512");
  expect((await client.finish(await client.startUpload(), other, bytes)).status).toBe(201);
  const location = await client.append(await client.startUpload(), bytes);
  const answers = await Promise.all([
    client.finish(location, digest),
    client.finish(location, other),
  ]);
  for (const { status } of answers) expect([201, 404]).toContain(status);
  await runExpiry(env.SESSIONS.getByName(uploadOf(location)));
  for (const [i, name] of [digest, other].entries()) {
    if (answers[i]?.status === 201) expect((await client.pullBlob(name)).length).toBe(bytes.length);
  }
});

test("a finish under another digest, after one that the session was not told of, is refused", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(9 * MiB);
  const location = await client.append(await client.startUpload(), bytes);
  const broken = new RegistryClient({ repository: client.repository, send: dyingBeforeSession() });
  expect((await broken.finish(location, digest)).status).toBe(500);
  const refused = await client.finish(location, digestOf(bytes, "sha512"));
  expect((await audited(refused)).map(({ action }) => action)).toEqual([]);
  expect(await refusal(refused)).toEqual({ status: 404, code: "BLOB_UPLOAD_UNKNOWN" });
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("while the database is lost, or on its way back, nothing is cleared", async () => {
  await loseDatabase();
  await emptyBucket();
  const client = new RegistryClient({ repository: "lost/app" });
  const config = blob();
  const location = await client.append(await client.startUpload(), config.bytes);
  const broken = new RegistryClient({ repository: client.repository, send: dyingBeforeSession() });
  expect((await broken.finish(location, config.digest)).status).toBe(500);
  await client.pushManifest(imageManifest({ config }), "v");
  await exportChanges();
  await loseDatabase();
  const stub = env.SESSIONS.getByName(uploadOf(location));
  for (let i = 0; i < 3; i++) {
    expect(await runExpiry(stub)).toBe(true);
    expect(await keysOf("blobs/")).toHaveLength(1);
  }
  for (let phase = "", i = 0; phase !== "done"; i++) {
    ({ phase } = await done<{ phase: string }>("POST", "/import", {}));
    if (phase !== "done") expect(await runExpiry(stub)).toBe(true);
    expect(await keysOf("blobs/")).toHaveLength(1);
    expect(i).toBeLessThan(20);
  }
  expect(digestOf(await client.pullBlob(config.digest))).toBe(config.digest);
  // Then it ends as ever.
  await runExpiry(stub);
  expect(await session(location)).toBeUndefined();
  expect(digestOf(await client.pullBlob(config.digest))).toBe(config.digest);
});

test("what is in use is found by an index", async () => {
  const found = await plansOf((db) => new BlobStore(db, "refuse").unusedKeys(["blobs/x"]));
  expect(found).toHaveLength(1);
  for (const { sql, plan } of found) expect(tableScans(plan), sql).toEqual([]);
});
