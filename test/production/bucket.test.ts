/** A call that R2 asks to repeat is repeated when R2 accepts it. */
import { env } from "cloudflare:workers";
import { expect, test, vi } from "vitest";
import type { Digest } from "../../src/oci/digest.ts";
import { Bucket } from "../../src/db/bucket.ts";
import { intercept } from "../support/wrapped-env.ts";
import { blob } from "../support/images.ts";
import { invoke, skip } from "./invocation.ts";

test("a write that was done, though R2 answered otherwise, is repeated after the second in which its key takes no other", async () => {
  const wait = scheduler.wait.bind(scheduler);
  vi.spyOn(scheduler, "wait").mockImplementation((milliseconds) => {
    skip(milliseconds);
    return wait(1);
  });
  let puts = 0;
  const binding = intercept(env.BLOBS, (name, call) => async (...parameters) => {
    const answer = await call(...parameters);
    if (name === "put" && puts++ === 0)
      throw new Error("put: We encountered an internal error. (10001)");
    return answer;
  });
  const { bytes, digest } = blob();
  const owner = { repository: "acme/app" };
  const put = () => new Bucket(binding).put("blobs/once", bytes, digest as Digest, owner);
  const size = await invoke(put);
  expect(size).toBe(bytes.length);
});
