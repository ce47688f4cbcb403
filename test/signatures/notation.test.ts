/** Notary Project's signatures in JWS: whose certificates and subjects count, and that each field does. */
import { constants, sign } from "node:crypto";
import { expect, test } from "vitest";
import { CODE_SIGNING } from "../../src/signatures/certificate.ts";
import { COSE_TYPE, JWS_TYPE } from "../../src/signatures/notation.ts";
import type { Image } from "../../src/signatures/signature.ts";
import { type NotationEntry, parseTrust, TrustError } from "../../src/signatures/trust.ts";
import {
  type CertificateOptions,
  extension,
  isAuthority,
  issue,
  type Issued,
  type Name,
  pemOf,
  usage,
} from "./support/der.ts";
import { bytesOf, type KeyKind, makeImage, makeSigner, NOW_MS, verify } from "./support/signer.ts";

const ACME: Name = [
  ["2.5.4.6", "US"],
  ["2.5.4.8", "WA"],
  ["2.5.4.10", "Acme, Inc."],
  ["2.5.4.3", "release"],
];
const SIGNER = "C=US, ST=WA, O=Acme, Inc., CN=release";
const authority = issue({ name: [["2.5.4.10", "root"]], extensions: [isAuthority()] });
const between = issue({
  name: [["2.5.4.10", "between"]],
  issuer: authority,
  extensions: [isAuthority(0)],
});
const ENTRY: NotationEntry = {
  kind: "notation",
  name: "acme",
  certificatesPem: [pemOf(authority)],
  identities: ["x509.subject: C=US, ST=WA, O=Acme\\, Inc."],
};

function certify(options: CertificateOptions = {}): Issued {
  return issue({ name: ACME, issuer: between, extensions: [usage(CODE_SIGNING)], ...options });
}

