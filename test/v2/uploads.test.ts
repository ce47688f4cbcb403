import { expect, test } from "vitest";
import {
  locationOf,
  RegistryClient,
  refusal,
  streamOf,
  uploadIdOf,
  withDigest,
} from "../support/client.ts";
import { blob, content, digestOf, text, unknownDigest } from "../support/images.ts";
import { addsNothing, leavesNothing } from "../support/storage.ts";

test("POST: begins an upload and says where it goes on", async () => {
  const client = new RegistryClient();
  const response = await client.request("POST", "blobs/uploads/");
  expect(response.status).toBe(202);
  const location = locationOf(response);
  const path = `/v2/${client.repository}/blobs/uploads/`;
  // The Location has only characters that no client escapes.
  expect(location).toMatch(new RegExp(`^${path}[\\w.-]{1,100}\\?_offset=0$`));
  expect(response.headers.get("docker-upload-uuid")).toBe(uploadIdOf(location));
  expect(response.headers.get("range")).toBe("0-0");
});

test("POST: takes the path without its last slash, and any Content-Type", async () => {
  const client = new RegistryClient();
  const headers = { "content-type": "application/json", "content-length": "0" };
  const response = await client.request("POST", "blobs/uploads", { headers });
  expect(response.status).toBe(202);
});

