import { X509Certificate as PlatformCertificate } from "node:crypto";
import { X509Certificate } from "@sigstore/core";
import { KeyError, type PublicKey, publicKeyOf } from "./key.ts";
import { type Refusal, invalid, unverified } from "./signature.ts";

export interface Certificate {
  readonly der: Buffer<ArrayBuffer>;
  readonly fields: X509Certificate;
  /** Verifies signatures of certificates by all algorithms that the platform knows. */
  readonly platform: PlatformCertificate;
}

/** Trust in certificates that others issued. */
export interface Authority {
  /** Certificates that are trusted, with or without their root. */
  readonly anchors: readonly Certificate[];
  readonly validFromMs: number;
  readonly validToMs: number;
}

export const MAX_CERTIFICATE_BYTES = 16 * 1024;
/** From a signer's certificate to its root. */
export const MAX_PATH = 8;

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

const KEY_USAGE = "2.5.29.15";
const BASIC_CONSTRAINTS = "2.5.29.19";
const EXTENDED_KEY_USAGE = "2.5.29.37";
/** Extensions that may be critical, since they are looked at or say nothing of a path (RFC 5280 § 4.2). */
const UNDERSTOOD = [KEY_USAGE, BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, "2.5.29.17"];

export const NOT_ISSUED = "was not issued by a trusted authority";

export const CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
export const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";

/** @throws Refusal "invalid" unless the bytes are a certificate of X.509 version 3 */
export function parseCertificate(bytes: Uint8Array): Certificate {
  if (bytes.length > MAX_CERTIFICATE_BYTES) throw malformed();
  try {
    const der = Buffer.from(bytes);
    const fields = X509Certificate.parse(der);
    if (fields.tbsCertificate.subs[0]?.tag.isContextSpecific(0) !== true) throw malformed();
    // What is read later is read once now, so that it cannot fail then.
    void [fields.notBefore.getTime(), fields.notAfter.getTime(), fields.isCA, usagesOf(fields)];
    void [fields.extensions.map((extension) => extension.subs[0]?.toOID()), fields.subject];
    return { der, fields, platform: new PlatformCertificate(der) };
  } catch {
    throw malformed();
  }
}

function malformed(): Refusal {
  return invalid("a certificate is malformed");
}

/** @throws Refusal "unverified" for a key of a kind that is not supported */
export function keyOf({ fields }: Certificate): PublicKey {
  try {
    return publicKeyOf(fields.publicKey);
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw unverified(`the certificate's key cannot be used: ${error.message}`);
  }
}

/** Why a signature with a certificate is refused that this certificate's key did not make. */
export function otherKey(): Refusal {
  return invalid("the certificate's key did not make it: it was changed, or the certificate was");
}

/** @throws Refusal "invalid" unless the text holds 1 to MAX_PATH certificates in PEM */
export function parsePemCertificates(pem: string): readonly [Certificate, ...Certificate[]] {
  if (pem.length > 2 * MAX_CERTIFICATE_BYTES * MAX_PATH) throw malformed();
  const [first, ...rest] = [...pem.matchAll(PEM)].map(([, body = ""]) =>
    parseCertificate(Buffer.from(body, "base64")),
  );
  if (first === undefined || rest.length >= MAX_PATH) throw malformed();
  return [first, ...rest];
}

/** The purposes that a certificate is limited to, as OIDs; null if it is not limited. */
function usagesOf(fields: X509Certificate): readonly string[] | null {
  const extension = fields.extension(EXTENDED_KEY_USAGE);
  return extension?.valueObj.subs[0]?.subs.map((usage) => usage.toOID()) ?? null;
}

/**
 * @param unlimited whether a certificate may sign that is not limited to purposes
 * @returns why the certificate may not sign for this purpose, for the end of "the certificate …"; null if it may
 */
export function usageProblem(
  { fields }: Certificate,
  usage: string,
  unlimited: "unlimited" | null = null,
): string | null {
  if (fields.extKeyUsage?.digitalSignature === false) return "is for no signatures";
  if (fields.extBasicConstraints?.isCA === true) return "is an authority's";
  const isFit = usagesOf(fields)?.includes(usage) ?? unlimited !== null;
  return isFit ? null : "is for another purpose";
}

/**
 * Looks for a certification path from a signer's certificate to an authority's, of which each held at the given time
 * (RFC 5280 § 6.1).
 * @param others certificates that came with the signature, which vouch for nothing
 * @returns why there is none, for the end of "the certificate …"; null if there is one
 */
export function pathProblem(
  leaf: Certificate,
  { anchors }: Pick<Authority, "anchors">,
  others: readonly Certificate[],
  timeMs: number,
): string | null {
  let current = leaf;
  for (let length = 0; length < MAX_PATH; length++) {
    const problem = linkProblem(current, timeMs);
    if (problem !== null) return problem;
    if (anchors.some((anchor) => anchor.der.equals(current.der))) return null;
    const next = issuerIn(anchors, current, length) ?? issuerIn(others, current, length);
    if (next === undefined) return NOT_ISSUED;
    current = next;
  }
  return `is more than ${MAX_PATH} certificates below a trusted one`;
}

function linkProblem({ fields }: Certificate, timeMs: number): string | null {
  if (timeMs < fields.notBefore.getTime()) return "was not valid yet when it was used";
  if (timeMs > fields.notAfter.getTime()) return "had expired when it was used";
  const isUnknown = fields.extensions.some((extension) => {
    const [oid, critical] = extension.subs;
    const isCritical = critical?.tag.isBoolean() === true && critical.toBoolean();
    return isCritical && !UNDERSTOOD.includes(oid?.toOID() ?? "");
  });
  return isUnknown ? "has a critical extension that is not understood" : null;
}

/** @param below how many certificates that are no signer's are below the issuer */
function issuerIn(
  certificates: readonly Certificate[],
  issued: Certificate,
  below: number,
): Certificate | undefined {
  return certificates.find(({ der, fields, platform }) => {
    if (der.equals(issued.der)) return false;
    if (!fields.subject.equals(issued.fields.issuer) || !fields.isCA) return false;
    const most = fields.extBasicConstraints?.pathLenConstraint;
    if (most !== undefined && most < BigInt(below)) return false;
    try {
      return issued.platform.verify(platform.publicKey);
    } catch {
      return false;
    }
  });
}
