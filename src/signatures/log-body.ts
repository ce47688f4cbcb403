/** What an entry of the transparency log says was signed (github.com/sigstore/rekor/tree/main/pkg/types). */
import * as v from "valibot";
import { Base64, readJson } from "./read.ts";
import { invalid, quoted } from "./signature.ts";

export interface LoggedSignature {
  /** Of what: the signed bytes, or the payload of a DSSE envelope. */
  readonly hashOf: "signed" | "payload";
  readonly algorithm: "sha256" | "sha384" | "sha512";
  readonly hash: Uint8Array;
  readonly signature: Uint8Array;
  /** The DER of a public key or of a certificate. */
  readonly verifier: Uint8Array;
}

const Pem = v.pipe(
  Base64,
  v.transform((bytes) => Buffer.from(bytes).toString()),
  v.regex(/^-----BEGIN [A-Z ]+-----[A-Za-z0-9+/=\s]+-----END [A-Z ]+-----\s*$/),
  v.transform((pem): Uint8Array => Buffer.from(pem.replaceAll(/-----[A-Z ]+-----/g, ""), "base64")),
);
const HexHash = v.object({
  algorithm: v.picklist(["sha256", "sha384", "sha512"]),
  value: v.pipe(
    v.string(),
    v.hexadecimal(),
    v.transform((text): Uint8Array => Buffer.from(text, "hex")),
  ),
});

const HashedRekord1 = v.pipe(
  v.object({
    spec: v.object({
      data: v.object({ hash: HexHash }),
      signature: v.object({ content: Base64, publicKey: v.object({ content: Pem }) }),
    }),
  }),
  v.transform(({ spec: { data, signature } }): LoggedSignature => ({
    hashOf: "signed",
    algorithm: data.hash.algorithm,
    hash: data.hash.value,
    signature: signature.content,
    verifier: signature.publicKey.content,
  })),
);

const Dsse1 = v.pipe(
  v.object({
    spec: v.object({
      payloadHash: HexHash,
      signatures: v.strictTuple([v.object({ signature: Base64, verifier: Pem })]),
    }),
  }),
  v.transform(({ spec }): LoggedSignature => {
    const [{ signature, verifier }] = spec.signatures;
    const { algorithm, value: hash } = spec.payloadHash;
    return { hashOf: "payload", algorithm, hash, signature, verifier };
  }),
);

const Intoto2 = v.pipe(
  v.object({
    spec: v.object({
      content: v.object({
        envelope: v.object({
          // The signature is base64 within base64.
          signatures: v.strictTuple([
            v.object({
              sig: v.pipe(
                Base64,
                v.transform((bytes) => Buffer.from(bytes).toString()),
                Base64,
              ),
              publicKey: Pem,
            }),
          ]),
        }),
        payloadHash: HexHash,
      }),
    }),
  }),
  v.transform(({ spec: { content } }): LoggedSignature => {
    const [{ sig: signature, publicKey: verifier }] = content.envelope.signatures;
    const { algorithm, value: hash } = content.payloadHash;
    return { hashOf: "payload", algorithm, hash, signature, verifier };
  }),
);

const Hash2 = v.object({
  algorithm: v.pipe(
    v.picklist(["SHA2_256", "SHA2_384", "SHA2_512"]),
    v.transform((name) => `sha${name.slice(-3)}` as LoggedSignature["algorithm"]),
  ),
  digest: Base64,
});
const Signature2 = v.object({
  content: Base64,
  verifier: v.pipe(
    v.union([
      v.object({ x509Certificate: v.object({ rawBytes: Base64 }) }),
      v.object({ publicKey: v.object({ rawBytes: Base64 }) }),
    ]),
    v.transform((one) =>
      "publicKey" in one ? one.publicKey.rawBytes : one.x509Certificate.rawBytes,
    ),
  ),
});

const HashedRekord2 = v.pipe(
  v.object({
    spec: v.object({ hashedRekordV002: v.object({ data: Hash2, signature: Signature2 }) }),
  }),
  v.transform(({ spec: { hashedRekordV002: entry } }): LoggedSignature => {
    const { content: signature, verifier } = entry.signature;
    const { algorithm, digest: hash } = entry.data;
    return { hashOf: "signed", algorithm, hash, signature, verifier };
  }),
);

const Dsse2 = v.pipe(
  v.object({
    spec: v.object({
      dsseV002: v.object({ payloadHash: Hash2, signatures: v.strictTuple([Signature2]) }),
    }),
  }),
  v.transform(({ spec: { dsseV002: entry } }): LoggedSignature => {
    const [{ content: signature, verifier }] = entry.signatures;
    const { algorithm, digest: hash } = entry.payloadHash;
    return { hashOf: "payload", algorithm, hash, signature, verifier };
  }),
);

const BODIES: Readonly<Record<string, v.GenericSchema<unknown, LoggedSignature>>> = {
  "hashedrekord 0.0.1": HashedRekord1,
  "hashedrekord 0.0.2": HashedRekord2,
  "dsse 0.0.1": Dsse1,
  "dsse 0.0.2": Dsse2,
  "intoto 0.0.2": Intoto2,
};
const Kind = v.object({ kind: v.string(), apiVersion: v.string() });

/** @throws Refusal "invalid" */
export function readLogBody(body: Uint8Array): LoggedSignature {
  const what = "the entry of the transparency log";
  const { kind, apiVersion } = readJson(Kind, body, what);
  const name = `${kind} ${apiVersion}`;
  const schema = Object.hasOwn(BODIES, name) ? BODIES[name] : undefined;
  if (schema === undefined) throw invalid(`${what} is of an unknown kind: ${quoted(name)}`);
  return readJson(schema, body, what);
}
