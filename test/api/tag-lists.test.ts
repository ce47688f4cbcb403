/** Tags as people look for them: in an order, by a part of the name, with what is attached to their images. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { Meter } from "../../scripts/scale/worker/meter.ts";
import type { Tag } from "../../src/api/schema/contents.ts";
import { handle } from "../production/request.ts";
import { ignore, RegistryClient } from "../support/client.ts";
import {
  blob,
  describe as descriptor,
  imageManifest,
  index,
  type Manifest,
  text,
} from "../support/images.ts";
import { all } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace } from "../support/principals.ts";

const IN_TOTO = "application/vnd.in-toto+json";

async function newClient(): Promise<RegistryClient> {
  return new RegistryClient({ repository: `${await newNamespace()}/app` });
}

function list({ repository }: RegistryClient, query = ""): Promise<Tag[]> {
  return all<Tag>(`/repositories/${repository}/-/tags?${query}`);
}

async function names(client: RegistryClient, query = ""): Promise<string[]> {
  return (await list(client, query)).map(({ name }) => name);
}

async function newImage(client: RegistryClient, size = 100): Promise<Manifest> {
  return client.pushManifest(imageManifest({ config: await client.pushBlob(blob(size)) }));
}

/** The tag of a manifest's attachments. */
function attachmentTag({ digest }: Manifest, ending: string): string {
  return `sha256-${digest.slice("sha256:".length)}${ending}`;
}

test("versions come in their order: v0.0.106 after v0.0.91, page by page", async () => {
  const client = await newClient();
  const image = await newImage(client);
  const expected = ["latest", "v0.0.91", "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0", "1.2", "1.10.0"];
  expected.splice(2, 0, "v0.0.106");
  for (const tag of expected.toReversed()) await client.pushManifest(image, tag);
  expect(await names(client, "sort=version")).toEqual(expected);
  expect(await names(client, "sort=version&limit=2")).toEqual(expected);
  expect(await names(client, "sort=version&order=desc&limit=3")).toEqual(expected.toReversed());
});

test.each(["asc", "desc"])("tags come by push, size and pulls, %s, page by page", async (order) => {
  const client = await newClient();
  const sizes = { d: 300, a: 100, c: 200, b: 200 };
  for (const [name, size] of Object.entries(sizes)) {
    await client.pushManifest(await newImage(client, size), name);
    await scheduler.wait(2);
  }
  await pull(client, { a: 5, b: 9, c: 9 });
  const turned = (expected: string[]) => (order === "asc" ? expected : expected.toReversed());
  for (const [sort, expected] of [
    ["updated", ["d", "a", "c", "b"]],
    ["size", ["a", "b", "c", "d"]],
    ["pulls", ["d", "a", "b", "c"]],
    ["name", ["a", "b", "c", "d"]],
  ] as const) {
    for (const limit of [1, 2, 4]) {
      const query = `sort=${sort}&order=${order}&limit=${limit}`;
      expect([query, await names(client, query)]).toEqual([query, turned([...expected])]);
    }
  }
});

/** Counts pulls of tags, on two days. */
async function pull(client: RegistryClient, counts: Readonly<Record<string, number>>) {
  const today = Math.floor(Date.now() / 86_400_000);
  const rows = Object.entries(counts).flatMap(([tag, count]) => [
    [tag, today, count - 1],
    [tag, today - 1, 1],
  ]);
  await env.DB.prepare(
    `INSERT INTO pulls (repository_id, tag, day, count)
     SELECT r.id, w.value ->> 0, w.value ->> 1, w.value ->> 2 FROM repositories r, json_each(?2) w WHERE r.name = ?1
     ON CONFLICT DO UPDATE SET count = count + excluded.count`,
  )
    .bind(client.repository, JSON.stringify(rows))
    .run();
}

