/** Keyless signatures in cosign's own format: what proves one, and that each part of the proof counts. */
import { expect, test } from "vitest";
import { CODE_SIGNING } from "../../src/signatures/certificate.ts";
import { parseTrust, type KeylessEntry } from "../../src/signatures/trust.ts";
import type { TrustRoots } from "../../src/signatures/trusted-root.ts";
import {
  extension,
  isAuthority,
  issue,
  type Issued,
  pemOf,
  sequence,
  stamp,
  usage,
} from "./support/der.ts";
import {
  email,
  hashedRekord,
  ISSUER,
  issuedFor,
  makeSigstore,
  type RekorBundle,
  rootsOf,
  type Sigstore,
  SUBJECT,
  trustedRootOf,
  uri,
} from "./support/sigstore.ts";
import {
  keyEntry,
  makeImage,
  makeSigner,
  NOW_MS,
  simpleSigning,
  verify,
} from "./support/signer.ts";

const sigstore = makeSigstore();
const roots = rootsOf(sigstore.trustedRoot);
const ENTRY: KeylessEntry = {
  kind: "keyless",
  name: "ci",
  issuer: ISSUER,
  identity: "https://github.com/acme/*",
};
const MINUTE_MS = 60_000;

interface Given {
  readonly certificate?: Issued;
  /** Who signs, if it is not the certificate's key. */
  readonly signer?: Issued;
  readonly bundle?: ((valid: RekorBundle, body: string) => RekorBundle | null) | undefined;
  readonly stamp?: (signature: Buffer) => Buffer;
  readonly entry?: Partial<KeylessEntry>;
  readonly roots?: TrustRoots;
  readonly servers?: Sigstore;
}

async function resultOf(given: Given) {
  const servers = given.servers ?? sigstore;
  const image = await makeImage();
  const certificate = given.certificate ?? servers.certify();
  const plain = await simpleSigning(image, (given.signer ?? certificate).signer);
  const signature = Buffer.from(
    plain.annotations["dev.cosignproject.cosign/signature"] ?? "",
    "base64",
  );
  const body = hashedRekord(plain.bytes, signature, pemOf(certificate));
  const valid = servers.log(body);
  const bundle = given.bundle === undefined ? valid : given.bundle(valid, body);
  const annotations: Record<string, string> = {
    ...plain.annotations,
    "dev.sigstore.cosign/certificate": pemOf(certificate),
  };
  if (bundle !== null) annotations["dev.sigstore.cosign/bundle"] = JSON.stringify(bundle);
  if (given.stamp !== undefined) {
    const SignedRFC3161Timestamp = given.stamp(signature).toString("base64");
    annotations["dev.sigstore.cosign/rfc3161timestamp"] = JSON.stringify({
      SignedRFC3161Timestamp,
    });
  }
  const trust = parseTrust([{ ...ENTRY, ...given.entry }], given.roots ?? roots);
  const [result] = verify(image, [{ ...plain, annotations }], trust);
  return result;
}

const VERIFIED = { state: "verified", by: "ci", signer: `${ISSUER} ${SUBJECT}` };
const noLog = rootsOf({ ...sigstore.trustedRoot, tlogs: [] });

test.each<[string, Given, object]>([
  ["a logged signature", {}, { signedAtMs: NOW_MS + MINUTE_MS }],
  ["an exact identity", { entry: { identity: SUBJECT } }, {}],
  [
    "an e-mail address",
    {
      certificate: sigstore.certify({ extensions: issuedFor([email("a@example.com")]) }),
      entry: { identity: "*@example.com" },
    },
    { signer: `${ISSUER} a@example.com` },
  ],
  [
    "the issuer as Fulcio wrote it once",
    { certificate: sigstore.certify({ extensions: issuedFor().slice(0, 3) }) },
    {},
  ],
  [
    "a timestamp where there is no log",
    { bundle: () => null, stamp: (signature) => sigstore.stamp(signature), roots: noLog },
    { signedAtMs: NOW_MS + MINUTE_MS },
  ],
  [
    "a log and a timestamp, of which the earlier is told",
    { stamp: (signature) => sigstore.stamp(signature, NOW_MS + 1000) },
    { signedAtMs: NOW_MS + 1000 },
  ],
])("%s is verified", async (_, given, expected) => {
  expect(await resultOf(given)).toMatchObject({ ...VERIFIED, ...expected });
});

const stranger = makeSigstore();
const NOBODY = "nobody whom the namespace trusts made it";
const NOT_ISSUED = "the certificate was not issued by a trusted authority";
const NO_TIME =
  "no trusted log or timestamp authority says when it was made, and its certificate holds for some minutes only";
const UNSIGNED_TIME = "the transparency log did not sign the entry's time";
const codeRoot = issue({ name: [["2.5.4.10", "code"]], extensions: [isAuthority()] });
const codeSigner = issue({ issuer: codeRoot, extensions: [usage(CODE_SIGNING)] });
const notCa = sigstore.certify();

