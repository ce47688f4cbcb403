/** cosign's own format, signed by keys that the test makes. */
import { expect, test } from "vitest";
import type { Attached } from "../../src/signatures/signature.ts";
import { parseTrust, TrustError } from "../../src/signatures/trust.ts";
import { isSigned, MAX_ATTACHED_BYTES, MAX_SIGNATURES } from "../../src/signatures/verify.ts";
import {
  bytesOf,
  EC,
  keyEntry,
  type KeyKind,
  makeImage,
  makeSigner,
  payloadOf,
  simpleSigning,
  verify,
} from "./support/signer.ts";

const OTHER = `sha256:${"0".repeat(64)}`;
const NO_KEY = "no trusted key made it: it is by another key, or was changed";

test.each<[string, KeyKind, string]>([
  ["P-256", EC, "sha256"],
  ["P-384 with its own hash", { type: "ec", options: { namedCurve: "P-384" } }, "sha384"],
  ["P-384 as cosign signs", { type: "ec", options: { namedCurve: "P-384" } }, "sha256"],
  ["P-521 with its own hash", { type: "ec", options: { namedCurve: "P-521" } }, "sha512"],
  ["P-521 as cosign signs", { type: "ec", options: { namedCurve: "P-521" } }, "sha256"],
  ["RSA of 2048 bits", { type: "rsa", options: { modulusLength: 2048 } }, "sha256"],
  ["Ed25519", { type: "ed25519", options: {} }, ""],
])("a signature by a trusted key of %s is verified", async (_, kind, hash) => {
  const image = await makeImage();
  const signer = makeSigner(kind, hash);
  const signature = await simpleSigning(image, signer);
  const trust = parseTrust([keyEntry("stranger", makeSigner()), keyEntry("release", signer)]);
  const results = verify(image, [signature], trust);
  expect(results).toEqual([
    {
      format: "cosign",
      digest: signature.digest,
      state: "verified",
      by: "release",
      signer: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      predicateType: null,
      reason: "a trusted signer signed this image",
      signedAtMs: null,
    },
  ]);
  expect(isSigned(results)).toBe(true);
});

test.each<
  [string, "unverified" | "invalid", (valid: Attached) => Partial<Attached>, RegExp | string]
>([
  [
    "another digest",
    "invalid",
    () => ({ bytes: bytesOf(payloadOf(OTHER)) }),
    `it signs another image: "${OTHER}"`,
  ],
  [
    "another type",
    "invalid",
    ({ bytes }) => ({ bytes: bytesOf(textOf(bytes).replace("cosign container", "some")) }),
    'the signed payload is of the type "some image signature"',
  ],
  [
    "a changed payload",
    "unverified",
    ({ bytes }) => ({
      bytes: bytesOf(textOf(bytes).replace("example.com/app", "example.com/evil")),
    }),
    NO_KEY,
  ],
  ["a byte more", "unverified", ({ bytes }) => ({ bytes: bytesOf(`${textOf(bytes)} `) }), NO_KEY],
  ["no JSON", "invalid", () => ({ bytes: bytesOf("{") }), "the signed payload is no JSON"],
  [
    "no UTF-8",
    "invalid",
    () => ({ bytes: Uint8Array.of(0x22, 0xff, 0x22) }),
    "the signed payload is no JSON",
  ],
  [
    "no digest",
    "invalid",
    () => ({ bytes: bytesOf('{"critical":{"image":{},"type":""}}') }),
    "the signed payload is malformed: critical.image.docker-manifest-digest is missing",
  ],
  ["no object", "invalid", () => ({ bytes: bytesOf("null") }), /^the signed payload is malformed/],
  [
    "no signature",
    "invalid",
    () => ({ annotations: {} }),
    "the annotation dev.cosignproject.cosign/signature is missing",
  ],
  [
    "a signature that is no base64",
    "invalid",
    () => ({ annotations: { "dev.cosignproject.cosign/signature": "?" } }),
    "the annotation dev.cosignproject.cosign/signature is no base64",
  ],
  [
    "an empty signature",
    "unverified",
    () => ({ annotations: { "dev.cosignproject.cosign/signature": "" } }),
    NO_KEY,
  ],
  [
    "too many bytes",
    "invalid",
    () => ({ bytes: new Uint8Array(MAX_ATTACHED_BYTES + 1) }),
    `it is larger than ${MAX_ATTACHED_BYTES} bytes`,
  ],
])("a signature with %s is %s", async (_, state, change, reason) => {
  const image = await makeImage();
  const signer = makeSigner();
  const valid = await simpleSigning(image, signer);
  const trust = parseTrust([keyEntry("release", signer)]);
  expect(isSigned(verify(image, [valid], trust))).toBe(true);
  const results = verify(image, [{ ...valid, ...change(valid) }], trust);
  expect(results).toMatchObject([{ state, by: null, signer: null, signedAtMs: null }]);
  expect(results[0]?.reason).toMatch(typeof reason === "string" ? literal(reason) : reason);
  expect(isSigned(results)).toBe(false);
});

