/**
 * A cache entry was read through one repository, by a caller with the right to pull from it: it must give nothing to
 * others.
 */
import { beforeAll, expect, test } from "vitest";
import { basic, RegistryClient, refusal } from "../support/client.ts";
import { blob, imageManifest, type Manifest } from "../support/images.ts";
import { newNamespace, newUser } from "../support/principals.ts";
import { type Isolate, KIB, MIB, newIsolate, pullBlob, statusOf } from "./isolates.ts";

const small = blob(KIB);
const medium = blob(100 * KIB);
let pusher: RegistryClient;
let here: string;
let elsewhere: string;
let image: Manifest;
/** Isolates that know everything: one by its memory, one by the edge. */
let isolates: Isolate[];

beforeAll(async () => {
  const namespace = await newNamespace();
  [here, elsewhere] = [`${namespace}/a`, `${namespace}/a/other`];
  pusher = new RegistryClient({ repository: here });
  for (const one of [small, medium]) await pusher.pushBlob(one);
  image = await pusher.pushManifest(imageManifest({ config: small, layers: [medium] }), "latest");
  await pusher.in(elsewhere).pushBlob(blob());
  const known = await newIsolate({ repository: here });
  const paths = [...blobPaths(), ...manifestPaths()];
  for (const path of paths) expect(await statusOf(known.client.get(path))).toBe(200);
  await known.counter.settled();
  isolates = [known, await newIsolate({ repository: here })];
});

function blobPaths(): string[] {
  return [small, medium].map(({ digest }) => `blobs/${digest}`);
}

function manifestPaths(): string[] {
  return [`manifests/${image.digest}`, "manifests/latest"];
}

test("through a repository that does not hold it, it is 404", async () => {
  for (const { client } of isolates) {
    for (const path of [...blobPaths(), ...manifestPaths()]) {
      for (const method of ["GET", "HEAD"]) {
        const response = client.in(elsewhere).request(method, path);
        expect([method, path, await statusOf(response)]).toEqual([method, path, 404]);
      }
    }
  }
});

test("once it is mounted there, it is readable there", async () => {
  for (const { client } of isolates) {
    const other = client.in(elsewhere);
    const one = await client.pushBlob(blob(MIB));
    await pullBlob(client, one.digest);
    expect(await statusOf(other.get(`blobs/${one.digest}`))).toBe(404);
    const mount = `blobs/uploads/?mount=${one.digest}&from=${here}`;
    expect(await statusOf(other.request("POST", mount))).toBe(201);
    await pullBlob(other, one.digest);
  }
});

test("a token for one repository is refused for the other, whatever is cached", async () => {
  const token = await pusher.token(`repository:${here}:pull`);
  for (const { client } of isolates) {
    const holder = client.as(token);
    await holder.pullManifest("latest");
    await pullBlob(holder, medium.digest);
    for (const path of [...blobPaths(), ...manifestPaths()]) {
      expect(await refusal(await holder.in(elsewhere).get(path))).toMatchObject({ status: 401 });
    }
  }
});

test("who has no credentials, wrong ones or no right gets nothing of a private repository", async () => {
  const stranger = await newUser();
  const weak = await pusher.as(stranger.authorization).token(`repository:${here}:pull`);
  for (const { client } of isolates) {
    for (const path of [...blobPaths(), ...manifestPaths()]) {
      for (const authorization of [null, basic("admin", "wrong"), "Bearer wrong"]) {
        const response = await client.as(authorization).get(path);
        expect(await refusal(response)).toMatchObject({ status: 401 });
      }
      for (const authorization of [stranger.authorization, weak]) {
        const response = await client.as(authorization).get(path);
        expect(await refusal(response)).toEqual({ status: 403, code: "DENIED" });
      }
    }
  }
});