test.each<[string, Given, "unverified" | "invalid", string]>([
  ["another issuer", { entry: { issuer: "https://accounts.google.com" } }, "unverified", NOBODY],
  ["an issuer with a slash more", { entry: { issuer: `${ISSUER}/` } }, "unverified", NOBODY],
  ["another identity", { entry: { identity: "https://github.com/evil/*" } }, "unverified", NOBODY],
  ["a longer identity", { entry: { identity: SUBJECT.slice(0, -1) } }, "unverified", NOBODY],
  [
    "another root",
    { servers: stranger, roots: { ...roots, logs: rootsOf(stranger.trustedRoot).logs } },
    "unverified",
    NOT_ISSUED,
  ],
  ["another log", { servers: stranger }, "unverified", "no trusted transparency log holds it"],
  ["no log", { bundle: () => null }, "unverified", "no trusted transparency log holds it"],
  ["no time", { bundle: () => null, roots: noLog }, "unverified", NO_TIME],
  ["no roots at all", { roots: rootsOf(trustedRootOf([], [], null)) }, "unverified", NO_TIME],
  [
    "a time after the certificate's",
    { bundle: (_, body) => sigstore.log(body, { timeMs: NOW_MS + 11 * MINUTE_MS }) },
    "unverified",
    "the certificate had expired when it was used",
  ],
  [
    "a time before the certificate's",
    { bundle: (_, body) => sigstore.log(body, { timeMs: NOW_MS - 1000 }) },
    "unverified",
    "the certificate was not valid yet when it was used",
  ],
  [
    "two times, of which one is after the certificate's",
    { stamp: (signature) => sigstore.stamp(signature, NOW_MS + 11 * MINUTE_MS) },
    "unverified",
    "the certificate had expired when it was used",
  ],
  [
    "a promise of another log",
    { bundle: (_, body) => sigstore.log(body, { by: makeSigner() }) },
    "invalid",
    UNSIGNED_TIME,
  ],
  [
    "a changed time",
    {
      bundle: (valid) => ({
        ...valid,
        Payload: { ...valid.Payload, integratedTime: valid.Payload.integratedTime + 1 },
      }),
    },
    "invalid",
    UNSIGNED_TIME,
  ],
  [
    "a changed index",
    { bundle: (valid) => ({ ...valid, Payload: { ...valid.Payload, logIndex: 8 } }) },
    "invalid",
    UNSIGNED_TIME,
  ],
  [
    "another log's id",
    { bundle: (valid) => ({ ...valid, Payload: { ...valid.Payload, logID: stranger.rekorId } }) },
    "unverified",
    "no trusted transparency log holds it",
  ],
  [
    "an entry of other content",
    {
      bundle: (_, body) =>
        sigstore.log(changed(body, (spec) => (spec.data.hash.value = "00".repeat(32)))),
    },
    "invalid",
    "the entry of the transparency log is about another content",
  ],
  [
    "an entry of another signature",
    {
      bundle: (_, body) => sigstore.log(changed(body, (spec) => (spec.signature.content = "AAAA"))),
    },
    "invalid",
    "the entry of the transparency log is about another signature",
  ],
  [
    "an entry of another signer",
    {
      bundle: (_, body) =>
        sigstore.log(
          changed(body, (spec) => {
            spec.signature.publicKey.content = Buffer.from(pemOf(notCa)).toString("base64");
          }),
        ),
    },
    "invalid",
    "the entry of the transparency log is about another signer",
  ],
  [
    "an entry of an unknown kind",
    { bundle: (_, body) => sigstore.log(body.replace('"0.0.1"', '"9.9.9"')) },
    "invalid",
    'the entry of the transparency log is of an unknown kind: "hashedrekord 9.9.9"',
  ],
  [
    "an entry that is no JSON",
    { bundle: () => sigstore.log("{") },
    "invalid",
    "the entry of the transparency log is no JSON",
  ],
  [
    "another key's signature",
    { signer: sigstore.certify() },
    "invalid",
    "the certificate's key did not make it: it was changed, or the certificate was",
  ],
  [
    "a timestamp of another signature",
    { stamp: () => sigstore.stamp(Buffer.from("other")) },
    "invalid",
    "the timestamp is of another signature, or its authority did not sign it",
  ],
  [
    "a changed timestamp",
    { stamp: (signature) => flip(sigstore.stamp(signature), -1) },
    "invalid",
    "the timestamp is of another signature, or its authority did not sign it",
  ],
  [
    "a malformed timestamp",
    { stamp: () => Buffer.of(0x30, 0) },
    "invalid",
    "a timestamp is malformed",
  ],
  [
    "a timestamp of another authority",
    { bundle: () => null, stamp: (signature) => stranger.stamp(signature), roots: noLog },
    "unverified",
    NO_TIME,
  ],
  [
    "a certificate that a signer issued",
    { certificate: issue({ issuer: notCa, extensions: issuedFor() }) },
    "unverified",
    NOT_ISSUED,
  ],
  [
    "a certificate for servers",
    {
      certificate: sigstore.certify({
        extensions: [usage("1.3.6.1.5.5.7.3.1"), ...issuedFor().slice(1)],
      }),
    },
    "unverified",
    "the certificate is for another purpose",
  ],
  [
    "a certificate for no purpose",
    { certificate: sigstore.certify({ extensions: issuedFor().slice(1) }) },
    "unverified",
    "the certificate is for another purpose",
  ],
  [
    "an authority's certificate",
    { certificate: sigstore.certify({ extensions: [isAuthority(), ...issuedFor()] }) },
    "unverified",
    "the certificate is an authority's",
  ],
  [
    "a critical extension that is not understood",
    {
      certificate: sigstore.certify({
        extensions: [...issuedFor(), extension("1.2.3.4", sequence(), true)],
      }),
    },
    "unverified",
    "the certificate has a critical extension that is not understood",
  ],
  [
    "two identities",
    {
      certificate: sigstore.certify({
        extensions: issuedFor([uri(SUBJECT), email("a@example.com")]),
      }),
    },
    "unverified",
    "the certificate does not name one issuer and one identity",
  ],
  [
    "no identity",
    { certificate: sigstore.certify({ extensions: [usage(CODE_SIGNING)] }) },
    "unverified",
    "the certificate does not name one issuer and one identity",
  ],
  [
    "a timestamp of a certificate for another purpose",
    {
      bundle: () => null,
      stamp: (signature) => stamp(codeSigner, codeRoot, signature, NOW_MS),
      roots: rootsOf(trustedRootOf([sigstore.fulcio], [codeSigner, codeRoot], null)),
    },
    "invalid",
    "the timestamp's certificate is for another purpose",
  ],
  [
    "a timestamp of an authority that had ended",
    {
      bundle: () => null,
      stamp: (signature) => sigstore.stamp(signature),
      roots: {
        ...noLog,
        timestampAuthorities: noLog.timestampAuthorities.map((one) => ({
          ...one,
          validToMs: NOW_MS,
        })),
      },
    },
    "invalid",
    "the timestamp's certificate was not valid at that time",
  ],
  [
    "an authority that had ended",
    {
      roots: {
        ...roots,
        certificateAuthorities: roots.certificateAuthorities.map((one) => ({
          ...one,
          validToMs: NOW_MS,
        })),
      },
    },
    "unverified",
    NOT_ISSUED,
  ],
  [
    "a log's key that had ended",
    { roots: { ...roots, logs: roots.logs.map((one) => ({ ...one, validToMs: NOW_MS })) } },
    "invalid",
    "the transparency log's key was not valid at the entry's time",
  ],
])("a keyless signature with %s is refused", async (_, given, state, reason) => {
  expect(await resultOf(given)).toMatchObject({ state, reason, by: null, signedAtMs: null });
});

