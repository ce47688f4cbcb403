/** All that the page of one manifest shows, in one call. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { Meter } from "../../scripts/scale/worker/meter.ts";
import type { ManifestDetails, Referrer } from "../../src/api/schema/contents.ts";
import { handle } from "../production/request.ts";
import { ignore, RegistryClient } from "../support/client.ts";
import {
  blob,
  type Content,
  describe as descriptor,
  imageManifest,
  index,
  type Manifest,
  text,
  unknownDigest,
} from "../support/images.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace, newUser } from "../support/principals.ts";

async function newClient(): Promise<RegistryClient> {
  return new RegistryClient({ repository: `${await newNamespace()}/app` });
}

function pathOf({ repository }: RegistryClient, digest: string): string {
  return `/repositories/${repository}/-/manifests/${digest}/details`;
}

function details(client: RegistryClient, { digest }: { readonly digest: string }) {
  return done<ManifestDetails>("GET", pathOf(client, digest));
}

async function pushConfig(client: RegistryClient, config: unknown): Promise<Content> {
  return client.pushBlob(text(JSON.stringify(config)));
}

const CONFIG = {
  os: "linux",
  architecture: "arm64",
  variant: "v8",
  created: "2026-01-02T03:04:05Z",
  author: "Alice",
  config: {
    Entrypoint: ["/app"],
    Cmd: ["--serve"],
    Env: ["PATH=/bin", "A=b"],
    WorkingDir: "/srv",
    User: "1000",
    ExposedPorts: { "80/tcp": {}, "53/udp": {} },
    Volumes: { "/data": {} },
    Labels: { team: "<b>payments</b>", wrong: 7 },
    StopSignal: "SIGTERM",
  },
  history: [
    { created: "2026-01-01T00:00:00Z", created_by: "ADD rootfs" },
    { created_by: "ENV A=b", empty_layer: true, comment: "buildkit" },
    { created_by: "COPY app /app" },
  ],
};

test("an image: its config, and its layers with the command that made each", async () => {
  const client = await newClient();
  const config = await pushConfig(client, CONFIG);
  const layers = [await client.pushBlob(blob(500)), await client.pushBlob(blob(300))];
  const annotations = { "org.opencontainers.image.title": "an app" };
  const image = await client.pushManifest(
    imageManifest({ config, layers, fields: { annotations } }),
    "v1",
  );
  const found = await details(client, image);
  expect(found).toMatchObject({
    digest: image.digest,
    kind: "image",
    tags: ["v1"],
    size: config.bytes.length + 800,
    manifestSize: image.bytes.length,
    annotations,
    platforms: ["linux/arm64/v8"],
    children: [],
    referrers: [],
    moreLayers: false,
  });
  expect(found.config).toEqual({
    digest: config.digest,
    mediaType: "application/vnd.oci.image.config.v1+json",
    size: config.bytes.length,
    image: {
      os: "linux",
      architecture: "arm64",
      variant: "v8",
      createdAt: "2026-01-02T03:04:05Z",
      author: "Alice",
      entrypoint: ["/app"],
      cmd: ["--serve"],
      env: ["PATH=/bin", "A=b"],
      workingDir: "/srv",
      user: "1000",
      ports: ["80/tcp", "53/udp"],
      volumes: ["/data"],
      labels: { team: "<b>payments</b>" },
      stopSignal: "SIGTERM",
    },
  });
  expect(found.layers).toMatchObject([
    {
      digest: layers[0]?.digest,
      size: 500,
      command: "ADD rootfs",
      createdAt: "2026-01-01T00:00:00Z",
    },
    { digest: null, size: null, mediaType: null, command: "ENV A=b", comment: "buildkit" },
    { digest: layers[1]?.digest, size: 300, command: "COPY app /app", createdAt: null },
  ]);
});

test.each([
  ["no JSON", "{", null],
  ["a list", "[]", null],
  ["too big", JSON.stringify({ os: "linux", x: "x".repeat(70_000) }), null],
  ["of other types", '{"os":1,"config":[],"history":{"a":1}}', { os: null, cmd: [], labels: {} }],
  ["a history of other layers", JSON.stringify({ history: [{}, {}, {}] }), { os: null }],
])("an image whose config is %s has its layers without commands", async (_, config, image) => {
  const client = await newClient();
  const layer = await client.pushBlob(blob());
  const pushed = await client.pushBlob(text(config));
  const found = await details(
    client,
    await client.pushManifest(imageManifest({ config: pushed, layers: [layer] })),
  );
  expect(found.layers).toMatchObject([{ digest: layer.digest, command: null }]);
  if (image === null) expect(found.config?.image).toBeNull();
  else expect(found.config?.image).toMatchObject(image);
});

/** Pushes an image of one platform, and BuildKit's attestation of it; returns their entries in an index. */
async function platform(client: RegistryClient, architecture: string) {
  const config = await pushConfig(client, {
    os: "linux",
    architecture,
    nonce: crypto.randomUUID(),
  });
  const layer = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config, layers: [layer] }));
  const layers = ["https://spdx.dev/Document", "https://slsa.dev/provenance/v1"].map((type) => ({
    ...descriptor(layer, "application/vnd.in-toto+json"),
    annotations: { "in-toto.io/predicate-type": type },
  }));
  const attestation = await client.pushManifest(
    imageManifest({ config, fields: { layers, annotations: { of: image.digest } } }),
  );
  return {
    image,
    attestation,
    manifests: [imageEntry(image, architecture), entryOf(attestation, image)],
  };
}

