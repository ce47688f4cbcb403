import { RFC3161Timestamp } from "@sigstore/core";
import { pathProblem, TIME_STAMPING, usageProblem } from "./certificate.ts";
import { invalid } from "./signature.ts";
import { holdsAt, type TimestampAuthority } from "./trusted-root.ts";

export const MAX_TIMESTAMP_BYTES = 64 * 1024;

/**
 * Verifies a timestamp of a signature (RFC 3161): a TimeStampResp in DER.
 * @returns its time in milliseconds since 1970; null for one of an authority that is not trusted
 * @throws Refusal "invalid" for one that the authority did not sign, or that is of another signature
 */
export function verifyTimestamp(
  bytes: Uint8Array,
  authorities: readonly TimestampAuthority[],
  signature: Uint8Array,
): number | null {
  const timestamp = parse(bytes);
  const timeMs = timestamp.signingTime.getTime();
  const authority = authorities.find(
    ({ signer: { fields } }) =>
      fields.serialNumber.equals(timestamp.signerSerialNumber) &&
      fields.issuer.equals(timestamp.signerIssuer),
  );
  if (authority === undefined) return null;
  const { signer } = authority;
  try {
    timestamp.verify(Buffer.from(signature), signer.platform.publicKey);
  } catch {
    throw invalid("the timestamp is of another signature, or its authority did not sign it");
  }
  const problem =
    pathProblem(signer, authority, [], timeMs) ??
    usageProblem(signer, TIME_STAMPING) ??
    (holdsAt(authority, timeMs) ? null : "was not valid at that time");
  if (problem !== null) throw invalid(`the timestamp's certificate ${problem}`);
  return timeMs;
}

function parse(bytes: Uint8Array): RFC3161Timestamp {
  try {
    if (bytes.length > MAX_TIMESTAMP_BYTES) throw new RangeError("too long");
    const timestamp = RFC3161Timestamp.parse(Buffer.from(bytes));
    // What is read later is read once now, so that it cannot fail then.
    void [timestamp.signingTime, timestamp.signerSerialNumber, timestamp.signerIssuer];
    return timestamp;
  } catch {
    throw invalid("a timestamp is malformed");
  }
}
