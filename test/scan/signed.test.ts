/** Signatures of images in a repository: shown, verified by whom the namespace trusts, and required by a policy. */
import { beforeEach, expect, test } from "vitest";
import { OCI_MANIFEST } from "../../src/oci/media-type.ts";
import { makeSigner, payloadOf, type Signer } from "../signatures/support/signer.ts";
import { RegistryClient } from "../support/client.ts";
import { describe, imageManifest, index, type Manifest, text } from "../support/images.ts";
import { turn } from "../support/jobs.ts";
import { api, done, makeNamespace, type Person, refused } from "../support/management.ts";
import { alpine, layer, pushImage, scanAll, scanJob } from "./images.ts";

const SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json";

let name: string;
let namespace: string;
let owner: Person;
let client: RegistryClient;
let image: Manifest;
let signer: Signer;

beforeEach(async () => {
  ({ namespace, owner } = await makeNamespace());
  name = `${namespace}/app`;
  client = new RegistryClient({ repository: name, authorization: owner.authorization });
  await turn(scanJob());
  image = await pushImage(client, [layer(alpine({ musl: "1" }))]);
  signer = makeSigner();
});

const scan = () => scanAll(scanJob());
const signersPath = (signerName: string) => `/namespaces/${namespace}/signers/${signerName}`;
const trust = (publicKey: string) =>
  done("PUT", signersPath("release"), { kind: "key", publicKey }, { as: owner.authorization });
const requireSigned = () =>
  done(
    "PUT",
    `/repositories/${name}/-/scan-policy`,
    { unsigned: true },
    { as: owner.authorization },
  );

async function signaturesOf(digest: string) {
  const { items } = await done<{ items: Record<string, unknown>[] }>(
    "GET",
    `/repositories/${name}/-/manifests/${digest}/signatures`,
  );
  return items;
}

/** Signs as cosign does: under a tag, or as a referrer. */
async function sign(subject: Manifest, by: Signer, how: "tag" | "referrer"): Promise<void> {
  const payload = text(payloadOf(subject.digest));
  await client.pushBlob(payload);
  const config = await client.pushBlob(text("{}"));
  const annotations = {
    "dev.cosignproject.cosign/signature": by.sign(payload.bytes).toString("base64"),
  };
  const fields = {
    layers: [{ ...describe(payload, SIMPLE), annotations }],
    ...(how === "tag" ? {} : { subject: describe(subject, OCI_MANIFEST), artifactType: SIMPLE }),
  };
  const signature = imageManifest({ config, fields });
  const tag = `${subject.digest.replace(":", "-")}.sig`;
  await client.pushManifest(signature, how === "tag" ? tag : signature.digest);
}

async function pulled(reference = "latest"): Promise<number> {
  return (await client.get(`manifests/${reference}`)).status;
}

test.each(["tag", "referrer"] as const)(
  "a signature of a trusted key, by %s, is verified, and lets the image be pulled that has to be signed",
  async (how) => {
    await requireSigned();
    await trust(signer.publicKeyPem);
    await scan();
    expect(await pulled()).toBe(403);
    await sign(image, signer, how);
    await scan();
    expect(await pulled()).toBe(200);
    expect(await signaturesOf(image.digest)).toMatchObject([
      { format: "cosign", state: "verified", by: "release", subject: image.digest },
    ]);
  },
);

test("a signature of another key counts for nothing, and says so", async () => {
  await requireSigned();
  await trust(makeSigner().publicKeyPem);
  await sign(image, signer, "tag");
  await scan();
  expect(await pulled()).toBe(403);
  expect(await signaturesOf(image.digest)).toMatchObject([{ state: "unverified", by: null }]);
});

test("another image's signature counts for nothing", async () => {
  await requireSigned();
  await trust(signer.publicKeyPem);
  const other = await pushImage(client, [layer(alpine({ musl: "2" }))], "other");
  await sign(other, signer, "tag");
  await scan();
  expect([await pulled("other"), await pulled()]).toEqual([200, 403]);
});

test("an index's signature counts for its images, also for one that was signed before it was scanned", async () => {
  const list = await client.pushManifest(index([image]), "list");
  await requireSigned();
  await trust(signer.publicKeyPem);
  await sign(list, signer, "tag");
  await scan();
  expect(await pulled(image.digest)).toBe(200);
  expect(await signaturesOf(image.digest)).toMatchObject([
    { state: "verified", subject: list.digest },
  ]);
});

test("a signer that is trusted later or no longer changes what may be pulled", async () => {
  await requireSigned();
  await sign(image, signer, "tag");
  await scan();
  expect(await pulled()).toBe(403);
  await trust(signer.publicKeyPem);
  await scan();
  expect(await pulled()).toBe(200);
  expect(
    (await api("DELETE", signersPath("release"), undefined, { as: owner.authorization })).status,
  ).toBe(204);
  await scan();
  expect(await pulled()).toBe(403);
});

test.each([
  ["a key that is none", { kind: "key", publicKey: "x" }],
  ["no key", { kind: "key" }],
  [
    "an identity that everybody has",
    { kind: "keyless", issuer: "https://issuer.example", identity: "*" },
  ],
  ["no certificate", { kind: "notation", certificates: ["x"], identities: ["*"] }],
])("a signer with %s is refused", async (_, body) => {
  expect(await refused("PUT", signersPath("x"), body)).toEqual({
    status: 400,
    code: "FIELD_INVALID",
  });
});

test("signers are listed as they were set, and replaced", async () => {
  const keyless = {
    kind: "keyless",
    issuer: "https://token.actions.githubusercontent.com",
    identity: "https://github.com/acme/app/*",
  };
  expect((await api("PUT", signersPath("ci"), keyless)).status).toBe(201);
  expect((await api("PUT", signersPath("ci"), keyless)).status).toBe(200);
  await trust(signer.publicKeyPem);
  const { items } = await done<{ items: object[] }>("GET", `/namespaces/${namespace}/signers`);
  expect(items).toMatchObject([
    { name: "ci", ...keyless, publicKey: null },
    { name: "release", kind: "key", publicKey: signer.publicKeyPem, issuer: null },
  ]);
});
