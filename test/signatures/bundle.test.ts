/** Sigstore's bundles: statements and messages, by keys and keyless, and that each field counts. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { BUNDLE_V03 } from "../../src/signatures/bundle.ts";
import type { Attached, Image } from "../../src/signatures/signature.ts";
import { parseTrust } from "../../src/signatures/trust.ts";
import { isSigned } from "../../src/signatures/verify.ts";
import { pemOf } from "./support/der.ts";
import { ISSUER, makeSigstore, prove, rootsOf, SUBJECT } from "./support/sigstore.ts";
import { bytesOf, keyEntry, makeImage, makeSigner, NOW_MS, verify } from "./support/signer.ts";

const sigstore = makeSigstore();
const roots = rootsOf(sigstore.trustedRoot);
const trust = parseTrust(
  [{ kind: "keyless", name: "ci", issuer: ISSUER, identity: "https://github.com/acme/*" }],
  roots,
);
const COSIGN = "https://sigstore.dev/cosign/sign/v1";
const TYPE = "application/vnd.in-toto+json";

function layerOf(image: Image, bundle: unknown, mediaType = BUNDLE_V03): Attached {
  return {
    mediaType,
    digest: image.digest,
    bytes: bytesOf(JSON.stringify(bundle)),
    annotations: {},
  };
}

function statementOf(image: Image, predicateType = COSIGN): string {
  const [algorithm = "", hex = ""] = image.digest.split(":");
  const subject = [{ name: "app", digest: { [algorithm]: hex } }];
  return JSON.stringify({ _type: "https://in-toto.io/Statement/v1", subject, predicateType });
}

/** The pre-authentication encoding of DSSE (github.com/secure-systems-lab/dsse, protocol.md). */
function encoded(payload: string, type = TYPE): Buffer {
  return Buffer.from(`DSSEv1 ${type.length} ${type} ${Buffer.byteLength(payload)} ${payload}`);
}

function envelopeOf(payload: string, signature: Buffer) {
  return {
    payload: Buffer.from(payload).toString("base64"),
    payloadType: TYPE,
    signatures: [{ sig: signature.toString("base64") }],
  };
}

/** A keyless statement with an entry that has both a promise and a proof. */
async function keyless(payload?: string) {
  const image = await makeImage();
  const certificate = sigstore.certify();
  const statement = payload ?? statementOf(image);
  const signature = certificate.signer.sign(encoded(statement));
  const verifier = Buffer.from(pemOf(certificate)).toString("base64");
  const value = createHash("sha256").update(statement).digest("hex");
  const body = JSON.stringify({
    apiVersion: "0.0.1",
    kind: "dsse",
    spec: {
      envelopeHash: { algorithm: "sha256", value: "00" },
      payloadHash: { algorithm: "sha256", value },
      signatures: [{ signature: signature.toString("base64"), verifier }],
    },
  });
  const promise = sigstore.log(body);
  const entry = {
    logIndex: "7",
    logId: { keyId: Buffer.from(sigstore.rekorId, "hex").toString("base64") },
    kindVersion: { kind: "dsse", version: "0.0.1" },
    integratedTime: String(promise.Payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: promise.SignedEntryTimestamp },
    inclusionProof: prove(sigstore.rekor, ["a", "b", body, "d", "e"], 2),
    canonicalizedBody: promise.Payload.body,
  };
  const bundle = {
    mediaType: BUNDLE_V03,
    verificationMaterial: {
      certificate: { rawBytes: certificate.der.toString("base64") },
      tlogEntries: [entry],
      timestampVerificationData: {
        rfc3161Timestamps: [{ signedTimestamp: sigstore.stamp(signature).toString("base64") }],
      },
    },
    dsseEnvelope: envelopeOf(statement, signature),
  };
  return { image, bundle };
}

test("a keyless statement is verified by a promise, a proof and a timestamp", async () => {
  const { image, bundle } = await keyless();
  expect(verify(image, [layerOf(image, bundle)], trust)).toMatchObject([
    {
      format: "sigstore-bundle",
      state: "verified",
      by: "ci",
      signer: `${ISSUER} ${SUBJECT}`,
      predicateType: COSIGN,
      signedAtMs: NOW_MS + 60_000,
    },
  ]);
});

/** The paths of all strings in a JSON value. */
function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value === "string") return [[...path]];
  return Object.entries(value as object).flatMap(([key, item]) => pathsOf(item, [...path, key]));
}

function edited(bundle: object, path: readonly string[], edit: (text: string) => string): object {
  const copy = structuredClone(bundle);
  let at = copy as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  const last = path.at(-1) ?? "";
  at[last] = edit(at[last] as string);
  return copy;
}

/** Another text of the same alphabet: each has its first, middle or last character replaced. */
function changesOf(text: string): string[] {
  return [0, text.length >> 1, text.length - 3].flatMap((at) => {
    const old = text.charAt(at);
    // The last bits before a padding are not of the bytes, also within a checkpoint's text.
    if (!/[A-Za-z0-9]/.test(old) || text.charAt(at + 1) === "=") return [];
    const other = /\d/.test(old) ? (old === "1" ? "2" : "1") : old === "A" ? "B" : "A";
    return [text.slice(0, at) + other + text.slice(at + 1)];
  });
}

