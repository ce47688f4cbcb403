/** How long a request may be, which Cloudflare enforces and the registry tells. */
import { expect, test } from "vitest";
import { ADMIN, locationOf, RegistryClient, withSettings } from "../support/client.ts";
import { blob } from "../support/images.ts";
import { api } from "../support/management.ts";

const HEADER = "oci-chunk-max-length";

test("each answer that says where an upload continues tells how long a request may be", async () => {
  const client = new RegistryClient();
  const { bytes, digest } = blob(3000);
  const begun = await client.request("POST", "blobs/uploads/");
  const patched = await client.patch(locationOf(begun), bytes.slice(0, 1000));
  const asked = await client.get(locationOf(patched));
  const early = await client.patch(locationOf(patched), bytes.slice(2000), {
    first: 2000,
    last: 2999,
  });
  const answers = [begun, patched, asked, early];
  expect(answers.map(({ status }) => status)).toEqual([202, 202, 204, 416]);
  const told = answers.map(({ headers }) => headers.get(HEADER));
  expect(told).toEqual(answers.map(() => "100000000"));
  const finished = await client.finish(locationOf(asked), digest, bytes.slice(1000));
  expect(finished.status).toBe(201);
  expect(finished.headers.has(HEADER)).toBe(false);
});

test.each([
  ["200", 200_000_000],
  ["5000", 5_000_000_000],
  ["0.5", 500_000],
  ["0", null],
])("MAX_REQUEST_BODY_MB %s is told by uploads and by the API", async (megabytes, bytes) => {
  const send = withSettings({ MAX_REQUEST_BODY_MB: megabytes });
  const begun = await new RegistryClient({ send }).request("POST", "blobs/uploads/");
  expect(begun.headers.get(HEADER)).toBe(bytes === null ? null : String(bytes));
  const me = await api("GET", "/me", undefined, { as: ADMIN, send });
  expect(await me.json()).toMatchObject({ maxRequestBytes: bytes });
});
