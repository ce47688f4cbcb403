/** Manifests as people look for them: by kind, with or without a tag, by push. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { Meter } from "../../scripts/scale/worker/meter.ts";
import type { Manifest as Item } from "../../src/api/schema/contents.ts";
import { handle } from "../production/request.ts";
import { ignore, RegistryClient } from "../support/client.ts";
import { blob, imageManifest, index, type Manifest, text } from "../support/images.ts";
import { all } from "../support/lists.ts";
import { api, done, problem } from "../support/management.ts";
import { newNamespace } from "../support/principals.ts";

const CHART = "application/vnd.cncf.helm.config.v1+json";
const SBOM = "application/spdx+json";

async function pushed() {
  const client = new RegistryClient({ repository: `${await newNamespace()}/app` });
  const push = async (manifest: Manifest, tag?: string) => {
    await scheduler.wait(2);
    return (await client.pushManifest(manifest, tag)).digest;
  };
  const config = await client.pushBlob(blob());
  const image = imageManifest({ config });
  const digests = {
    tagged: await push(image, "v1"),
    untagged: await push(imageManifest({ config: await client.pushBlob(blob()) })),
    index: await push(index([image]), "latest"),
    chart: await push(
      imageManifest({ fields: { config: { ...described(config), mediaType: CHART } }, config }),
    ),
    sbom: await push(
      imageManifest({ config: await client.pushBlob(text("{}")), fields: { artifactType: SBOM } }),
    ),
  };
  return { client, ...digests };
}

function described({ digest, bytes }: { readonly digest: string; readonly bytes: Uint8Array }) {
  return { digest, size: bytes.length };
}

async function listed({ repository }: RegistryClient, query: string): Promise<string[]> {
  const items = await all<Item>(`/repositories/${repository}/-/manifests?${query}`);
  return items.map(({ digest }) => digest);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}

test("manifests come by their last push, either way, page by page", async () => {
  const { client, ...by } = await pushed();
  const expected = [by.tagged, by.untagged, by.index, by.chart, by.sbom];
  for (const limit of [1, 2, 5]) {
    expect(await listed(client, `sort=pushed&limit=${limit}`)).toEqual(expected);
    expect(await listed(client, `sort=pushed&order=desc&limit=${limit}`)).toEqual(
      expected.toReversed(),
    );
  }
  expect(await listed(client, "order=desc")).toEqual(expected.toSorted(byText).toReversed());
});

test("manifests of one kind, with a tag or without", async () => {
  const { client, ...by } = await pushed();
  for (const [query, expected] of [
    ["kind=image", [by.tagged, by.untagged]],
    ["kind=image&tagged=true", [by.tagged]],
    ["kind=image&tagged=false", [by.untagged]],
    ["kind=index", [by.index]],
    ["kind=chart", [by.chart]],
    ["kind=sbom", [by.sbom]],
    ["kind=model", []],
    ["tagged=true", [by.tagged, by.index]],
    ["tagged=false", [by.untagged, by.chart, by.sbom]],
  ] as const) {
    expect([query, await listed(client, `${query}&sort=pushed&limit=1`)]).toEqual([
      query,
      expected,
    ]);
    expect(await listed(client, query)).toEqual([...expected].toSorted(byText));
  }
});

test("a manifest has its kind, its last push, and the day it was last asked for", async () => {
  const { client, ...by } = await pushed();
  const path = `/repositories/${client.repository}/-/manifests/${by.chart}`;
  const before = await done<Item>("GET", path);
  expect(before).toMatchObject({ kind: "chart", lastPulledAt: null });
  expect(before.pushedAt).toBe(before.createdAt);
  await env.DB.prepare(
    `INSERT INTO manifest_pulls (repository_id, digest, day)
     SELECT repository_id, digest, 20000 FROM manifests WHERE digest = ?1`,
  )
    .bind(by.chart)
    .run();
  expect(await done("GET", path)).toMatchObject({ lastPulledAt: "2024-10-04" });
});

test.each(["kind=picture", "tagged=maybe", "sort=size", "sort=pushed&after=sha256:1"])(
  "what is no field of the list is refused: %s",
  async (query) => {
    const { client } = await pushed();
    const response = await api("GET", `/repositories/${client.repository}/-/manifests?${query}`);
    expect(await problem(response)).toMatchObject({ status: 400, code: "FIELD_INVALID" });
  },
);

test("where 20,000 manifests are of another kind, a page reads few rows and says that there is more", async () => {
  const { client, chart } = await pushed();
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
     INSERT INTO manifests (repository_id, digest, media_type, size, content, artifact_type, created_at, pushed_at, kind)
     SELECT r.id, printf('sha256:%064x', i), 'x', 1, x'00', '', i, i, 'image' FROM n, repositories r WHERE r.name = ?1`,
  )
    .bind(client.repository)
    .run();
  const meter = new Meter(env.DB);
  const send = (request: Request) => handle(request, { ...env, DB: meter.db }, ignore);
  const path = `/repositories/${client.repository}/-/manifests`;
  for (const query of ["kind=chart&sort=pushed", "kind=chart", "tagged=true&sort=pushed"]) {
    meter.take();
    const page = await done<{ items: unknown[]; next: string | null }>(
      "GET",
      `${path}?${query}`,
      undefined,
      { send },
    );
    expect(page).toMatchObject({ items: [], next: expect.any(String) });
    const rows = meter.take().reduce((sum, { rowsRead }) => sum + rowsRead, 0);
    expect([query, rows < 35_000 ? "few" : rows]).toEqual([query, "few"]);
  }
  expect(await listed(client, "kind=chart")).toEqual([chart]);
});
