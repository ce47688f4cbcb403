/** A manifest's bytes, for those who have no access below /v2/. */
import { expect, test } from "vitest";
import { newClient, push } from "../support/deletion.ts";
import { unknownDigest } from "../support/images.ts";
import { api, problem } from "../support/management.ts";

test("a manifest is answered byte for byte, from its row or its object, as JSON that no page runs", async () => {
  const client = await newClient();
  const small = await push(client);
  const large = await push(client, "large", { annotations: { long: "x".repeat(200_000) } });
  for (const { manifest } of [small, large]) {
    const path = `/repositories/${client.repository}/-/manifests/${manifest.digest}/raw`;
    const response = await api("GET", path);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(manifest.bytes);
  }
});

test("an unknown manifest is 404, and outsiders see no repository", async () => {
  const client = await newClient();
  const { digest } = (await push(client)).manifest;
  const path = `/repositories/${client.repository}/-/manifests`;
  expect(await problem(await api("GET", `${path}/${unknownDigest()}/raw`))).toMatchObject({
    status: 404,
    code: "MANIFEST_UNKNOWN",
  });
  expect((await api("GET", `${path}/${digest}/raw`, undefined, { as: null })).status).toBe(401);
});
