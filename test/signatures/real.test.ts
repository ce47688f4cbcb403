/** Signatures that others' tools made, and logs and authorities that others run. */
import { expect, test } from "vitest";
import { digestOf, parseDigest } from "../../src/oci/digest.ts";
import { BUNDLE_V03 } from "../../src/signatures/bundle.ts";
import type { Attached } from "../../src/signatures/signature.ts";
import { parseTrust } from "../../src/signatures/trust.ts";
import { parseTrustedRoot } from "../../src/signatures/trusted-root.ts";
import { isSigned } from "../../src/signatures/verify.ts";
import byKey from "./fixtures/cosign-by-key.json";
import sigstore from "./fixtures/sigstore-public.json";
import { bytesOf, keyEntry, makeImage, makeSigner, verify } from "./support/signer.ts";

const attached: readonly Attached[] = byKey.attached.map(({ text, digest, ...layer }) => ({
  ...layer,
  annotations: layer.annotations as Record<string, string>,
  digest: parseDigest(digest),
  bytes: bytesOf(text),
}));

test("cosign 2.6 signs by a key: in its own format, as a bundle, and as an attestation", async () => {
  const image = await makeImage(byKey.manifest);
  const { publicKeyPem } = byKey;
  const results = verify(
    image,
    attached,
    parseTrust([{ kind: "key", name: "release", publicKeyPem }]),
  );
  const verified = { state: "verified", by: "release" };
  expect(results).toMatchObject([
    { ...verified, format: "cosign", predicateType: null },
    {
      ...verified,
      format: "sigstore-bundle",
      predicateType: "https://sigstore.dev/cosign/sign/v1",
    },
    {
      ...verified,
      format: "sigstore-bundle",
      predicateType: "https://cosign.sigstore.dev/attestation/v1",
    },
  ]);
  expect(results.map((result) => isSigned([result]))).toEqual([true, true, false]);
  const stranger = verify(image, attached, parseTrust([keyEntry("other", makeSigner())]));
  expect(stranger.map(({ state }) => state)).toEqual(["unverified", "unverified", "unverified"]);
  const other = verify(await makeImage("{}"), attached, parseTrust([]));
  expect(other.map(({ state }) => state)).toEqual(["invalid", "invalid", "invalid"]);
});

test.each([
  ["by the log's promise", sigstore.rekor1, 1_667_957_590_000],
  ["by the log's proof and a timestamp", sigstore.rekor2, 1_765_677_890_000],
])("a bundle of Sigstore's public servers is verified %s", async (_, bundle, signedAtMs) => {
  const image = await makeImage(sigstore.message);
  const bytes = bytesOf(JSON.stringify(bundle));
  const digest = await digestOf("sha256", bytes);
  const layer = { mediaType: BUNDLE_V03, digest, bytes, annotations: {} };
  const roots = parseTrustedRoot(JSON.stringify(sigstore.trustedRoot));
  const issuer = "https://github.com/login/oauth";
  const entry = { kind: "keyless", name: "brian", issuer, identity: "brian@*" } as const;
  expect(verify(image, [layer], parseTrust([entry], roots))).toMatchObject([
    {
      state: "verified",
      by: "brian",
      signer: "https://github.com/login/oauth brian@dehamer.com",
      signedAtMs,
    },
  ]);
  const other = parseTrust([{ ...entry, issuer: "https://accounts.google.com" }], roots);
  expect(verify(image, [layer], other)).toMatchObject([
    {
      state: "unverified",
      reason: "nobody whom the namespace trusts made it",
      signer: "https://github.com/login/oauth brian@dehamer.com",
    },
  ]);
});