function imageEntry(image: Manifest, architecture: string) {
  return descriptor(image, image.mediaType, { platform: { os: "linux", architecture } });
}

function entryOf(attestation: Manifest, image: Manifest) {
  return descriptor(attestation, attestation.mediaType, {
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": image.digest,
    },
  });
}

test("an index: a row for each platform, with its attestation as what it shows", async () => {
  const client = await newClient();
  const amd = await platform(client, "amd64");
  const arm = await platform(client, "arm64");
  const list = await client.pushManifest(
    index([], { manifests: [...amd.manifests, ...arm.manifests] }),
  );
  const found = await details(client, list);
  expect(found).toMatchObject({
    kind: "index",
    config: null,
    layers: [],
    platforms: ["linux/amd64", "linux/arm64"],
    sbom: true,
    provenance: true,
    moreChildren: false,
  });
  expect(found.children).toMatchObject(
    [amd, arm].map(({ image, attestation }, i) => ({
      digest: image.digest,
      kind: "image",
      platform: i === 0 ? "linux/amd64" : "linux/arm64",
      size: expect.any(Number),
      manifestSize: image.bytes.length,
      attestations: [{ digest: attestation.digest, sbom: true, provenance: true }],
    })),
  );
});

test("referrers: their kinds, sizes and annotations, the first hundred", async () => {
  const client = await newClient();
  const image = await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }));
  const config = await client.pushBlob(text("{}"));
  for (let i = 0; i < 2; i++) {
    const annotations = { note: `<script>${i}</script>` };
    const subject = descriptor(image, image.mediaType);
    const fields = { artifactType: "application/spdx+json", subject, annotations };
    await client.pushManifest(imageManifest({ config, fields }));
  }
  const found = await details(client, image);
  expect(found).toMatchObject({ sbom: true, moreReferrers: false });
  expect(found.referrers).toMatchObject([
    { kind: "sbom", artifactType: "application/spdx+json", size: 2 },
    { kind: "sbom", annotations: { note: expect.stringContaining("<script>") } },
  ]);
  await copies(client, image, 200);
  const more = await details(client, image);
  expect(more.referrers).toHaveLength(100);
  expect(more.moreReferrers).toBe(true);
});