test("each field of a keyless bundle counts", async () => {
  const { image, bundle } = await keyless();
  // They say again what is proven elsewhere, and parts of a timestamp are not signed: the next test is about these.
  const free = ["mediaType", "kind", "version", "signedTimestamp"];
  const accepted: string[] = [];
  let tried = 0;
  for (const path of pathsOf(bundle).filter((one) => !free.includes(one.at(-1) ?? ""))) {
    for (const change of changesOf(
      path.reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], bundle) as string,
    )) {
      const [result] = verify(
        image,
        [
          layerOf(
            image,
            edited(bundle, path, () => change),
          ),
        ],
        trust,
      );
      if (result?.state === "verified") accepted.push(path.join("."));
      tried++;
    }
  }
  expect(accepted).toEqual([]);
  expect(tried).toBeGreaterThan(30);
});

test("no byte of a timestamp changes its time", async () => {
  const { image, bundle } = await keyless();
  const material = bundle.verificationMaterial;
  const [stamp] = material.timestampVerificationData.rfc3161Timestamps;
  const bytes = Buffer.from(stamp?.signedTimestamp ?? "", "base64");
  const noLog = parseTrust([{ kind: "keyless", name: "ci", issuer: ISSUER, identity: "*acme*" }], {
    ...roots,
    logs: [],
  });
  const times = new Set<number | null>();
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const rfc3161Timestamps = [{ signedTimestamp: changed.toString("base64") }];
    const timestampVerificationData = { rfc3161Timestamps };
    const verificationMaterial = { ...material, timestampVerificationData };
    const layer = layerOf(image, { ...bundle, verificationMaterial });
    for (const { signedAtMs } of verify(image, [layer], noLog)) times.add(signedAtMs);
  }
  expect(times).toEqual(new Set([NOW_MS + 60_000, null]));
});

const entryPath = ["verificationMaterial", "tlogEntries", "0"];
const proofPath = [...entryPath, "inclusionProof"];

test.each<[string, string[], (value: never) => unknown, string]>([
  [
    "a proof without its first hash",
    [...proofPath, "hashes"],
    (hashes: string[]) => hashes.slice(1),
    "the proof of the transparency log is too short",
  ],
  [
    "a proof that is too short",
    [...proofPath, "hashes"],
    () => [],
    "the proof of the transparency log is too short",
  ],
  [
    "a proof that is too long",
    [...proofPath, "hashes"],
    (hashes: string[]) => [...hashes, hashes[0], hashes[0], hashes[0]],
    "the proof of the transparency log is too long",
  ],
  [
    "another position",
    [...proofPath, "logIndex"],
    () => "3",
    "the proof does not show that the transparency log holds the entry",
  ],
  [
    "a position after the end",
    [...proofPath, "logIndex"],
    () => "5",
    "the proof is for an entry after the log's end",
  ],
  [
    "another size",
    [...proofPath, "treeSize"],
    () => "6",
    "the proof of the transparency log is for another state than its checkpoint",
  ],
  [
    "another root",
    [...proofPath, "rootHash"],
    () => "AAAA",
    "the proof of the transparency log is for another state than its checkpoint",
  ],
  [
    "another checkpoint",
    [...proofPath, "checkpoint", "envelope"],
    (text: string) => text.replace("\n5\n", "\n6\n"),
    "the transparency log did not sign the checkpoint",
  ],
  [
    "no checkpoint",
    [...proofPath, "checkpoint", "envelope"],
    () => "",
    "the transparency log did not sign the checkpoint",
  ],
  [
    "a checkpoint of another log",
    proofPath,
    () => prove(makeSigner(), ["a", "b"], 1),
    "the transparency log did not sign the checkpoint",
  ],
  [
    "neither promise nor proof",
    entryPath,
    (entry: object) => ({ ...entry, inclusionPromise: null, inclusionProof: null }),
    "the entry of the transparency log has neither a promise nor a proof of the log",
  ],
  [
    "a size that is no number",
    [...proofPath, "treeSize"],
    () => "0x5",
    "the bundle is malformed: verificationMaterial.tlogEntries.0.inclusionProof.treeSize has not the form that it must have",
  ],
  [
    "no material",
    ["verificationMaterial"],
    () => undefined,
    "the bundle is malformed: verificationMaterial is missing",
  ],
  [
    "no signed content",
    ["dsseEnvelope"],
    () => undefined,
    "the bundle has not either a message's signature or an envelope",
  ],
  [
    "two signatures",
    ["dsseEnvelope", "signatures"],
    ([one]: string[]) => [one, one],
    "the bundle is malformed",
  ],
  [
    "another type of payload",
    ["dsseEnvelope", "payloadType"],
    () => "text/plain",
    "the bundle is malformed: dsseEnvelope.payloadType has not the form that it must have",
  ],
])("a bundle with %s is invalid", async (_, path, change, reason) => {
  const { image, bundle } = await keyless();
  const [result] = verify(
    image,
    [layerOf(image, edited(bundle, path, change as (text: string) => string))],
    trust,
  );
  expect(result).toMatchObject({ state: "invalid", reason: expect.stringContaining(reason) });
});