test("shape (a): one PATCH of unknown length, then an empty PUT, as Docker pushes", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  const patched = await client.patch(
    await client.startUpload(),
    streamOf(bytes.slice(0, 7), bytes.slice(7)),
  );
  expect(patched.status).toBe(202);
  expect(patched.headers.get("range")).toBe("0-2999");
  const finished = await client.finish(locationOf(patched), digest);
  expect(finished.status).toBe(201);
  expect(locationOf(finished)).toBe(`/v2/${client.repository}/blobs/${digest}`);
  expect(finished.headers.get("docker-content-digest")).toBe(digest);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("shape (b): one PATCH with a Content-Length, then an empty PUT, as skopeo pushes", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  const location = await client.append(await client.startUpload(), bytes);
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("shape (c): one PUT with everything, as containerd pushes", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  const response = await client.finish(await client.startUpload(), digest, bytes);
  expect(response.status).toBe(201);
  expect(locationOf(response)).toBe(`/v2/${client.repository}/blobs/${digest}`);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("shape (c) without a Content-Length", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  const response = await client.finish(await client.startUpload(), digest, streamOf(bytes));
  expect(response.status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("shape (d): ranged PATCHes, then an empty PUT, as the conformance suite pushes", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3067);
  let location = await client.startUpload();
  for (const [first, last] of [
    [0, 1023],
    [1024, 2047],
    [2048, 3066],
  ] as const) {
    const chunk = bytes.slice(first, last + 1);
    const response = await client.patch(location, chunk, { first, last });
    expect(response.status).toBe(202);
    expect(response.headers.get("range")).toBe(`0-${last}`);
    location = locationOf(response);
  }
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("shape (d) with the last chunk in the PUT", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(2500);
  let location = await client.startUpload();
  location = await client.append(location, bytes.slice(0, 2000), { first: 0, last: 1999 });
  const range = { first: 2000, last: 2499 };
  expect((await client.finish(location, digest, bytes.slice(2000), range)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("chunks of one byte each make the blob", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(12);
  let location = await client.startUpload();
  for (let i = 0; i < bytes.length; i++) {
    location = await client.append(location, bytes.slice(i, i + 1), { first: i, last: i });
  }
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("several PATCHes of unknown length, one after the other, make the blob", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  let location = await client.startUpload();
  for (const first of [0, 1000, 2000]) {
    location = await client.append(location, streamOf(bytes.slice(first, first + 1000)));
  }
  expect(await client.progress(location)).toBe("0-2999");
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("POST with a digest and the bytes stores the blob at once", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob();
  const response = await client.request("POST", `blobs/uploads/?digest=${digest}`, { body: bytes });
  expect(response.status).toBe(201);
  expect(locationOf(response)).toBe(`/v2/${client.repository}/blobs/${digest}`);
  expect(response.headers.get("docker-content-digest")).toBe(digest);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("POST with the digest of other bytes is refused and stores nothing", async () => {
  const client = new RegistryClient();
  const { bytes } = blob();
  const response = await leavesNothing(() =>
    client.request("POST", `blobs/uploads/?digest=${unknownDigest()}`, { body: bytes }),
  );
  expect(await refusal(response)).toEqual({ status: 400, code: "DIGEST_INVALID" });
});

test.each(["sha256:short", "md5:d41d8cd98f00b204e9800998ecf8427e", "nonsense", ""])(
  "POST with the malformed digest %j is refused",
  async (digest) => {
    const client = new RegistryClient();
    const response = await leavesNothing(() =>
      client.request("POST", `blobs/uploads/?digest=${digest}`, { body: blob().bytes }),
    );
    expect(await refusal(response)).toEqual({ status: 400, code: "DIGEST_INVALID" });
  },
);

test("the empty blob can be pushed in each shape", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = content(new Uint8Array(0));
  const patched = await client.patch(await client.startUpload(), streamOf());
  expect(patched.headers.get("range")).toBe("0-0");
  expect((await client.finish(locationOf(patched), digest)).status).toBe(201);
  expect((await client.finish(await client.startUpload(), digest)).status).toBe(201);
  const post = await client.request("POST", `blobs/uploads/?digest=${digest}`, {
    headers: { "content-length": "0" },
  });
  expect(post.status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test.each(["PATCH then PUT", "PUT alone", "ranged chunks", "POST alone"])(
  "sha512, not announced: %s",
  async (shape) => {
    const client = new RegistryClient();
    const { bytes } = blob(5000);
    const digest = digestOf(bytes, "sha512");
    if (shape === "POST alone") {
      const path = `blobs/uploads/?digest=${digest}`;
      expect((await client.request("POST", path, { body: bytes })).status).toBe(201);
    } else {
      let location = await client.startUpload();
      if (shape === "PATCH then PUT") location = await client.append(location, streamOf(bytes));
      if (shape === "ranged chunks") {
        location = await client.append(location, bytes.slice(0, 90), { first: 0, last: 89 });
        location = await client.append(location, bytes.slice(90), { first: 90, last: 4999 });
      }
      const body = shape === "PUT alone" ? bytes : null;
      expect((await client.finish(location, digest, body)).status).toBe(201);
    }
    const head = await client.head(`blobs/${digest}`);
    expect(head.headers.get("docker-content-digest")).toBe(digest);
    expect(await client.pullBlob(digest)).toEqual(bytes);
  },
);

test.each([
  ["announced", "?digest-algorithm=sha512"],
  ["not announced", ""],
])("sha512 over several parts, %s", async (_, query) => {
  const client = new RegistryClient();
  const { bytes } = blob(9 * 1024 * 1024);
  const digest = digestOf(bytes, "sha512");
  let location = await client.startUpload(query);
  const last = bytes.length - 1;
  location = await client.append(location, bytes.slice(0, 100), { first: 0, last: 99 });
  location = await client.append(location, bytes.slice(100), { first: 100, last });
  expect((await client.finish(location, digest)).status).toBe(201);
  expect(digestOf(await client.pullBlob(digest), "sha512")).toBe(digest);
});

test("a wrong sha512 over several parts is refused; the right digest is then taken, or the upload has ended", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(9 * 1024 * 1024);
  const location = await client.append(await client.startUpload(), bytes);
  const wrong = digestOf(new Uint8Array(1), "sha512");
  const refused = await client.finish(location, wrong);
  expect(await refusal(refused)).toEqual({ status: 400, code: "DIGEST_INVALID" });
  expect((await client.head(`blobs/${wrong}`)).status).toBe(404);
  const right = await client.finish(location, digest);
  expect(right.status).toBeOneOf([201, 404]);
  expect((await client.head(`blobs/${digest}`)).status).toBe(right.status === 201 ? 200 : 404);
});

test("an algorithm that nobody can verify is refused when it is announced", async () => {
  const client = new RegistryClient();
  const response = await client.request("POST", "blobs/uploads/?digest-algorithm=md5");
  expect(await refusal(response)).toEqual({ status: 400, code: "DIGEST_INVALID" });
});

test("a finish without a digest is refused and leaves the upload as it was", async () => {
  const client = new RegistryClient();
  const location = await client.append(await client.startUpload(), blob(10).bytes);
  const response = await client.request("PUT", location, { headers: { "content-length": "0" } });
  expect(await refusal(response)).toEqual({ status: 400, code: "DIGEST_INVALID" });
  expect(await client.progress(location)).toBe("0-9");
});

test("a finish with a malformed digest is refused and leaves the upload as it was", async () => {
  const client = new RegistryClient();
  const location = await client.append(await client.startUpload(), blob(10).bytes);
  const response = await client.finish(location, "sha256:baddigeststring");
  expect(await refusal(response)).toEqual({ status: 400, code: "DIGEST_INVALID" });
  expect(await client.progress(location)).toBe("0-9");
});

test.each(["PUT with all bytes", "PATCH then PUT", "last bytes in the PUT", "over several parts"])(
  "a digest that the bytes do not have is refused, stores nothing and leaves the upload alive: %s",
  async (shape) => {
    const client = new RegistryClient();
    const { bytes, digest } = blob(shape === "over several parts" ? 8_388_700 : 3000);
    const sent = shape === "PUT with all bytes" ? 0 : shape === "PATCH then PUT" ? 3000 : 1000;
    let location = await client.startUpload();
    if (sent > 0) location = await client.append(location, bytes.slice(0, sent));
    const rest = sent === bytes.length ? null : bytes.slice(sent);
    const refused = await leavesNothing(() => client.finish(location, unknownDigest(), rest));
    expect(await refusal(refused)).toEqual({ status: 400, code: "DIGEST_INVALID" });
    expect(await client.progress(location)).toBe(sent === 0 ? "0--1" : `0-${sent - 1}`);
    expect((await client.finish(location, digest, rest)).status).toBe(201);
    expect(digestOf(await client.pullBlob(digest))).toBe(digest);
  },
);

test("a finish that is repeated, after its answer was lost, succeeds again", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob();
  const location = await client.append(await client.startUpload(), bytes);
  expect((await client.finish(location, digest)).status).toBe(201);
  const repeated = await leavesNothing(() => client.finish(location, digest));
  expect(repeated.status).toBe(201);
  expect(locationOf(repeated)).toBe(`/v2/${client.repository}/blobs/${digest}`);
});

test("a finish that brought all bytes is repeated with them and succeeds again", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob();
  const location = await client.startUpload();
  expect((await client.finish(location, digest, bytes)).status).toBe(201);
  expect((await leavesNothing(() => client.finish(location, digest, bytes))).status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("an upload that has ended takes no other digest, no more bytes and no cancelling", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob();
  const location = await client.append(await client.startUpload(), bytes);
  await client.finish(location, digest);
  const unknown = { status: 404, code: "BLOB_UPLOAD_UNKNOWN" };
  expect(await refusal(await client.finish(location, unknownDigest()))).toEqual(unknown);
  expect(await refusal(await client.patch(location, bytes))).toEqual(unknown);
  expect(await refusal(await client.get(location))).toEqual(unknown);
  expect(await refusal(await client.request("DELETE", location))).toEqual(unknown);
});

test("the same bytes uploaded twice are kept once", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  await client.pushBlob({ bytes, digest });
  const again = await addsNothing(async () => {
    const location = await client.append(await client.startUpload(), bytes);
    return client.finish(location, digest);
  });
  expect(again.status).toBe(201);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("two uploads of the same bytes that finish at once both succeed", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  const locations = [await client.startUpload(), await client.startUpload()];
  const answers = await Promise.all(locations.map((at) => client.finish(at, digest, bytes)));
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect(await client.pullBlob(digest)).toEqual(bytes);
});

test("GET: says how far an upload has come, an empty one without naming a byte", async () => {
  const client = new RegistryClient();
  const location = await client.startUpload();
  expect(await client.progress(location)).toBe("0--1");
  const next = await client.append(location, blob(500).bytes);
  const response = await client.get(next);
  expect(response.status).toBe(204);
  expect(response.headers.get("range")).toBe("0-499");
  expect(uploadIdOf(locationOf(response))).toBe(uploadIdOf(location));
  expect(response.headers.get("docker-upload-uuid")).toBe(uploadIdOf(location));
});

test("DELETE: cancels an upload; it is unknown from then on", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob();
  const location = await client.append(await client.startUpload(), bytes);
  expect((await client.request("DELETE", location)).status).toBe(204);
  const unknown = { status: 404, code: "BLOB_UPLOAD_UNKNOWN" };
  expect(await refusal(await client.get(location))).toEqual(unknown);
  expect(await refusal(await client.patch(location, bytes))).toEqual(unknown);
  expect(await refusal(await client.finish(location, digest))).toEqual(unknown);
  expect(await refusal(await client.request("DELETE", location))).toEqual(unknown);
});

test.each([
  ["never given out", crypto.randomUUID()],
  ["no upload's name", "nonsense"],
])("an upload that is %s is unknown to every method", async (_, id) => {
  const client = new RegistryClient();
  const { bytes, digest } = blob();
  const location = `blobs/uploads/${id}`;
  const unknown = { status: 404, code: "BLOB_UPLOAD_UNKNOWN" };
  expect(await refusal(await client.get(location))).toEqual(unknown);
  expect(await refusal(await client.patch(location, bytes))).toEqual(unknown);
  expect(await refusal(await client.finish(location, digest, bytes))).toEqual(unknown);
  expect(await refusal(await client.request("DELETE", location))).toEqual(unknown);
});

test("an upload of another repository is unknown, and is not disturbed", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(10);
  const location = await client.append(await client.startUpload(), bytes);
  const other = new RegistryClient();
  const foreign = `blobs/uploads/${uploadIdOf(location)}`;
  const unknown = { status: 404, code: "BLOB_UPLOAD_UNKNOWN" };
  expect(await refusal(await other.get(foreign))).toEqual(unknown);
  expect(await refusal(await other.patch(foreign, bytes))).toEqual(unknown);
  expect(await refusal(await other.finish(foreign, digest))).toEqual(unknown);
  expect(await refusal(await other.request("DELETE", foreign))).toEqual(unknown);
  expect(await client.progress(location)).toBe("0-9");
});

test("unknown parameters in a Location are no trouble: clients append their own", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(10);
  const location = withDigest(await client.startUpload(), digest);
  const next = await client.append(`${location}&state=x`, bytes, { first: 0, last: 9 });
  expect(await client.progress(withDigest(next, digest))).toBe("0-9");
  expect((await client.finish(withDigest(next, unknownDigest()), digest)).status).toBe(201);
});

test("a Location without its parameters serves too, as .NET makes them", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(10);
  const location = `blobs/uploads/${uploadIdOf(await client.startUpload())}`;
  await client.append(location, bytes);
  const headers = { "content-length": "0" };
  const response = await client.request("PUT", `${location}?&digest=${digest}`, { headers });
  expect(response.status).toBe(201);
});

test("a blob is known to the very next request", async () => {
  const client = new RegistryClient();
  const { digest } = await client.pushBlob(text(`read after write ${crypto.randomUUID()}`));
  const head = await client.head(`blobs/${digest}`);
  expect(head.status).toBe(200);
  expect(Number(head.headers.get("content-length"))).toBeGreaterThan(0);
});
