/** A large layer takes longer than a token holds. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { signAsRegistry, takeBack } from "../../support/accounts.ts";
import { RegistryClient, refusal, withSettings } from "../../support/client.ts";
import { blob, content, imageManifest, uniqueRepository } from "../../support/images.ts";
import { leavesNothing } from "../../support/storage.ts";

const HOUR = 3_600_000;
/** The lifetime of these tests' tokens, in milliseconds. */
const TOKEN = 300_000;

let repository: string;
let name: string;
let client: RegistryClient;
let location: string;

beforeEach(async () => {
  repository = uniqueRepository();
  name = `u${crypto.randomUUID().slice(0, 8)}`;
  client = as(await signAsRegistry({ repository, name, ends: TOKEN }));
  location = await client.startUpload();
});

afterEach(() => {
  vi.useRealTimers();
});

function as(authorization: string): RegistryClient {
  return new RegistryClient({ repository, authorization, send: withSettings({}) });
}

/** Moves the clock alone. */
function wait(milliseconds: number): void {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + milliseconds });
}

async function expectInvalid(response: Response): Promise<void> {
  expect(response.headers.get("www-authenticate")).toMatch(/scope="[^"]+",error="invalid_token"$/);
  expect(await refusal(response)).toEqual({ status: 401, code: "UNAUTHORIZED" });
}

const UNKNOWN = { status: 404, code: "BLOB_UPLOAD_UNKNOWN" };

test("an upload goes on and ends with the token that it was begun with, though that has expired", async () => {
  const [first, second] = [blob().bytes, blob().bytes];
  const { digest, bytes } = content(new Uint8Array([...first, ...second]));
  let next = await client.append(location, first);
  wait(TOKEN + 1_000);
  next = await client.append(next, second);
  expect(await client.progress(next)).toBe(`0-${bytes.length - 1}`);
  expect((await client.finish(next, digest)).status).toBe(201);
  const fresh = as(await signAsRegistry({ repository, name }));
  expect(await fresh.pullBlob(digest)).toEqual(bytes);
});

test("an upload can be given up with the token that has expired", async () => {
  wait(TOKEN + 1_000);
  expect((await client.request("DELETE", location)).status).toBe(204);
});

test("with a token that has expired nothing new is begun, read or deleted", async () => {
  wait(TOKEN + 1_000);
  await leavesNothing(async () => {
    const config = blob();
    await expectInvalid(await client.request("POST", "blobs/uploads/"));
    await expectInvalid(
      await client.request("POST", `blobs/uploads/?digest=${config.digest}`, {
        body: config.bytes,
      }),
    );
    await expectInvalid(await client.putManifest("v1", imageManifest({ config })));
    await expectInvalid(await client.get("tags/list"));
    await expectInvalid(await client.request("DELETE", "manifests/v1"));
    expect((await client.get("/v2/")).status).toBe(401);
  });
});

test("an upload that was begun after the token had expired is none of its own", async () => {
  wait(TOKEN + 2_000);
  const fresh = as(await signAsRegistry({ repository, name }));
  const later = await fresh.startUpload();
  const layer = blob();
  expect(await refusal(await client.patch(later, layer.bytes))).toEqual(UNKNOWN);
  expect(await refusal(await client.finish(later, layer.digest, layer.bytes))).toEqual(UNKNOWN);
  expect((await fresh.finish(later, layer.digest, layer.bytes)).status).toBe(201);
});

test("another may not go on with the upload, nor see it, whatever they may do in the repository", async () => {
  const other = as(await signAsRegistry({ repository, name: `${name}x` }));
  const layer = blob();
  expect(await refusal(await other.patch(location, layer.bytes))).toEqual(UNKNOWN);
  expect(await refusal(await other.finish(location, layer.digest, layer.bytes))).toEqual(UNKNOWN);
  expect(await refusal(await other.get(location))).toEqual(UNKNOWN);
  expect(await refusal(await other.request("DELETE", location))).toEqual(UNKNOWN);
  expect((await client.finish(location, layer.digest, layer.bytes)).status).toBe(201);
});

test("the owner goes on with another token of theirs", async () => {
  const layer = blob();
  const fresh = as(await signAsRegistry({ repository, name }));
  expect((await fresh.finish(location, layer.digest, layer.bytes)).status).toBe(201);
});

test("an expired token that may not push there ends no upload", async () => {
  const other = uniqueRepository();
  const elsewhere = as(await signAsRegistry({ repository: other, name, ends: TOKEN }));
  wait(TOKEN + 1_000);
  const response = await elsewhere.patch(location, blob().bytes);
  expect(response.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  expect((await refusal(response)).status).toBe(401);
});

test.each([0, TOKEN + 1_000])(
  "what was revoked ends no upload, %i ms after it was begun",
  async (later) => {
    wait(later);
    await takeBack(`user:${name}`);
    const late = as(await signAsRegistryBefore(later));
    const layer = blob();
    await leavesNothing(async () => {
      await expectInvalid(await late.patch(location, layer.bytes));
      await expectInvalid(await late.finish(location, layer.digest, layer.bytes));
    });
  },
);

/** Signs the token that the upload was started with. */
function signAsRegistryBefore(later: number): Promise<string> {
  return signAsRegistry({ repository, name, signed: -later - 1_000, ends: TOKEN - later });
}

test("when the upload itself would have expired the token is of no use any more", async () => {
  wait(TOKEN + 23 * HOUR);
  expect((await client.patch(location, blob().bytes)).status).toBe(202);
  wait(HOUR + 1_000);
  await expectInvalid(await client.patch(location, blob().bytes));
});
