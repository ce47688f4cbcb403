/** Notary Project's signatures, by notation (notaryproject/specifications, signature-envelope-jws.md). */
import { constants, verify, type VerifyPublicKeyInput } from "node:crypto";
import * as v from "valibot";
import {
  type Certificate,
  CODE_SIGNING,
  MAX_PATH,
  keyOf,
  otherKey,
  parseCertificate,
  pathProblem,
  usageProblem,
} from "./certificate.ts";
import type { PublicKey } from "./key.ts";
import { Base64, Base64Url, readJson } from "./read.ts";
import {
  type Attached,
  type Image,
  invalid,
  quoted,
  unverified,
  type Verified,
} from "./signature.ts";
import { isWithin, shownSubject, subjectOf } from "./subject.ts";
import type { NotationTrust, Trust } from "./trust.ts";

export const JWS_TYPE = "application/jose+json";
export const COSE_TYPE = "application/cose";

const SCHEME = "io.cncf.notary.signingScheme";
const EXPIRY = "io.cncf.notary.expiry";
/** A header that must be understood, and is not one of these, refuses the signature (RFC 7515 § 4.1.11). */
const UNDERSTOOD = [SCHEME, EXPIRY];

const Envelope = v.object({
  payload: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/)),
  protected: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/)),
  signature: Base64Url,
  header: v.object({ x5c: v.pipe(v.array(Base64), v.minLength(1), v.maxLength(MAX_PATH)) }),
});
const Header = v.object({
  alg: v.picklist(["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]),
  cty: v.literal("application/vnd.cncf.notary.payload.v1+json"),
  crit: v.array(v.string()),
  [SCHEME]: v.string(),
  [EXPIRY]: v.optional(v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse))),
});
const Payload = v.object({ targetArtifact: v.object({ digest: v.string() }) });

/** @throws Refusal */
export function verifyNotation(
  image: Image,
  { bytes }: Attached,
  trust: Trust,
  nowMs: number,
): Verified {
  const envelope = readJson(Envelope, bytes, "the envelope");
  const header = readJson(Header, Buffer.from(envelope.protected, "base64url"), "its header");
  const payload = readJson(Payload, Buffer.from(envelope.payload, "base64url"), "the payload");
  const { digest } = payload.targetArtifact;
  if (digest !== image.digest) throw invalid(`it signs another image: ${quoted(digest)}`);
  const unknown = header.crit.find((name) => !UNDERSTOOD.includes(name));
  if (unknown !== undefined) {
    throw unverified(`it has a critical header that is not understood: ${quoted(unknown)}`);
  }
  if (header[SCHEME] !== "notary.x509") {
    throw unverified(`its signing scheme is not supported: ${quoted(header[SCHEME])}`);
  }
  const [leaf, ...others] = envelope.header.x5c.map(parseCertificate);
  if (leaf === undefined) throw invalid("the envelope has no certificate");
  const text = Buffer.from(`${envelope.protected}.${envelope.payload}`);
  if (!isSigned(leaf, header.alg, text, envelope.signature)) {
    throw otherKey();
  }
  if (nowMs > (header[EXPIRY] ?? Infinity)) throw unverified("it has expired");
  const signer = trustedSigner(leaf, others, trust.notation, nowMs);
  return { ...signer, signedAtMs: null, predicateType: null };
}

export function verifyCose(): never {
  throw unverified("not verified: COSE");
}

/** The only algorithm for each key (signature-specification.md, "Algorithm Selection"). */
function algorithmFor({ key: { asymmetricKeyDetails: details } }: PublicKey): string {
  const byCurve = { prime256v1: "ES256", secp384r1: "ES384", secp521r1: "ES512" };
  const curve = details?.namedCurve;
  if (curve !== undefined && Object.hasOwn(byCurve, curve)) {
    return byCurve[curve as keyof typeof byCurve];
  }
  const bits = details?.modulusLength ?? 0;
  if (bits >= 4096) return "PS512";
  return bits >= 3072 ? "PS384" : "PS256";
}

function isSigned(leaf: Certificate, alg: string, text: Buffer, signature: Uint8Array): boolean {
  const publicKey = keyOf(leaf);
  if (alg !== algorithmFor(publicKey)) {
    throw invalid(`its algorithm ${alg} is not the one of the certificate's key`);
  }
  // workerd takes options only with the bytes of a key.
  const key = { key: Buffer.from(publicKey.spki), format: "der", type: "spki" } as const;
  const input: VerifyPublicKeyInput = alg.startsWith("PS")
    ? {
        ...key,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
      }
    : { ...key, dsaEncoding: "ieee-p1363" };
  try {
    return verify(`sha${alg.slice(2)}`, text, input, signature);
  } catch {
    return false;
  }
}

function trustedSigner(
  leaf: Certificate,
  others: readonly Certificate[],
  trusted: readonly NotationTrust[],
  nowMs: number,
): Pick<Verified, "by" | "signer"> {
  const problems = trusted.map(
    ({ anchors }) =>
      pathProblem(leaf, { anchors }, others, nowMs) ??
      usageProblem(leaf, CODE_SIGNING, "unlimited"),
  );
  const issued = trusted.filter((_, index) => problems[index] === null);
  if (issued.length === 0) {
    throw unverified(`the certificate ${problems[0] ?? "is of nobody whom the namespace trusts"}`);
  }
  const subject = subjectOf(leaf);
  if (subject === null) throw unverified("the certificate's subject has an attribute twice");
  const signer = shownSubject(subject);
  const entry = issued.find(({ subjects }) =>
    subjects.some((wanted) => wanted === "*" || isWithin(wanted, subject)),
  );
  if (entry === undefined) throw unverified("nobody whom the namespace trusts made it", signer);
  return { by: entry.name, signer };
}