interface Given {
  readonly leaf?: Issued;
  readonly path?: readonly Issued[];
  readonly alg?: string;
  readonly header?: object;
  readonly digest?: string;
  readonly entry?: Partial<NotationEntry>;
  /** Changes the envelope after it was signed. */
  readonly change?: (envelope: { protected: string; payload: string; signature: string }) => object;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function resultOf(image: Image, given: Given = {}) {
  const leaf = given.leaf ?? certify();
  const alg = given.alg ?? "ES256";
  const header = {
    alg,
    cty: "application/vnd.cncf.notary.payload.v1+json",
    crit: ["io.cncf.notary.signingScheme"],
    "io.cncf.notary.signingScheme": "notary.x509",
    "io.cncf.notary.signingTime": "2026-05-01T00:00:00Z",
    ...given.header,
  };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const targetArtifact = {
    mediaType,
    digest: given.digest ?? image.digest,
    size: image.manifest.length,
  };
  const [protectedText, payload] = [encode(header), encode({ targetArtifact })];
  // workerd takes options only with the bytes of a key.
  const pkcs8 = leaf.signer.privateKey.export({ type: "pkcs8", format: "der" });
  const key = { key: pkcs8, format: "der", type: "pkcs8" } as const;
  const how = alg.startsWith("PS")
    ? { ...key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: Number(alg.slice(2)) / 8 }
    : { ...key, dsaEncoding: "ieee-p1363" as const };
  const signed = sign(`sha${alg.slice(2)}`, Buffer.from(`${protectedText}.${payload}`), how);
  const path = [leaf, ...(given.path ?? [between, authority])];
  const envelope = {
    protected: protectedText,
    payload,
    signature: signed.toString("base64url"),
    header: {
      x5c: path.map(({ der }) => der.toString("base64")),
      "io.cncf.notary.signingAgent": "Notation/1.0.0",
    },
  };
  const bytes = bytesOf(JSON.stringify({ ...envelope, ...given.change?.(envelope) }));
  const layer = { mediaType: JWS_TYPE, digest: image.digest, bytes, annotations: {} };
  return verify(image, [layer], parseTrust([{ ...ENTRY, ...given.entry }]))[0];
}

const VERIFIED = { format: "notation", state: "verified", by: "acme", signer: SIGNER };
const rsa = (modulusLength: number): KeyKind => ({ type: "rsa", options: { modulusLength } });

test.each<[string, Given]>([
  ["ES256", {}],
  [
    "ES384",
    {
      alg: "ES384",
      leaf: certify({ signer: makeSigner({ type: "ec", options: { namedCurve: "P-384" } }) }),
    },
  ],
  [
    "ES512",
    {
      alg: "ES512",
      leaf: certify({ signer: makeSigner({ type: "ec", options: { namedCurve: "P-521" } }) }),
    },
  ],
  ["PS256", { alg: "PS256", leaf: certify({ signer: makeSigner(rsa(2048)) }) }],
  ["PS384", { alg: "PS384", leaf: certify({ signer: makeSigner(rsa(3072)) }) }],
  ["a part of the path", { entry: { certificatesPem: [pemOf(between)] }, path: [] }],
  ["any subject", { entry: { identities: ["*"] } }],
  [
    "the second identity",
    { entry: { identities: ["x509.subject: O=other", "x509.subject: CN=release"] } },
  ],
  ["a certificate without purposes", { leaf: certify({ extensions: [] }) }],
  ["an expiry to come", { header: { "io.cncf.notary.expiry": "2027-01-01T00:00:00Z" } }],
])("notation's signature with %s is verified", async (_, given) => {
  expect(resultOf(await makeImage(), given)).toMatchObject(VERIFIED);
});

test("a certificate that signed itself is trusted if it is named", async () => {
  const leaf = issue({ name: ACME, extensions: [usage(CODE_SIGNING)] });
  const image = await makeImage();
  const entry = { certificatesPem: [pemOf(leaf)] };
  expect(resultOf(image, { leaf, path: [], entry })).toMatchObject(VERIFIED);
  expect(resultOf(image, { leaf, path: [] })).toMatchObject({ state: "unverified" });
});

const OTHER = `sha256:${"0".repeat(64)}`;
const NOT_ISSUED = "the certificate was not issued by a trusted authority";
const CHANGED = "the certificate's key did not make it: it was changed, or the certificate was";
const notAuthority = issue({ name: [["2.5.4.10", "none"]], issuer: authority });
const tooDeep = issue({
  name: [["2.5.4.10", "deep"]],
  issuer: between,
  extensions: [isAuthority()],
});
const impostor = issue({ name: [["2.5.4.10", "root"]], extensions: [isAuthority()] });

test.each<[string, Given, "unverified" | "invalid", string]>([
  ["another image", { digest: OTHER }, "invalid", `it signs another image: "${OTHER}"`],
  [
    "another subject",
    { entry: { identities: ["x509.subject: C=US, ST=WA, O=Acme"] } },
    "unverified",
    "nobody whom the namespace trusts made it",
  ],
  [
    "another authority of the same name",
    { entry: { certificatesPem: [pemOf(impostor)] } },
    "unverified",
    NOT_ISSUED,
  ],
  [
    "a path to another authority",
    { leaf: certify({ issuer: impostor }), path: [impostor] },
    "unverified",
    NOT_ISSUED,
  ],
  [
    "a path over a certificate that is no authority's",
    { leaf: certify({ issuer: notAuthority }), path: [notAuthority, authority] },
    "unverified",
    NOT_ISSUED,
  ],
  [
    "a path over an authority below one that may have none",
    { leaf: certify({ issuer: tooDeep }), path: [tooDeep, between, authority] },
    "unverified",
    NOT_ISSUED,
  ],
  ["no path", { path: [] }, "unverified", NOT_ISSUED],
  [
    "an expired certificate",
    { leaf: certify({ toMs: NOW_MS - 1000 }) },
    "unverified",
    "the certificate had expired when it was used",
  ],
  [
    "an expired signature",
    { header: { "io.cncf.notary.expiry": "2026-05-31T00:00:00Z" } },
    "unverified",
    "it has expired",
  ],
  [
    "a certificate for times",
    { leaf: certify({ extensions: [usage("1.3.6.1.5.5.7.3.8")] }) },
    "unverified",
    "the certificate is for another purpose",
  ],
  [
    "a certificate for agreeing on keys",
    { leaf: certify({ extensions: [extension("2.5.29.15", Buffer.of(3, 2, 3, 8), true)] }) },
    "unverified",
    "the certificate is for no signatures",
  ],
  [
    "an attribute twice",
    { leaf: certify({ name: [...ACME, ["2.5.4.10", "Other"]] }) },
    "unverified",
    "the certificate's subject has an attribute twice",
  ],
  [
    "an unknown critical header",
    { header: { crit: ["io.cncf.notary.signingScheme", "b64"] } },
    "unverified",
    'it has a critical header that is not understood: "b64"',
  ],
  [
    "another scheme",
    { header: { "io.cncf.notary.signingScheme": "notary.x509.signingAuthority" } },
    "unverified",
    'its signing scheme is not supported: "notary.x509.signingAuthority"',
  ],
  [
    "another algorithm",
    { header: { alg: "PS256" } },
    "invalid",
    "its algorithm PS256 is not the one of the certificate's key",
  ],
  [
    "no algorithm",
    { header: { alg: "none" } },
    "invalid",
    "its header is malformed: alg has not the form that it must have",
  ],
  [
    "a changed payload",
    {
      change: ({ payload }) => ({
        payload: payload.slice(0, -4) + Buffer.from("} }").toString("base64url"),
      }),
    },
    "invalid",
    "the payload is no JSON",
  ],
  [
    "a changed header",
    {
      change: (envelope) => ({
        protected: Buffer.from(
          `${Buffer.from(envelope.protected, "base64url").toString()} `,
        ).toString("base64url"),
      }),
    },
    "invalid",
    CHANGED,
  ],
  [
    "a changed signature",
    {
      change: ({ signature }) => ({
        signature: (signature.startsWith("A") ? "B" : "A") + signature.slice(1),
      }),
    },
    "invalid",
    CHANGED,
  ],
  [
    "no certificate",
    { change: () => ({ header: { x5c: [] } }) },
    "invalid",
    "the envelope is malformed: header.x5c has not the form that it must have",
  ],
  [
    "a malformed certificate",
    { change: () => ({ header: { x5c: ["AAAA"] } }) },
    "invalid",
    "a certificate is malformed",
  ],
])("notation's signature with %s is refused", async (_, given, state, reason) => {
  expect(resultOf(await makeImage(), given)).toMatchObject({ state, reason, by: null });
});

test("COSE is told, and not verified", async () => {
  const image = await makeImage();
  const layer = {
    mediaType: COSE_TYPE,
    digest: image.digest,
    bytes: Uint8Array.of(0xd2),
    annotations: {},
  };
  expect(verify(image, [layer], parseTrust([]))).toMatchObject([
    { format: "notation", state: "unverified", reason: "not verified: COSE" },
  ]);
});

test.each<[Partial<NotationEntry>, string]>([
  [{ certificatesPem: [] }, '"acme" has not 1 to 10 certificates.'],
  [{ certificatesPem: ["none"] }, '"acme" has a certificate that cannot be read.'],
  [{ identities: [] }, '"acme" has not 1 to 20 identities.'],
  [
    { identities: ["O=acme"] },
    '"acme" has an identity unlike "x509.subject: C=US, ST=WA, O=acme".',
  ],
  [{ identities: ["x509.subject:"] }, '"acme" has an identity unlike'],
  [{ identities: ["x509.subject: O=a, O=b"] }, '"acme" has an identity unlike'],
  [{ identities: ["x509.subject: DC=a"] }, '"acme" has an identity unlike'],
  [{ identities: ["x509.subject: O=a, nonsense"] }, '"acme" has an identity unlike'],
])("an entry that cannot be used is refused when it is given: %j", (change, reason) => {
  const parse = () => parseTrust([{ ...ENTRY, ...change }]);
  expect(parse).toThrow(TrustError);
  expect(parse).toThrow(reason);
});
