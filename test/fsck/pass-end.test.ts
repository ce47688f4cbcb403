/** A pass of fsck ends, however many blobs are pushed while it goes on. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { FsckStore } from "../../src/fsck/store.ts";
import { RegistryClient } from "../support/client.ts";
import { blob } from "../support/images.ts";

test("blobs that came after a pass began are left to the next one", async () => {
  const client = new RegistryClient();
  const first = await client.pushBlob(blob());
  const store = new FsckStore(env.DB);
  const place = { repository: 0, name: `0 ${await store.lastBlob()}` };
  const later = await client.pushBlob(blob());
  const digests = (await store.blobs(place, 100)).map(({ digest }) => digest);
  expect(digests).toContain(first.digest);
  expect(digests).not.toContain(later.digest);
  const next = { repository: 0, name: `0 ${await store.lastBlob()}` };
  expect((await store.blobs(next, 100)).map(({ digest }) => digest)).toContain(later.digest);
});
