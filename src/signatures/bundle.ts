import { createHash } from "node:crypto";
import { dsse } from "@sigstore/core";
import * as v from "valibot";
import { algorithmOf, hexOf } from "../oci/digest.ts";
import { MAX_PATH } from "./certificate.ts";
import { MAX_PROOF_HASHES } from "./log.ts";
import { Base64, Count, readJson, Seconds } from "./read.ts";
import { type Attached, type Image, invalid, quoted, type Verified } from "./signature.ts";
import {
  type InclusionProof,
  type LogEntry,
  type Material,
  MAX_LOG_ENTRIES,
  MAX_TIMESTAMPS,
} from "./signed.ts";
import { verifySigner } from "./signer.ts";
import type { Trust } from "./trust.ts";

export const BUNDLE_V03 = "application/vnd.dev.sigstore.bundle.v0.3+json";
/** Without its version: 0.1 to 0.3 differ in what they require, which is compared anyway. */
const BUNDLE_TYPE = /^application\/vnd\.dev\.sigstore\.bundle(?:\.v0\.[1-9]\+json|\+json(?:;.*)?)$/;
const STATEMENT_TYPE = "application/vnd.in-toto+json";
const STATEMENT_VERSIONS = ["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"];

export function isBundle(mediaType: string): boolean {
  return BUNDLE_TYPE.test(mediaType);
}

/** Integers of 64 bits are strings in protobuf's JSON. */
const Integer = v.pipe(v.string(), v.regex(/^\d{1,19}$/));
const SmallInteger = v.pipe(Integer, v.transform(Number), Count);
const BigInteger = v.pipe(
  Integer,
  v.transform((text) => BigInt(text)),
);
const RawBytes = v.object({ rawBytes: Base64 });

const Proof = v.pipe(
  v.object({
    logIndex: BigInteger,
    treeSize: BigInteger,
    rootHash: Base64,
    hashes: v.nullish(v.pipe(v.array(Base64), v.maxLength(MAX_PROOF_HASHES)), []),
    checkpoint: v.object({ envelope: v.pipe(v.string(), v.maxLength(16 * 1024)) }),
  }),
  v.transform(({ checkpoint, ...proof }): InclusionProof => {
    return { ...proof, hashes: proof.hashes ?? [], checkpoint: checkpoint.envelope };
  }),
);
const Entry = v.pipe(
  v.object({
    logIndex: v.nullish(SmallInteger, "0"),
    logId: v.object({ keyId: Base64 }),
    integratedTime: v.nullish(v.pipe(SmallInteger, Seconds), "0"),
    inclusionPromise: v.nullish(v.object({ signedEntryTimestamp: Base64 })),
    inclusionProof: v.nullish(Proof),
    canonicalizedBody: Base64,
  }),
  v.transform((entry): LogEntry => ({
    logId: Buffer.from(entry.logId.keyId).toString("hex"),
    logIndex: entry.logIndex,
    integratedTime: entry.integratedTime,
    promise: entry.inclusionPromise?.signedEntryTimestamp ?? null,
    proof: entry.inclusionProof ?? null,
    body: entry.canonicalizedBody,
  })),
);
const VerificationMaterial = v.pipe(
  v.object({
    certificate: v.nullish(RawBytes),
    x509CertificateChain: v.nullish(
      v.object({ certificates: v.pipe(v.array(RawBytes), v.maxLength(MAX_PATH)) }),
    ),
    tlogEntries: v.nullish(v.pipe(v.array(Entry), v.maxLength(MAX_LOG_ENTRIES)), []),
    timestampVerificationData: v.nullish(
      v.object({
        rfc3161Timestamps: v.nullish(
          v.pipe(v.array(v.object({ signedTimestamp: Base64 })), v.maxLength(MAX_TIMESTAMPS)),
          [],
        ),
      }),
    ),
  }),
  v.transform((material): Material => {
    // Further certificates are not needed: a trusted root has those of its authorities.
    const [first] = material.x509CertificateChain?.certificates ?? [];
    return {
      certificate: (material.certificate ?? first)?.rawBytes ?? null,
      entries: material.tlogEntries ?? [],
      timestamps: (material.timestampVerificationData?.rfc3161Timestamps ?? []).map(
        ({ signedTimestamp }) => signedTimestamp,
      ),
    };
  }),
);
const Bundle = v.object({
  mediaType: v.pipe(v.string(), v.regex(BUNDLE_TYPE)),
  verificationMaterial: VerificationMaterial,
  messageSignature: v.nullish(
    v.object({
      messageDigest: v.object({
        algorithm: v.picklist(["SHA2_256", "SHA2_384", "SHA2_512"]),
        digest: Base64,
      }),
      signature: Base64,
    }),
  ),
  dsseEnvelope: v.nullish(
    v.object({
      payload: Base64,
      payloadType: v.literal(STATEMENT_TYPE),
      signatures: v.strictTuple([v.object({ sig: Base64 })]),
    }),
  ),
});
type Bundle = v.InferOutput<typeof Bundle>;

const Statement = v.object({
  _type: v.picklist(STATEMENT_VERSIONS),
  subject: v.array(v.object({ digest: v.record(v.string(), v.string()) })),
  predicateType: v.pipe(v.string(), v.maxLength(1024)),
});

/**
 * Verifies a bundle of Sigstore: a signature of the image's manifest, or an in-toto statement about the image.
 * @throws Refusal
 */
export function verifyBundle(image: Image, { bytes }: Attached, trust: Trust): Verified {
  const bundle = readJson(Bundle, bytes, "the bundle");
  const { messageSignature: message, dsseEnvelope: envelope } = bundle;
  if (envelope && !message) return verifyStatement(image, envelope, bundle, trust);
  if (message && !envelope) return verifyMessage(image, message, bundle, trust);
  throw invalid("the bundle has not either a message's signature or an envelope");
}

function verifyStatement(
  image: Image,
  { payload, payloadType, signatures: [{ sig }] }: NonNullable<Bundle["dsseEnvelope"]>,
  { verificationMaterial: material }: Bundle,
  trust: Trust,
): Verified {
  const statement = readJson(Statement, payload, "the statement");
  const algorithm = algorithmOf(image.digest);
  const digests = statement.subject.map(({ digest }) => digest[algorithm]);
  if (!digests.includes(hexOf(image.digest))) {
    throw invalid(`it is about another image: ${quoted(`${algorithm}:${digests[0] ?? ""}`)}`);
  }
  const bytes = dsse.preAuthEncoding(payloadType, Buffer.from(payload));
  const signer = verifySigner({ bytes, payload, signature: sig, material }, trust);
  return { ...signer, predicateType: statement.predicateType };
}

function verifyMessage(
  { manifest }: Image,
  { messageDigest, signature }: NonNullable<Bundle["messageSignature"]>,
  { verificationMaterial: material }: Bundle,
  trust: Trust,
): Verified {
  const hash = createHash(`sha${messageDigest.algorithm.slice(-3)}`)
    .update(manifest)
    .digest();
  if (!hash.equals(messageDigest.digest)) {
    throw invalid(
      `it signs another image: ${quoted(Buffer.from(messageDigest.digest).toString("hex"))}`,
    );
  }
  const signed = { bytes: manifest, payload: manifest, signature, material };
  return { ...verifySigner(signed, trust), predicateType: null };
}
