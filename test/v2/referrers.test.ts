import { expect, test } from "vitest";
import { OCI_INDEX, OCI_MANIFEST } from "../../src/oci/media-type.ts";
import { RegistryClient, refusal } from "../support/client.ts";
import {
  blob,
  describe,
  imageManifest,
  index,
  type Manifest,
  unknownDigest,
} from "../support/images.ts";

/** A repository with a config blob, and an image that others refer to. */
async function withSubject() {
  const client = new RegistryClient();
  const config = await client.pushBlob(blob());
  const subject = await client.pushManifest(imageManifest({ config }));
  const refer = (fields: object): Promise<Manifest> =>
    client.pushManifest(
      imageManifest({ config, fields: { subject: describe(subject, OCI_MANIFEST), ...fields } }),
    );
  return { client, config, subject, refer };
}

test.each(["a repository that does not exist", "a digest without referrers"])(
  "%s: 200 with an empty index of exactly the OCI type",
  async (what) => {
    const client = new RegistryClient();
    if (what === "a digest without referrers") await client.pushBlob(blob());
    const response = await client.get(`referrers/${unknownDigest()}`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe(OCI_INDEX);
    expect(await response.json()).toEqual({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [],
    });
    expect(response.headers.get("oci-filters-applied")).toBeNull();
    expect(response.headers.get("link")).toBeNull();
  },
);

test("a malformed digest is 400", async () => {
  const response = await new RegistryClient().get("referrers/sha256:short");
  expect(await refusal(response)).toEqual({ status: 400, code: "DIGEST_INVALID" });
});

test("each referrer is listed with its type, size, artifact type and annotations", async () => {
  const { client, subject, refer } = await withSubject();
  const annotations = { "org.example.key": "value", other: "ünï" };
  const referrer = await refer({ artifactType: "application/x.sbom", annotations });
  expect(await client.referrers(subject.digest)).toEqual([
    {
      mediaType: OCI_MANIFEST,
      digest: referrer.digest,
      size: referrer.bytes.length,
      artifactType: "application/x.sbom",
      annotations,
    },
  ]);
});

test("an image without an artifact type shows its config's media type, an index shows none", async () => {
  const { client, subject, refer } = await withSubject();
  const image = await refer({});
  const list = await client.pushManifest(
    index([], { subject: describe(subject, OCI_MANIFEST), annotations: { a: "b" } }),
  );
  const referrers = await client.referrers(subject.digest);
  expect(referrers.find(({ digest }) => digest === image.digest)?.["artifactType"]).toBe(
    "application/vnd.oci.image.config.v1+json",
  );
  const listed = referrers.find(({ digest }) => digest === list.digest);
  expect(listed).toEqual(describe(list, OCI_INDEX, { annotations: { a: "b" } }));
});

test("?artifactType=: only these, and the answer says that it filtered", async () => {
  const { client, subject, refer } = await withSubject();
  const sbom = await refer({ artifactType: "application/x.sbom" });
  await refer({ artifactType: "application/x.signature" });
  const path = `referrers/${subject.digest}?artifactType=application/x.sbom`;
  const response = await client.get(path);
  expect(response.headers.get("oci-filters-applied")).toBe("artifactType");
  const { manifests } = await response.json<{ manifests: { digest: string }[] }>();
  expect(manifests.map(({ digest }) => digest)).toEqual([sbom.digest]);
});

test("?artifactType=: takes an encoded type with a plus", async () => {
  const { client, subject, refer } = await withSubject();
  const type = "application/vnd.example+json";
  await refer({ artifactType: type });
  const query = `?artifactType=${encodeURIComponent(type)}`;
  expect(await client.referrers(subject.digest, query)).toHaveLength(1);
});

test.each(["+", "%2B", "%2b", "%20"])("?artifactType=: a plus may be written %s", async (plus) => {
  const { client, subject, refer } = await withSubject();
  await refer({ artifactType: "application/vnd.example+json" });
  const query = `?artifactType=application/vnd.example${plus}json`;
  expect(await client.referrers(subject.digest, query)).toHaveLength(1);
});

test("?artifactType= with nothing: only those without a type", async () => {
  const { client, subject, refer } = await withSubject();
  await refer({ artifactType: "application/x.sbom" });
  const list = index([], { subject: describe(subject, OCI_MANIFEST) });
  await client.pushManifest(list);
  const response = await client.get(`referrers/${subject.digest}?artifactType=`);
  expect(response.headers.get("oci-filters-applied")).toBe("artifactType");
  const { manifests } = await response.json<{ manifests: { digest: string }[] }>();
  expect(manifests.map(({ digest }) => digest)).toEqual([list.digest]);
});

test("?artifactType= of none: an empty list, filtered", async () => {
  const { client, subject, refer } = await withSubject();
  await refer({ artifactType: "application/x.sbom" });
  expect(await client.referrers(subject.digest, "?artifactType=application/none")).toEqual([]);
});

test("referrers are listed though their subject was never pushed", async () => {
  const { client, config } = await withSubject();
  const subject = { mediaType: OCI_MANIFEST, digest: unknownDigest(), size: 7 };
  const referrer = await client.pushManifest(imageManifest({ config, fields: { subject } }));
  const referrers = await client.referrers(subject.digest);
  expect(referrers.map(({ digest }) => digest)).toEqual([referrer.digest]);
});

test("a deleted referrer is listed no more; a deleted subject keeps its referrers", async () => {
  const { client, subject, refer } = await withSubject();
  const kept = await refer({ artifactType: "a/kept" });
  const deleted = await refer({ artifactType: "a/deleted" });
  await client.request("DELETE", `manifests/${deleted.digest}`);
  expect((await client.request("DELETE", `manifests/${subject.digest}`)).status).toBe(202);
  const referrers = await client.referrers(subject.digest);
  expect(referrers.map(({ digest }) => digest)).toEqual([kept.digest]);
});

test("referrers of another repository are not listed", async () => {
  const { client, subject, refer } = await withSubject();
  await refer({});
  const other = client.in(`${client.repository}/other`);
  expect(await other.referrers(subject.digest)).toEqual([]);
});

test("a long list comes in pages, each a full index with a relative Link to the next", async () => {
  const { client, subject, refer } = await withSubject();
  const pushed = await Promise.all(
    Array.from({ length: 205 }, (_, i) =>
      refer({ artifactType: "a/b", annotations: { i: `${i}` } }),
    ),
  );
  const other = await refer({ artifactType: "c/d" });
  const seen: string[] = [];
  let path: string | undefined = `referrers/${subject.digest}?artifactType=a/b`;
  for (let pages = 0; path !== undefined && pages < 10; pages++) {
    const response = await client.get(path);
    expect(response.headers.get("content-type")).toBe(OCI_INDEX);
    expect(response.headers.get("oci-filters-applied")).toBe("artifactType");
    const page = await response.json<{ manifests: { digest: string }[] }>();
    seen.push(...page.manifests.map(({ digest }) => digest));
    path = /^<(\/v2\/[^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  expect(seen).toEqual(pushed.map(({ digest }) => digest).toSorted());
  expect(seen).not.toContain(other.digest);
});

test("big referrers come in pages no larger than a client reads", async () => {
  const { client, subject, refer } = await withSubject();
  const pad = "x".repeat(1_500_000);
  for (let i = 0; i < 5; i++) await refer({ artifactType: "a/b", annotations: { pad, i: `${i}` } });
  const seen: string[] = [];
  let path: string | undefined = `referrers/${subject.digest}`;
  for (let pages = 0; path !== undefined && pages < 10; pages++) {
    const response = await client.get(path);
    const text = await response.text();
    expect(text.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    const page = JSON.parse(text) as { manifests: { digest: string }[] };
    seen.push(...page.manifests.map(({ digest }) => digest));
    path = /^<(\/v2\/[^>]+)>; rel="next"$/.exec(response.headers.get("link") ?? "")?.[1];
  }
  expect(new Set(seen).size).toBe(5);
  expect(seen).toHaveLength(5);
});
