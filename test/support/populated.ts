/** A namespace with a little of everything, and a check that all of it works. */
import { expect } from "vitest";
import { basic, RegistryClient } from "./client.ts";
import { blob, digestOf, imageManifest, index } from "./images.ts";
import { api, done, makeNamespace, makeToken, pushes } from "./management.ts";

export type Populated = Awaited<ReturnType<typeof populate>>;

export async function populate() {
  const { namespace, owner } = await makeNamespace();
  const client = new RegistryClient({ repository: `${namespace}/app` });
  const images = await pushImages(client);
  // Deleted content: a manifest with a blob that only it names, a tag, a repository.
  const only = await client.pushBlob(blob());
  const gone = await client.pushManifest(
    imageManifest({ config: images.config, layers: [only] }),
    "gone",
  );
  await client.request("DELETE", `manifests/${gone.digest}`);
  await client.pushManifest(images.arm, "short");
  await client.request("DELETE", "manifests/short");
  const other = client.in(`${namespace}/deleted`);
  await other.pushBlob(images.config);
  await other.pushManifest(imageManifest({ config: images.config }), "v1");
  await done("DELETE", `/repositories/${namespace}/deleted`);
  const accounts = await makeAccounts(namespace);
  await done("PUT", `/namespaces/${namespace}/quota`, { bytes: 100_000_000, repositories: 2 });
  await done("PATCH", `/repositories/${namespace}/app`, { immutableTags: [{ tags: "v*" }] });
  const token = await makeToken(owner);
  return { namespace, owner, client, ...images, gone, only, ...accounts, token };
}

/** An image of two platforms, its signature, one too big for its row; "latest" was moved. */
async function pushImages(client: RegistryClient) {
  const config = await client.pushBlob(blob());
  const layers = await Promise.all([1, 2, 3].map(() => client.pushBlob(blob(500))));
  const amd = await client.pushManifest(imageManifest({ config, layers }));
  const arm = await client.pushManifest(imageManifest({ config, layers: layers.slice(1) }));
  const list = await client.pushManifest(index([amd, arm]), "v1");
  await client.pushManifest(list, "latest");
  await client.pushManifest(amd, "latest");
  const subject = { mediaType: list.mediaType, digest: list.digest, size: list.bytes.length };
  const signature = await client.pushManifest(
    imageManifest({ config, layers: [], fields: { subject, artifactType: "application/sig" } }),
  );
  const annotations = { note: "x".repeat(300 * 1024) };
  const big = await client.pushManifest(imageManifest({ config, fields: { annotations } }), "big");
  return { config, layers, amd, arm, list, signature, big };
}

async function makeAccounts(namespace: string) {
  const within = `/namespaces/${namespace}`;
  const scopes = [{ repositories: `${namespace}/*`, actions: ["pull", "push"] }];
  await done("POST", `${within}/robots`, { name: "ci", scopes });
  const robot = await done<{ secret: string }>("POST", `${within}/robots/ci/tokens`, {});
  await done("POST", `${within}/robots`, { name: "idle", scopes });
  await done("PATCH", `${within}/robots/idle`, { disabled: true });
  await done("POST", `${within}/trust-rules`, {
    name: "github",
    issuer: "https://issuer.example",
    audience: "https://registry.test",
    claims: { sub: ["someone"] },
    scopes,
  });
  return { robot };
}

/** Checks pulls, logins, rules, quotas and restoring. */
export async function expectWhole(all: Populated): Promise<void> {
  const { namespace, owner, client, list, amd, big, signature, layers, gone, only } = all;
  const images = { v1: list, latest: amd, big, [signature.digest]: signature };
  for (const [reference, content] of Object.entries(images)) {
    expect(digestOf(await client.pullManifest(reference))).toBe(content.digest);
  }
  for (const { digest } of layers) expect(digestOf(await client.pullBlob(digest))).toBe(digest);
  expect(await client.referrers(list.digest)).toHaveLength(1);
  expect((await client.get("manifests/gone")).status).toBe(404);
  const idle = await done("GET", `/namespaces/${namespace}/robots/idle`);
  expect(idle).toMatchObject({ disabled: true, disabledBy: "admin" });
  const secrets = [
    owner.authorization,
    basic(owner.name, all.token),
    basic(`${namespace}+ci`, all.robot.secret),
  ];
  for (const secret of secrets) expect(await pushes(secret, client.repository)).toBe(202);
  expect((await client.putManifest("v1", amd)).status).toBe(409);
  await done("POST", "/repositories", { name: `${namespace}/second` });
  const third = await api("POST", "/repositories", { name: `${namespace}/third` });
  expect(third.status).toBe(403);
  await done("DELETE", `/repositories/${namespace}/second`);
  await done("POST", `/repositories/${client.repository}/-/restore`, { digest: gone.digest });
  expect(digestOf(await client.pullManifest(gone.digest))).toBe(gone.digest);
  expect(digestOf(await client.pullBlob(only.digest))).toBe(only.digest);
}
