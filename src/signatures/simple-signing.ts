import * as v from "valibot";
import { parsePemCertificates } from "./certificate.ts";
import { Base64, Count, readJson, Seconds } from "./read.ts";
import { type Attached, type Image, invalid, quoted, type Verified } from "./signature.ts";
import type { LogEntry, Material } from "./signed.ts";
import { verifySigner } from "./signer.ts";
import type { Trust } from "./trust.ts";

/** cosign's SIGNATURE_SPEC.md, "Simple signing". */
export const SIMPLE_SIGNING_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE = "dev.cosignproject.cosign/signature";
const CERTIFICATE = "dev.sigstore.cosign/certificate";
const BUNDLE = "dev.sigstore.cosign/bundle";
const TIMESTAMP = "dev.sigstore.cosign/rfc3161timestamp";

const Timestamp = v.object({ SignedRFC3161Timestamp: Base64 });
/** What Rekor answered when the signature was logged. */
const RekorBundle = v.pipe(
  v.object({
    SignedEntryTimestamp: Base64,
    Payload: v.object({
      body: Base64,
      integratedTime: Seconds,
      logIndex: Count,
      logID: v.pipe(v.string(), v.hexadecimal(), v.toLowerCase()),
    }),
  }),
  v.transform(
    ({ SignedEntryTimestamp: promise, Payload: { logID: logId, ...payload } }): LogEntry => {
      return { logId, promise, proof: null, ...payload };
    },
  ),
);

const Payload = v.object({
  critical: v.object({
    image: v.object({ "docker-manifest-digest": v.string() }),
    type: v.string(),
  }),
});

/**
 * Verifies a signature in cosign's own format: the layer is the signed payload, all else is in its annotations.
 * @throws Refusal
 */
export function verifySimpleSigning(image: Image, attached: Attached, trust: Trust): Verified {
  const { critical } = readJson(Payload, attached.bytes, "the signed payload");
  if (critical.type !== "cosign container image signature") {
    throw invalid(`the signed payload is of the type ${quoted(critical.type)}`);
  }
  const signed = critical.image["docker-manifest-digest"];
  if (signed !== image.digest) throw invalid(`it signs another image: ${quoted(signed)}`);
  const signature = signatureOf(attached);
  const material = materialOf(attached);
  const { bytes } = attached;
  const signer = verifySigner({ bytes, payload: bytes, signature, material }, trust);
  return { ...signer, predicateType: null };
}

function materialOf({ annotations }: Attached): Material {
  const { [CERTIFICATE]: pem, [BUNDLE]: bundle, [TIMESTAMP]: timestamp } = annotations;
  const stamp = timestamp && readJson(Timestamp, timestamp, `the annotation ${TIMESTAMP}`);
  return {
    certificate: pem ? parsePemCertificates(pem)[0].der : null,
    entries: bundle ? [readJson(RekorBundle, bundle, `the annotation ${BUNDLE}`)] : [],
    timestamps: stamp ? [stamp.SignedRFC3161Timestamp] : [],
  };
}

function signatureOf({ annotations }: Attached): Uint8Array {
  const text = annotations[SIGNATURE];
  if (text === undefined) throw invalid(`the annotation ${SIGNATURE} is missing`);
  const { success, output } = v.safeParse(Base64, text);
  if (success) return output;
  throw invalid(`the annotation ${SIGNATURE} is no base64`);
}
