/** No request's work grows with the size of the registry: every statement finds its rows by an index. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { handle } from "./production/request.ts";
import { blob, imageManifest, index } from "./support/images.ts";
import { ignore, RegistryClient } from "./support/client.ts";
import { planOf, recorded, repositoryScans, tableScans } from "./support/plans.ts";

const { db: DB, statements } = recorded();

test("no statement walks through a table", async () => {
  const client = new RegistryClient({ send: (request) => handle(request, { ...env, DB }, ignore) });
  const config = await client.pushBlob(blob());
  const image = await client.pushManifest(imageManifest({ config }), "tag");
  const list = await client.pushManifest(index([image], { subject: describe(image) }));
  await client.referrers(image.digest);
  await client.referrers(image.digest, "?artifactType=a/b");
  await client.get("/v2/_catalog");
  await client.listTags();
  await client.head(`blobs/${config.digest}`);
  await client.pullManifest("tag");
  await client.pullManifest(list.digest);
  await client.in("elsewhere/x").request("POST", `blobs/uploads/?mount=${config.digest}`);
  for (const path of ["tag", list.digest, image.digest]) {
    await client.request("DELETE", `manifests/${path}`);
  }
  await client.request("DELETE", `blobs/${config.digest}`);
  expect(statements.size).toBeGreaterThanOrEqual(15);
  for (const sql of statements) {
    const plan = await planOf(sql);
    expect([...tableScans(plan), ...repositoryScans(plan)], sql).toEqual([]);
  }
});

test("what may be read is looked up in each source, not in all that hold the blob", async () => {
  const readable = [...statements].filter((sql) => sql.includes("held_in"));
  expect(readable.length).toBeGreaterThan(0);
  for (const sql of readable) {
    const lines = await planOf(sql);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /SEARCH link USING .*(repository_id=\? AND digest_id=\?|digest_id=\? AND repository_id=\?)/,
      ),
    );
  }
});

test("referrers are found by their subject", async () => {
  const referrers = [...statements].filter((sql) => /m\.subject = \?\d/.test(sql));
  expect(referrers).toHaveLength(2);
  for (const sql of referrers) {
    const lines = await planOf(sql);
    expect(lines).toContainEqual(
      expect.stringMatching(
        /SEARCH m USING .*manifests_by_subject.*\(repository_id=\? AND subject=\?/,
      ),
    );
  }
});

function describe({ mediaType, digest, bytes }: ReturnType<typeof imageManifest>) {
  return { mediaType, digest, size: bytes.length };
}