/** Adds referrers of an image by the database alone, each with the text of one that is there. */
async function copies(client: RegistryClient, { digest }: Manifest, count: number) {
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?3)
     INSERT INTO manifests (repository_id, digest, media_type, size, content, subject, artifact_type, created_at,
       pushed_at, kind, evidence)
     SELECT m.repository_id, printf('sha256:%064x', i), m.media_type, m.size, m.content, m.subject, m.artifact_type, 1, 1,
       m.kind, m.evidence
     FROM (SELECT m.* FROM repositories r JOIN manifests m ON m.repository_id = r.id AND m.subject = ?2
       WHERE r.name = ?1 LIMIT 1) m, n`,
  )
    .bind(client.repository, digest, count)
    .run();
}

test("the history of its tags, for those who may push; the pulls of the last thirty days", async () => {
  const client = await newClient();
  const namespace = client.repository.split("/")[0] ?? "";
  const reader = await newUser({ [`${namespace}/*`]: "reader" });
  const [first, second] = await Promise.all(
    [1, 2].map(async () =>
      client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) })),
    ),
  );
  if (first === undefined || second === undefined) throw new Error("two images");
  await client.pushManifest(first, "latest");
  await client.pushManifest(second, "latest");
  await client.pushManifest(first, "v1");
  const today = Math.floor(Date.now() / 86_400_000);
  await env.DB.prepare(
    `INSERT INTO pulls (repository_id, tag, day, count)
     SELECT r.id, w.value ->> 0, w.value ->> 1, w.value ->> 2 FROM repositories r, json_each(?2) w WHERE r.name = ?1`,
  )
    .bind(
      client.repository,
      JSON.stringify([
        ["v1", today, 3],
        ["v1", today - 29, 4],
        ["v1", today - 30, 5],
        ["latest", today, 7],
      ]),
    )
    .run();
  const found = await details(client, first);
  expect(found.history).toEqual([
    {
      tag: "latest",
      successor: second.digest,
      changedAt: expect.stringMatching(/Z$/),
      changedBy: "admin",
    },
  ]);
  expect(found.pulls).toHaveLength(30);
  expect(found.pulls.map(({ count }) => count)).toEqual([4, ...Array(28).fill(0), 3]);
  expect(found.pulls.at(-1)?.day).toBe(new Date().toISOString().slice(0, 10));
  const seen = await done<ManifestDetails>("GET", pathOf(client, first.digest), undefined, {
    as: reader.authorization,
  });
  expect(seen.history).toBeNull();
});

test("a manifest that is not read, as it is too big for its row, says so", async () => {
  const client = await newClient();
  const config = await client.pushBlob(blob());
  const annotations = { note: "x".repeat(300 * 1024) };
  const big = await client.pushManifest(imageManifest({ config, fields: { annotations } }));
  expect(await details(client, big)).toMatchObject({
    manifestSize: big.bytes.length,
    annotations: {},
    layers: [],
    moreLayers: true,
    moreChildren: true,
  });
});

test("details: not for outsiders, and 404 for what is not there", async () => {
  const client = await newClient();
  const image = await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }));
  const stranger = (await newUser()).authorization;
  for (const digest of [image.digest, unknownDigest()]) {
    const path = pathOf(client, digest);
    expect((await api("GET", path, undefined, { as: null })).status).toBe(401);
    expect((await api("GET", path, undefined, { as: stranger })).status).toBe(403);
  }
  const response = await api("GET", pathOf(client, unknownDigest()));
  expect(await problem(response)).toMatchObject({ status: 404, code: "MANIFEST_UNKNOWN" });
});

test("all of 2,000 referrers are listed, each once, and each page reads rows for itself alone", async () => {
  const client = await newClient();
  const config = await client.pushBlob(text("{}"));
  const image = await client.pushManifest(imageManifest({ config }));
  const fields = { artifactType: "a/b", subject: descriptor(image, image.mediaType) };
  const pushed = await client.pushManifest(imageManifest({ config, fields }));
  await copies(client, image, 1_999);
  const meter = new Meter(env.DB);
  const send = (request: Request) => handle(request, { ...env, DB: meter.db }, ignore);
  const path = `/repositories/${client.repository}/-/manifests/${image.digest}/referrers`;
  const digests: string[] = [];
  const first = (await details(client, image)).referrers;
  for (let after: string | null = ""; after !== null;) {
    const query = `?limit=1000&after=${encodeURIComponent(after)}`;
    const found: ListedReferrers = await done("GET", path + query, undefined, { send });
    if (after === "") expect(found.items).toEqual(first);
    expect(found.items.length).toBeLessThanOrEqual(100);
    digests.push(...found.items.map(({ digest }) => digest));
    const rows = meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
    expect(rows).toBeLessThan(500);
    after = found.next;
  }
  expect(digests).toHaveLength(2_000);
  expect(digests).toEqual([...new Set(digests)].toSorted());
  expect(digests).toContain(pushed.digest);
});

test("referrers are listed for those who may pull, of a manifest that is there", async () => {
  const client = await newClient();
  const image = await client.pushManifest(imageManifest({ config: await client.pushBlob(blob()) }));
  const path = (digest: string) =>
    `/repositories/${client.repository}/-/manifests/${digest}/referrers`;
  expect(await done("GET", path(image.digest))).toEqual({ items: [], next: null });
  const stranger = (await newUser()).authorization;
  expect((await api("GET", path(image.digest), undefined, { as: stranger })).status).toBe(403);
  const response = await api("GET", path(unknownDigest()));
  expect(await problem(response)).toMatchObject({ status: 404, code: "MANIFEST_UNKNOWN" });
});

/** A page of a manifest's referrers. */
interface ListedReferrers {
  readonly items: readonly Referrer[];
  readonly next: string | null;
}

