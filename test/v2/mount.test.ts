import { expect, test } from "vitest";
import { locationOf, RegistryClient } from "../support/client.ts";
import { blob, uniqueRepository, unknownDigest } from "../support/images.ts";
import { leavesNothing } from "../support/storage.ts";

test("mount with `from`: 201, and the blob is in both repositories", async () => {
  const source = new RegistryClient();
  const { bytes, digest } = await source.pushBlob(blob());
  const target = new RegistryClient();
  const response = await mount(target, digest, source.repository);
  expect(response.status).toBe(201);
  expect(locationOf(response)).toBe(`/v2/${target.repository}/blobs/${digest}`);
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  expect(await target.pullBlob(digest)).toEqual(bytes);
  expect(await source.pullBlob(digest)).toEqual(bytes);
});

test("mount without `from`: the registry finds the blob itself", async () => {
  const source = new RegistryClient();
  const { bytes, digest } = await source.pushBlob(blob());
  const target = new RegistryClient();
  expect((await mount(target, digest)).status).toBe(201);
  expect(await target.pullBlob(digest)).toEqual(bytes);
});

test("mount with an encoded `from` and digest, as skopeo writes them", async () => {
  const source = new RegistryClient();
  const { digest } = await source.pushBlob(blob());
  const response = await mount(
    new RegistryClient(),
    encodeURIComponent(digest),
    encodeURIComponent(source.repository),
  );
  expect(response.status).toBe(201);
});

test.each(["with", "without"])("mount of an unknown blob, %s `from`: an upload", async (kind) => {
  const source = new RegistryClient();
  await source.pushBlob(blob());
  const { bytes, digest } = blob();
  const client = new RegistryClient();
  const response = await leavesNothing(() =>
    mount(client, digest, kind === "with" ? source.repository : undefined),
  );
  expect(response.status).toBe(202);
  expect((await client.finish(locationOf(response), digest, bytes)).status).toBe(201);
});

test("mount of a blob that is elsewhere than in `from`: an upload", async () => {
  const { digest } = await new RegistryClient().pushBlob(blob());
  const empty = new RegistryClient();
  await empty.pushBlob(blob());
  const target = new RegistryClient();
  expect((await mount(target, digest, empty.repository)).status).toBe(202);
  expect((await target.head(`blobs/${digest}`)).status).toBe(404);
});

test.each(["no/such/repository", "NOT A NAME"])("mount from %j: an upload", async (from) => {
  const { digest } = await new RegistryClient().pushBlob(blob());
  expect((await mount(new RegistryClient(), digest, encodeURIComponent(from))).status).toBe(202);
});

test("mount of a blob that the repository holds already: 201", async () => {
  const client = new RegistryClient();
  const { digest } = await client.pushBlob(blob());
  expect((await leavesNothing(() => mount(client, digest))).status).toBe(201);
});

test("mount of a malformed digest becomes an ordinary upload", async () => {
  expect((await mount(new RegistryClient(), "sha256:short")).status).toBe(202);
});

// A token made by the admin may mount from wherever the admin may read; the limits of one that may not are in access.test.ts.
test("mount with a token that names only the target, from what its owner may read: 201", async () => {
  const source = new RegistryClient();
  const { digest } = await source.pushBlob(blob());
  const repository = uniqueRepository();
  const token = await source.token(`repository:${repository}:pull,push`);
  const target = new RegistryClient({ repository, authorization: token });
  expect((await mount(target, digest, source.repository)).status).toBe(201);
});

test("a mount answers 202 with a session that a client may cancel", async () => {
  const client = new RegistryClient();
  const response = await mount(client, unknownDigest());
  expect((await client.request("DELETE", locationOf(response))).status).toBe(204);
});

function mount(client: RegistryClient, digest: string, from?: string): Promise<Response> {
  const source = from === undefined ? "" : `&from=${from}`;
  return client.request("POST", `blobs/uploads/?mount=${digest}${source}`);
}