test("a tag has the sum of its pulls, and the day of the last: counted, counted again, forgotten, deleted and back", async () => {
  const client = await newClient();
  await client.pushManifest(await newImage(client), "v1");
  const today = new Date().toISOString().slice(0, 10);
  expect(await list(client)).toMatchObject([{ pulls: 0, lastPulledAt: null }]);
  await pull(client, { v1: 5 });
  await pull(client, { v1: 2, other: 7 });
  expect(await list(client)).toMatchObject([{ pulls: 7, lastPulledAt: today }]);
  await env.DB.prepare(`DELETE FROM pulls WHERE tag = 'v1' AND day < ?1`)
    .bind(Math.floor(Date.now() / 86_400_000))
    .run();
  expect(await list(client)).toMatchObject([{ pulls: 5 }]);
  await client.request("DELETE", "manifests/v1");
  await done("POST", `/repositories/${client.repository}/-/restore`, { tag: "v1" });
  expect(await list(client, "sort=pulls")).toMatchObject([{ name: "v1", pulls: 5 }]);
});

test("the sum of a tag's pulls follows a busy day in hundreds, and is exact the day after", async () => {
  const client = await newClient();
  await client.pushManifest(await newImage(client), "v1");
  const pulls = async () => (await list(client))[0]?.pulls;
  const day = Math.floor(Date.now() / 86_400_000);
  const count = (onDay: number, more: number) =>
    env.DB.prepare(
      `INSERT INTO pulls (repository_id, tag, day, count) SELECT id, 'v1', ?2, ?3 FROM repositories WHERE name = ?1
       ON CONFLICT DO UPDATE SET count = count + excluded.count`,
    )
      .bind(client.repository, onDay, more)
      .run();
  const seen = [];
  for (const more of [98, 1, 1, 50, 49, 1]) {
    await count(day, more);
    seen.push(await pulls());
  }
  expect(seen).toEqual([98, 99, 100, 100, 100, 200]);
  await count(day, 7);
  expect(await pulls()).toBe(200);
  await count(day + 1, 1);
  expect(await pulls()).toBe(208);
});

test("a part of the name finds tags in any case, and nothing in it is syntax", async () => {
  const client = await newClient();
  const image = await newImage(client);
  for (const tag of ["1.2-Alpine", "1.3-alpine", "1.3_x", "latest"]) {
    await client.pushManifest(image, tag);
  }
  expect(await names(client, "filter=ALPINE")).toEqual(["1.2-Alpine", "1.3-alpine"]);
  expect(await names(client, "filter=alpine&sort=version&order=desc&limit=1")).toEqual([
    "1.3-alpine",
    "1.2-Alpine",
  ]);
  expect(await names(client, "filter=_")).toEqual(["1.3_x"]);
  for (const filter of ["%25", "*", "'", '"', "nothing", "["]) {
    expect(await names(client, `filter=${filter}`)).toEqual([]);
  }
});

test("other tags of the same image are its aliases, at most ten", async () => {
  const client = await newClient();
  const image = await newImage(client);
  const tags = Array.from({ length: 12 }, (_, i) => `v${String(i).padStart(2, "0")}`);
  for (const tag of tags) await client.pushManifest(image, tag);
  await client.pushManifest(await newImage(client), "other");
  const found = await list(client);
  expect(found[0]).toMatchObject({ name: "v00".replace("v00", "other"), aliases: [] });
  expect(found[1]).toMatchObject({ name: "v00", aliases: tags.slice(1, 11) });
});

test("tags of attachments are left out where they are hidden, and from every order but that of names", async () => {
  const client = await newClient();
  const image = await newImage(client);
  await client.pushManifest(image, "v1");
  const hidden = ["", ".att", ".sbom", ".sig"].map((ending) => attachmentTag(image, ending));
  for (const tag of hidden) await client.pushManifest(await newImage(client), tag);
  await client.pushManifest(image, "sha256-short");
  expect(await names(client)).toEqual([...hidden, "sha256-short", "v1"]);
  expect(await names(client, "attachments=hide")).toEqual(["sha256-short", "v1"]);
  for (const sort of ["version", "updated", "size", "pulls"]) {
    expect((await names(client, `sort=${sort}`)).toSorted()).toEqual(["sha256-short", "v1"]);
  }
  const path = `/repositories/${client.repository}/-/tags?sort=size&attachments=show`;
  expect(await problem(await api("GET", path))).toMatchObject({ code: "REQUEST_INVALID" });
});