test("a proof gives no time: without a promise and a timestamp nothing says when it was made", async () => {
  const { image, bundle } = await keyless();
  const bare = edited(
    edited(bundle, ["verificationMaterial", "timestampVerificationData"], () => undefined as never),
    [...entryPath, "inclusionPromise"],
    () => undefined as never,
  );
  expect(verify(image, [layerOf(image, bare)], trust)).toMatchObject([
    { state: "unverified", reason: expect.stringContaining("says when it was made") },
  ]);
  const stamped = edited(bundle, [...entryPath, "inclusionPromise"], () => undefined as never);
  expect(verify(image, [layerOf(image, stamped)], trust)).toMatchObject([{ state: "verified" }]);
});

test("proofs hold at each position of logs of all sizes", async () => {
  const image = await makeImage();
  const signer = makeSigner();
  for (let size = 1; size <= 17; size++) {
    for (let index = 0; index < size; index++) {
      const signature = signer.sign(image.manifest);
      const value = createHash("sha256").update(image.manifest).digest("hex");
      const content = Buffer.from(signer.publicKeyPem).toString("base64");
      const body = JSON.stringify({
        apiVersion: "0.0.1",
        kind: "hashedrekord",
        spec: {
          data: { hash: { algorithm: "sha256", value } },
          signature: { content: signature.toString("base64"), publicKey: { content } },
        },
      });
      const bodies = Array.from({ length: size }, (_, at) => (at === index ? body : `${at}`));
      const entry = {
        logId: { keyId: Buffer.from(sigstore.rekorId, "hex").toString("base64") },
        inclusionProof: prove(sigstore.rekor, bodies, index),
        canonicalizedBody: Buffer.from(body).toString("base64"),
      };
      const bundle = {
        mediaType: BUNDLE_V03,
        verificationMaterial: { publicKey: { hint: "" }, tlogEntries: [entry] },
        messageSignature: messageOf(image, signature),
      };
      const [result] = verify(
        image,
        [layerOf(image, bundle)],
        parseTrust([keyEntry("release", signer)], roots),
      );
      expect([size, index, result?.reason]).toEqual([
        size,
        index,
        "a trusted signer signed this image",
      ]);
    }
  }
});

function messageOf({ manifest }: Image, signature: Buffer) {
  const digest = createHash("sha256").update(manifest).digest("base64");
  return {
    messageDigest: { algorithm: "SHA2_256", digest },
    signature: signature.toString("base64"),
  };
}

test("by a key: a message and a statement are verified, others' and changed ones are not", async () => {
  const image = await makeImage();
  const signer = makeSigner();
  const byKey = parseTrust([keyEntry("release", signer)]);
  const verificationMaterial = { publicKey: { hint: "" } };
  const message = {
    mediaType: BUNDLE_V03,
    verificationMaterial,
    messageSignature: messageOf(image, signer.sign(image.manifest)),
  };
  const text = statementOf(image);
  const statement = {
    mediaType: BUNDLE_V03,
    verificationMaterial,
    dsseEnvelope: envelopeOf(text, signer.sign(encoded(text))),
  };
  const layers = [message, statement].map((bundle) => layerOf(image, bundle));
  expect(verify(image, layers, byKey).map(({ state }) => state)).toEqual(["verified", "verified"]);
  const stranger = parseTrust([keyEntry("other", makeSigner())]);
  expect(verify(image, layers, stranger).map(({ state }) => state)).toEqual([
    "unverified",
    "unverified",
  ]);
  const other = await makeImage("{}");
  expect(
    verify(other, layers, byKey).map(({ state, reason }) => [state, reason.split(":", 1)[0]]),
  ).toEqual([
    ["invalid", "it signs another image"],
    ["invalid", "it is about another image"],
  ]);
  // The signature of the payload alone is not one of the envelope.
  const plain = { ...statement, dsseEnvelope: envelopeOf(text, signer.sign(bytesOf(text))) };
  expect(verify(image, [layerOf(image, plain)], byKey)).toMatchObject([{ state: "unverified" }]);
});

test.each([
  [COSIGN, true],
  ["https://slsa.dev/provenance/v1", true],
  ["https://cosign.sigstore.dev/attestation/vuln/v1", false],
  ["https://spdx.dev/Document", false],
])("a statement of %s makes an image signed: %s", async (predicateType, isVouching) => {
  const { image, bundle } = await keyless(statementOf(await makeImage(), predicateType));
  const results = verify(image, [layerOf(image, bundle)], trust);
  expect(results).toMatchObject([{ state: "verified", predicateType }]);
  expect(isSigned(results)).toBe(isVouching);
});

test("bundles of all versions are read, and of other types none", async () => {
  const { image, bundle } = await keyless();
  const types = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle.v0.2+json",
    BUNDLE_V03,
    "application/vnd.dev.sigstore.bundles",
  ];
  const layers = types.map((type) => layerOf(image, bundle, type));
  expect(verify(image, layers, trust)).toHaveLength(3);
});
