/** Names, references and encodings in the path: each malformed one gets the refusal that belongs to it. */
import { expect, test } from "vitest";
import { RegistryClient, refusal } from "../support/client.ts";
import { blob, imageManifest, text } from "../support/images.ts";
import { leavesNothing } from "../support/storage.ts";

const { digest } = text("nothing");
const client = new RegistryClient();

test.each([
  ["300 characters", "a".repeat(300)],
  ["300 characters in components", Array.from({ length: 100 }, () => "ab").join("/")],
  ["upper case", "Library/App"],
  ["a double slash", "a//b"],
  ["a leading dash", "-a"],
  ["a trailing dot", "a."],
  ["three underscores", "a___b"],
  ["a space", "a%20b"],
  ["a NUL byte", "a%00b"],
  ["an encoded slash at the end", "a%2F"],
  ["a colon", "a:b"],
  ["dots", "a%2f%2e%2e%2fb"],
  ["letters of another alphabet", "%D0%B0"],
])("a name with %s is refused by every endpoint with NAME_INVALID", async (_, name) => {
  const invalid = { status: 400, code: "NAME_INVALID" };
  for (const [method, path] of [
    ["GET", `/v2/${name}/tags/list`],
    ["GET", `/v2/${name}/manifests/latest`],
    ["PUT", `/v2/${name}/manifests/latest`],
    ["GET", `/v2/${name}/blobs/${digest}`],
    ["DELETE", `/v2/${name}/blobs/${digest}`],
    ["POST", `/v2/${name}/blobs/uploads/`],
    ["GET", `/v2/${name}/referrers/${digest}`],
  ] as const) {
    const body = method === "PUT" ? text("{}").bytes : null;
    const response = await leavesNothing(() => client.request(method, path, { body }));
    expect([method, path, await refusal(response)]).toEqual([method, path, invalid]);
  }
});

test.each([
  ["255 characters", "a".repeat(255)],
  ["one letter", "a"],
  ["every separator", "a.b_c__d-e---f/g0"],
  ["words of the API", "blobs/manifests/tags/list/referrers"],
  ["uploads in it", "a/blobs/uploads"],
  ["a manifests component", "a/manifests/b"],
])("a name with %s serves to push and pull", async (_, name) => {
  const own = client.in(name);
  const config = await own.pushBlob(blob());
  const image = await own.pushManifest(imageManifest({ config }), "latest");
  expect(await own.pullManifest("latest")).toEqual(image.bytes);
  expect(await own.pullBlob(config.digest)).toEqual(config.bytes);
  expect(await own.listTags()).toEqual(["latest"]);
  expect(await own.referrers(image.digest)).toEqual([]);
});

test.each(["%", "%zz", "a%", "%c3%28", "%ff"])(
  "malformed percent-encoding %j is a client's error, never a 500",
  async (part) => {
    for (const path of [
      `/v2/${part}/tags/list`,
      `/v2/a/b/manifests/${part}`,
      `/v2/a/b/blobs/${part}`,
      `/v2/a/b/blobs/uploads/${part}`,
    ]) {
      const { status } = await refusal(await client.get(path));
      expect([path, status]).toEqual([path, expect.toBeOneOf([400, 404])]);
    }
  },
);

test.each([".INVALID_MANIFEST_NAME", "a".repeat(129), "-a", "a%20b", "a%00"])(
  "a tag that cannot exist, %j: reading is 404, writing is 400",
  async (tag) => {
    const unknown = { status: 404, code: "MANIFEST_UNKNOWN" };
    expect(await refusal(await client.get(`manifests/${tag}`))).toEqual(unknown);
    expect((await client.head(`manifests/${tag}`)).status).toBe(404);
    expect(await refusal(await client.request("DELETE", `manifests/${tag}`))).toEqual(unknown);
    const config = await client.pushBlob(blob());
    const put = await leavesNothing(() => client.putManifest(tag, imageManifest({ config })));
    expect(await refusal(put)).toEqual({ status: 400, code: "MANIFEST_INVALID" });
  },
);

test.each(["sha256:baddigeststring", "sha256:", "md5:0123", `sha256:${"G".repeat(64)}`])(
  "the malformed digest %j as a reference is 400 for reading, writing and deleting",
  async (reference) => {
    const invalid = { status: 400, code: "DIGEST_INVALID" };
    expect(await refusal(await client.get(`manifests/${reference}`))).toEqual(invalid);
    const deleted = await client.request("DELETE", `manifests/${reference}`);
    expect(await refusal(deleted)).toEqual(invalid);
    const config = await client.pushBlob(blob());
    const put = await leavesNothing(() => client.putManifest(reference, imageManifest({ config })));
    expect(await refusal(put)).toEqual(invalid);
  },
);

test.each(["A", "a".repeat(128), "v1.0_x-y", "_", "0"])("the tag %j can be pushed", async (tag) => {
  const own = new RegistryClient();
  const config = await own.pushBlob(blob());
  const image = await own.pushManifest(imageManifest({ config }), tag);
  expect(await own.pullManifest(tag)).toEqual(image.bytes);
});

test("tags are told apart by case", async () => {
  const own = new RegistryClient();
  const config = await own.pushBlob(blob());
  await own.pushManifest(imageManifest({ config }), "v1");
  expect((await own.head("manifests/V1")).status).toBe(404);
});