test("a tag shows what belongs to its image: as a referrer", async () => {
  const client = await newClient();
  const image = await newImage(client);
  await client.pushManifest(image, "v1");
  const config = await client.pushBlob(text("{}"));
  const attach = (artifactType: string, annotations = {}) => {
    const fields = { artifactType, subject: descriptor(image, image.mediaType), annotations };
    return client.pushManifest(imageManifest({ config, fields }));
  };
  expect(await list(client)).toMatchObject([{ signed: false, sbom: false, provenance: false }]);
  const signature = await attach("application/vnd.cncf.notary.signature");
  expect(await list(client)).toMatchObject([{ signed: true, sbom: false, provenance: false }]);
  await attach("application/spdx+json");
  expect(await list(client)).toMatchObject([{ signed: true, sbom: true, provenance: false }]);
  await attach("application/vnd.dev.sigstore.bundle.v0.3+json", {
    "dev.sigstore.bundle.predicateType": "https://slsa.dev/provenance/v1",
  });
  expect(await list(client)).toMatchObject([{ signed: true, sbom: true, provenance: true }]);
  await client.request("DELETE", `manifests/${signature.digest}`);
  expect(await list(client)).toMatchObject([{ signed: false, sbom: true, provenance: true }]);
});

test("a tag shows what belongs to its image: under cosign's tags", async () => {
  const client = await newClient();
  const image = await newImage(client);
  await client.pushManifest(image, "v1");
  const config = await client.pushBlob(text("{}"));
  const layer = await client.pushBlob(blob());
  const layers = (mediaType: string, annotations = {}) => ({
    layers: [{ ...descriptor(layer, mediaType), annotations }],
  });
  const push = (ending: string, fields: object) =>
    client.pushManifest(imageManifest({ config, fields }), attachmentTag(image, ending));
  await push(".sig", layers("application/vnd.dev.cosign.simplesigning.v1+json"));
  expect(await list(client, "attachments=hide")).toMatchObject([{ signed: true, sbom: false }]);
  await push(".sbom", layers("text/spdx+json"));
  const predicateType = "https://slsa.dev/provenance/v0.2";
  await push(".att", layers("application/vnd.dsse.envelope.v1+json", { predicateType }));
  expect(await list(client, "attachments=hide")).toMatchObject([
    { name: "v1", signed: true, sbom: true, provenance: true },
  ]);
});

test("a tag shows BuildKit's attestations, and their platform is none", async () => {
  const client = await newClient();
  const config = await client.pushBlob(text('{"os":"linux","architecture":"arm64"}'));
  const image = await client.pushManifest(imageManifest({ config }));
  const layer = await client.pushBlob(blob());
  const layers = ["https://spdx.dev/Document", "https://slsa.dev/provenance/v1"].map((type) => ({
    ...descriptor(layer, IN_TOTO),
    annotations: { "in-toto.io/predicate-type": type },
  }));
  const attestation = await client.pushManifest(imageManifest({ config, fields: { layers } }));
  const manifests = [
    descriptor(image, image.mediaType, { platform: { os: "linux", architecture: "arm64" } }),
    descriptor(attestation, attestation.mediaType, {
      platform: { os: "unknown", architecture: "unknown" },
      annotations: {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": image.digest,
      },
    }),
  ];
  await client.pushManifest(index([], { manifests }), "v1");
  expect(await list(client)).toMatchObject([
    { kind: "index", platforms: ["linux/arm64"], signed: false, sbom: true, provenance: true },
  ]);
});

