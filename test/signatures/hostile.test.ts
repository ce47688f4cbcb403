/** What no signer would attach: it is told as invalid or unverified, soon, and nothing is thrown. */
import { expect, inject, test } from "vitest";
import { BUNDLE_V03 } from "../../src/signatures/bundle.ts";
import { COSE_TYPE, JWS_TYPE } from "../../src/signatures/notation.ts";
import { SIMPLE_SIGNING_TYPE } from "../../src/signatures/simple-signing.ts";
import type { Attached, Image } from "../../src/signatures/signature.ts";
import { parseTrust } from "../../src/signatures/trust.ts";
import { parseTrustedRoot, TrustedRootError } from "../../src/signatures/trusted-root.ts";
import { MAX_ATTACHED_BYTES } from "../../src/signatures/verify.ts";
import sigstore from "./fixtures/sigstore-public.json";
import { octets, tlv } from "./support/der.ts";
import { bytesOf, makeImage, verify } from "./support/signer.ts";

const roots = parseTrustedRoot(JSON.stringify(sigstore.trustedRoot));
const issuer = "https://github.com/login/oauth";
const trust = parseTrust([{ kind: "keyless", name: "all", issuer, identity: "*@*" }], roots);
const TYPES = [SIMPLE_SIGNING_TYPE, BUNDLE_V03, JWS_TYPE, COSE_TYPE];

function layerOf({ digest }: Image, mediaType: string, text: string): Attached {
  return { mediaType, digest, bytes: bytesOf(text), annotations: {} };
}

function deep(wrap: (inner: Buffer) => Buffer): Buffer {
  let bytes: Buffer = Buffer.alloc(0);
  for (let depth = 0; depth < 3_000; depth++) bytes = wrap(bytes);
  return bytes;
}

test.each([
  ["nothing", ""],
  ["a number", "1"],
  ["null", "null"],
  ["a list", "[]"],
  ["deep lists", "[".repeat(1_000_000)],
  ["closed deep lists", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ["deep objects", '{"verificationMaterial":'.repeat(50_000)],
  ["a prototype", '{"__proto__":{"critical":{}},"constructor":{}}'],
  ["one string", JSON.stringify("a".repeat(MAX_ATTACHED_BYTES - 2))],
  ["many members", `{${Array.from({ length: 100_000 }, (_, at) => `"${at}":0`).join()}}`],
])("%s is refused as each format", async (_, text) => {
  const image = await makeImage();
  for (const type of TYPES) {
    const [result] = verify(image, [layerOf(image, type, text)], trust);
    expect(result?.state).toBe(type === COSE_TYPE ? "unverified" : "invalid");
    expect(result?.reason.length).toBeLessThan(400);
  }
});

test.each([
  ["deep sequences", deep((inner) => tlv(0x30, inner))],
  ["deep octet strings", deep((inner) => octets(inner))],
  ["a length beyond the end", Buffer.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff)],
  ["no length", Buffer.of(0x30)],
  ["many small parts", tlv(0x30, Buffer.alloc(12_000, Buffer.of(0x05, 0x00)))],
])("%s as a certificate and as a timestamp are malformed", async (_, der) => {
  const image = await makeImage(sigstore.message);
  const rawBytes = der.toString("base64");
  const { rekor1 } = sigstore;
  const { tlogEntries } = rekor1.verificationMaterial;
  const asCertificate = {
    ...rekor1,
    verificationMaterial: { tlogEntries, certificate: { rawBytes } },
  };
  const timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp: rawBytes }] };
  const asTimestamp = {
    ...rekor1,
    verificationMaterial: { ...rekor1.verificationMaterial, timestampVerificationData },
  };
  const layers = [asCertificate, asTimestamp].map((one) =>
    layerOf(image, BUNDLE_V03, JSON.stringify(one)),
  );
  expect(verify(image, layers, trust)).toMatchObject([
    { state: "invalid", reason: "a certificate is malformed" },
    { state: "invalid", reason: "a timestamp is malformed" },
  ]);
});

test("a bundle that is cut or changed anywhere never throws, and never tells of another signer", async () => {
  const image = await makeImage(sigstore.message);
  const signer = `${issuer} brian@dehamer.com`;
  const text = JSON.stringify(sigstore.rekor2);
  const step = inject("sample") === "few" ? 23 : 1;
  for (let at = 0; at < text.length; at += step) {
    const changed = `${text.slice(0, at)}${text.charAt(at) === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    for (const one of [text.slice(0, at), changed]) {
      const [result] = verify(image, [layerOf(image, BUNDLE_V03, one)], trust);
      expect([null, signer]).toContain(result?.signer);
    }
  }
});

test.each([
  ["no JSON", "{", "the trusted root is no JSON"],
  ["another type", '{"mediaType":"application/json"}', "the trusted root is malformed: mediaType"],
  ["too much", `"${"a".repeat(300_000)}"`, "the trusted root is longer than"],
  [
    "a malformed certificate",
    JSON.stringify({
      mediaType: sigstore.trustedRoot.mediaType,
      certificateAuthorities: [{ certChain: { certificates: [{ rawBytes: "AAAA" }] } }],
    }),
    "a certificate is malformed",
  ],
  [
    "a malformed key",
    JSON.stringify({
      mediaType: sigstore.trustedRoot.mediaType,
      tlogs: [{ publicKey: { rawBytes: "AAAA" }, logId: { keyId: "AAAA" } }],
    }),
    "a log's key cannot be used: its bytes are no public key",
  ],
])("a trusted root with %s is refused when it is given", (_, json, reason) => {
  expect(() => parseTrustedRoot(json)).toThrow(TrustedRootError);
  expect(() => parseTrustedRoot(json)).toThrow(reason);
});
