/** Lost answers, where only one of the two sides knows what happened. */
import { beforeAll, expect, test } from "vitest";
import { refusal, RegistryClient } from "../../support/client.ts";
import { blob, digestOf } from "../../support/images.ts";
import { isOpen, session } from "../../support/storage.ts";
import { Faults, type Mode } from "./faults.ts";
import { hurry, senderOf } from "./run.ts";

const MiB = 1024 * 1024;

beforeAll(hurry);

/** Makes a client of which the call with this name fails. */
async function breaking(
  client: RegistryClient,
  name: string,
  mode: Mode,
  work: (broken: RegistryClient) => Promise<Response>,
) {
  const counted = new Faults();
  const { repository } = client;
  await work(new RegistryClient({ repository, send: senderOf(counted) }));
  const call = counted.calls.indexOf(name);
  const faults = new Faults({ call, mode });
  const answer = await work(new RegistryClient({ repository, send: senderOf(faults) }));
  expect(faults.happened).toBe(true);
  return { answer, faults };
}

test("a commit that never arrives leaves no multipart upload open", async () => {
  const client = new RegistryClient();
  const { bytes } = blob(9 * MiB);
  const { answer, faults } = await breaking(client, "session commit", "lost", async (broken) =>
    broken.patch(await client.startUpload(), bytes),
  );
  expect(await refusal(answer)).toEqual({ status: 503, code: "UNAVAILABLE" });
  expect(faults.multiparts).toHaveLength(1);
  for (const multipart of faults.multiparts) expect(await isOpen(multipart)).toBe(false);
});

test("a commit whose answer is lost is in: nothing of it is taken away, and the upload goes on", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(9 * MiB);
  let location = "";
  const { answer } = await breaking(client, "session commit", "unanswered", async (broken) => {
    location = await client.startUpload();
    return broken.patch(location, bytes);
  });
  expect(answer.status).toBe(503);
  expect(await client.progress(location)).toBe(`0-${9 * MiB - 1}`);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});

test("a writer that has given its parts up cannot commit them any more", async () => {
  const client = new RegistryClient();
  const { bytes } = blob(9 * MiB);
  let location = "";
  await breaking(client, "session commit", "lost", async (broken) => {
    location = await client.startUpload();
    return broken.patch(location, bytes);
  });
  const progress = await session(location);
  expect(progress).toMatchObject({ offset: 0, multipart: null });
  expect(progress?.committed).toBe(progress?.writer);
});

test("a finish that is repeated is refused once its blob is gone, and the client begins anew", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob();
  const location = await client.startUpload();
  expect((await client.finish(location, digest, bytes)).status).toBe(201);
  expect((await client.finish(location, digest, bytes)).status).toBe(201);
  expect((await client.request("DELETE", `blobs/${digest}`)).status).toBe(202);
  const again = await client.finish(location, digest, bytes);
  expect(await refusal(again)).toEqual({ status: 404, code: "BLOB_UPLOAD_UNKNOWN" });
  await client.pushBlob({ bytes, digest });
});

test.each([
  ["R2 get", "blobs", "GET"],
  ["R2 put", "uploads", "PUT"],
])("%s: R2 asks to try again, and the client sees nothing of it", async (call, _, method) => {
  const client = new RegistryClient();
  const { bytes, digest } = await client.pushBlob(blob());
  const { answer } = await breaking(client, call, "busy", async (broken) => {
    if (method === "GET") return broken.get(`blobs/${digest}`);
    return broken.finish(await client.append(await client.startUpload(), bytes), digest);
  });
  expect(answer.ok).toBe(true);
  expect(digestOf(await client.pullBlob(digest))).toBe(digest);
});