test("a tag shows whether a rule keeps it", async () => {
  const client = await newClient();
  const image = await newImage(client);
  for (const tag of ["latest", "v1"]) await client.pushManifest(image, tag);
  const path = `/repositories/${client.repository}`;
  await done("PATCH", path, { immutableTags: [{ tags: "v*" }] });
  expect(await list(client)).toMatchObject([
    { name: "latest", immutable: false },
    { name: "v1", immutable: true },
  ]);
});

test.each([
  "sort=size&after=v1",
  "sort=version&after=a:b",
  "sort=best",
  "order=up",
  "attachments=no",
])("what is no field of the list is refused: %s", async (query) => {
  const client = await newClient();
  await newImage(client);
  const response = await api("GET", `/repositories/${client.repository}/-/tags?${query}`);
  expect(await problem(response)).toMatchObject({ status: 400, code: "FIELD_INVALID" });
});

test("a tag that was restored with its manifest, or to an older one, has its place and its size", async () => {
  const client = await newClient();
  const [small, big] = [await newImage(client, 100), await newImage(client, 900)];
  await client.pushManifest(small, "v9");
  await client.pushManifest(big, "v10");
  await client.pushManifest(small, "v10");
  await client.request("DELETE", `manifests/${small.digest}`);
  const restore = `/repositories/${client.repository}/-/restore`;
  await done("POST", restore, { digest: small.digest });
  expect(await names(client, "sort=version")).toEqual(["v9", "v10"]);
  expect(await list(client)).toMatchObject([
    { name: "v10", size: 100 },
    { name: "v9", size: 100 },
  ]);
  await done("POST", restore, { tag: "v10", digest: big.digest });
  expect(await names(client, "sort=size&order=desc")).toEqual(["v10", "v9"]);
  expect(await list(client, "sort=size")).toMatchObject([{ size: 100 }, { size: 900 }]);
});

const TAGS = 100_000;

test("in a repository of 100,000 tags each page reads few rows", async () => {
  const client = await newClient();
  const image = await newImage(client);
  await client.pushManifest(image, "v1");
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ${TAGS})
     INSERT INTO tags (repository_id, name, digest, updated_at, version_key, size)
     SELECT r.id, iif(i % 4 = 0, 'v' || i, printf('sha256-%064x.sig', i)), ?2, i, printf('12%03d%d1', length(i), i), i
     FROM n, repositories r WHERE r.name = ?1`,
  )
    .bind(client.repository, image.digest)
    .run();
  const meter = new Meter(env.DB);
  const send = (request: Request) => handle(request, { ...env, DB: meter.db }, ignore);
  const path = `/repositories/${client.repository}/-/tags?attachments=hide`;
  const read: Record<string, number> = {};
  for (const sort of ["name", "version", "updated", "size", "pulls"]) {
    for (const order of ["asc", "desc"]) {
      const page = (after: string) =>
        done<{ items: unknown[]; next: string }>(
          "GET",
          `${path}&sort=${sort}&order=${order}${after}`,
          undefined,
          { send },
        );
      const { next } = await page("");
      meter.take();
      const second = await page(`&after=${encodeURIComponent(next)}`);
      expect(second.items).toHaveLength(100);
      read[`${sort} ${order}`] = rowsIn(meter);
    }
  }
  expect(Math.max(...Object.values(read)), JSON.stringify(read)).toBeLessThan(8_000);
  const filtered = await done<{ items: unknown[]; next: string | null }>(
    "GET",
    `${path}&filter=nothing`,
    undefined,
    { send },
  );
  expect(filtered).toMatchObject({ items: [], next: expect.any(String) });
  expect(rowsIn(meter)).toBeLessThan(25_000);
  // All 25,001 tags are looked at in three pages.
  expect(await all(`${path}&filter=nothing`)).toEqual([]);
  expect(await names(client, "attachments=hide&filter=v99996")).toEqual(["v99996"]);
});

function rowsIn(meter: Meter): number {
  return meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
}