test("an index of 60 platforms with 2,000 referrers is read in few rows, by one call", async () => {
  const client = await newClient();
  const manifests = [];
  for (let i = 0; i < 60; i++) {
    manifests.push(...(await platform(client, `arch${i}`)).manifests);
  }
  const list = await client.pushManifest(index([], { manifests }), "v1");
  const config = await client.pushBlob(text("{}"));
  const fields = { artifactType: "a/b", subject: descriptor(list, list.mediaType) };
  await client.pushManifest(imageManifest({ config, fields }));
  await copies(client, list, 2_000);
  const meter = new Meter(env.DB);
  const send = (request: Request) => handle(request, { ...env, DB: meter.db }, ignore);
  const found = await done<ManifestDetails>("GET", pathOf(client, list.digest), undefined, {
    send,
  });
  expect(found.children).toHaveLength(60);
  expect(found.children.every(({ attestations }) => attestations.length === 1)).toBe(true);
  expect(found.referrers).toHaveLength(100);
  const rows = meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
  expect(rows).toBeLessThan(7_000);
});

async function pushLayers(client: RegistryClient, layers: readonly Content[]): Promise<Manifest> {
  const config = await client.pushBlob(blob());
  for (const layer of layers) await client.pushBlob(layer);
  return client.pushManifest(imageManifest({ config, layers: [...layers] }));
}

test("a layer says how many other manifests name it; what was deleted, or is elsewhere, does not count", async () => {
  const [client, elsewhere] = [await newClient(), await newClient()];
  const [base, own] = [blob(500), blob(300)];
  const first = await pushLayers(client, [base, own]);
  const counts = async () => (await details(client, first)).layers.map(({ sharedBy }) => sharedBy);
  await pushLayers(elsewhere, [base]);
  expect(await counts()).toEqual([0, 0]);
  const second = await pushLayers(client, [base]);
  await pushLayers(client, [base, blob()]);
  expect(await counts()).toEqual([2, 0]);
  await client.request("DELETE", `manifests/${second.digest}`);
  expect(await counts()).toEqual([1, 0]);
});

test("who shares the layers of a large image is counted by a bounded number of rows", async () => {
  const client = await newClient();
  const layers: Content[] = [];
  for (let n = 0; n < 127; n++) layers.push(await client.pushBlob(blob(8)));
  let last = "";
  for (let n = 0; n < 30; n++) {
    const config = await client.pushBlob(blob());
    last = (await client.pushManifest(imageManifest({ config, layers }))).digest;
  }
  const meter = new Meter(env.DB);
  const send = (request: Request) => handle(request, { ...env, DB: meter.db }, ignore);
  const found = await done<ManifestDetails>("GET", pathOf(client, last), undefined, { send });
  expect(new Set(found.layers.map(({ sharedBy }) => sharedBy))).toEqual(new Set([20]));
  const rows = meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
  expect(rows).toBeLessThan(7_000);
});