test("a log's entry of a signature by a key is told if the log is trusted, and counts if it is", async () => {
  const image = await makeImage();
  const signer = makeSigner();
  const plain = await simpleSigning(image, signer);
  const signature = Buffer.from(
    plain.annotations["dev.cosignproject.cosign/signature"] ?? "",
    "base64",
  );
  const trust = parseTrust([keyEntry("release", signer)], roots);
  const resultWith = (bundle: RekorBundle) => {
    const annotations = {
      ...plain.annotations,
      "dev.sigstore.cosign/bundle": JSON.stringify(bundle),
    };
    return verify(image, [{ ...plain, annotations }], trust)[0];
  };
  const body = hashedRekord(plain.bytes, signature, signer.publicKeyPem);
  const verified = { state: "verified", by: "release" };
  const signedAtMs = NOW_MS + MINUTE_MS;
  expect(resultWith(sigstore.log(body))).toMatchObject({ ...verified, signedAtMs });
  expect(resultWith(stranger.log(body))).toMatchObject({ ...verified, signedAtMs: null });
  const other = hashedRekord(plain.bytes, signature, makeSigner().publicKeyPem);
  expect(resultWith(sigstore.log(other))).toMatchObject({
    state: "invalid",
    reason: "the entry of the transparency log is about another signer",
  });
});

test("each byte of the certificate counts", async () => {
  const certificate = sigstore.certify();
  const noEntry = {
    bundle: () => null,
    stamp: (signature: Buffer) => sigstore.stamp(signature),
    roots: noLog,
  };
  expect(await resultOf({ certificate, ...noEntry })).toMatchObject(VERIFIED);
  for (let at = 0; at < certificate.der.length; at++) {
    const der = flip(certificate.der, at);
    const result = await resultOf({ certificate: { ...certificate, der }, ...noEntry });
    expect([at, result?.state]).not.toEqual([at, "verified"]);
  }
});

interface LogSpec {
  data: { hash: { value: string } };
  signature: { content: string; publicKey: { content: string } };
}

function changed(body: string, change: (spec: LogSpec) => void): string {
  const entry = JSON.parse(body) as { spec: LogSpec };
  change(entry.spec);
  return JSON.stringify(entry);
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}