test("each bit of a signature counts", async () => {
  const image = await makeImage();
  const signer = makeSigner({ type: "ed25519", options: {} });
  const valid = await simpleSigning(image, signer);
  const trust = parseTrust([keyEntry("release", signer)]);
  const bytes = Buffer.from(
    valid.annotations["dev.cosignproject.cosign/signature"] ?? "",
    "base64",
  );
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const annotations = { "dev.cosignproject.cosign/signature": changed.toString("base64") };
    expect(isSigned(verify(image, [{ ...valid, annotations }], trust))).toBe(false);
  }
});

test("one verified signature suffices, other layers are left out, and too many are not looked at", async () => {
  const image = await makeImage();
  const signer = makeSigner();
  const valid = await simpleSigning(image, signer);
  const bogus = { ...valid, annotations: {} };
  const trust = parseTrust([keyEntry("release", signer)]);
  const layer = { ...valid, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" };
  const results = verify(image, [bogus, layer, valid], trust);
  expect(results.map(({ state }) => state)).toEqual(["invalid", "verified"]);
  const many = Array.from({ length: MAX_SIGNATURES }, () => bogus);
  const last = verify(image, [...many, valid], trust).at(-1);
  expect(last).toMatchObject({
    state: "unverified",
    reason: `only the first ${MAX_SIGNATURES} signatures are verified`,
  });
  expect(isSigned(verify(image, [valid], parseTrust([])))).toBe(false);
  expect(isSigned([])).toBe(false);
});

test.each([
  ["no PEM", "it is no PEM of a PUBLIC KEY"],
  ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "its bytes are no public key"],
  [`-----BEGIN PUBLIC KEY-----\n${"A".repeat(9_000)}\n-----END PUBLIC KEY-----`, "no PEM"],
  [
    makeSigner({ type: "rsa", options: { modulusLength: 1024 } }).publicKeyPem,
    "it is of RSA with 1024 bits",
  ],
  [
    makeSigner({ type: "ec", options: { namedCurve: "P-224" } }).publicKeyPem,
    "its curve is none of",
  ],
])("a key that cannot be used is refused when it is given", (publicKeyPem, reason) => {
  const parse = () => parseTrust([{ kind: "key", name: "release", publicKeyPem }]);
  expect(parse).toThrow(TrustError);
  expect(parse).toThrow(`The key of "release" cannot be used: `);
  expect(parse).toThrow(reason);
});

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function literal(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}

test("more trust entries than are compared are refused", () => {
  const entry = keyEntry("release", makeSigner());
  const many = (count: number) => parseTrust(Array.from({ length: count }, () => entry));
  expect(many(20).keys).toHaveLength(20);
  expect(() => many(21)).toThrow("There are more than 20 trust entries.");
});

test.each(["", "*", "***"])("the identity %j, which everybody has, is refused", (identity) => {
  const entry = { kind: "keyless", name: "ci", issuer: "https://example.com", identity } as const;
  expect(() => parseTrust([entry])).toThrow('The identity of "ci" is one that everybody has.');
  const noIssuer = { ...entry, identity: "a@example.com", issuer: "" };
  expect(() => parseTrust([noIssuer])).toThrow('The issuer of "ci" is empty.');
});
