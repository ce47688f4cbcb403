/** Whose a signature is: of a trusted key, or of an identity to which Fulcio gave a certificate for some minutes. */
import { matches } from "../oci/glob.ts";
import {
  type Certificate,
  pathProblem,
  CODE_SIGNING,
  NOT_ISSUED,
  keyOf,
  otherKey,
  parseCertificate,
  usageProblem,
} from "./certificate.ts";
import { type Identity, identityOf } from "./identity.ts";
import { isSignedBy } from "./key.ts";
import { verifyEntry } from "./log.ts";
import { invalid, unverified, type Verified } from "./signature.ts";
import { MAX_LOG_ENTRIES, MAX_TIMESTAMPS, type Signed } from "./signed.ts";
import { verifyTimestamp } from "./timestamp.ts";
import type { Trust } from "./trust.ts";
import { holdsAt, type TrustRoots } from "./trusted-root.ts";

export type Signer = Pick<Verified, "by" | "signer" | "signedAtMs">;

/** @throws Refusal */
export function verifySigner(signed: Signed, trust: Trust): Signer {
  const trusted = trust.keys.find(({ key }) => isSignedBy(key, signed.bytes, signed.signature));
  if (trusted !== undefined) {
    const { times } = witnessesOf(signed, trust.roots, [trusted.key.spki]);
    return { by: trusted.name, signer: trusted.key.fingerprint, signedAtMs: earliest(times) };
  }
  const { certificate: der } = signed.material;
  if (der === null) {
    throw unverified("no trusted key made it: it is by another key, or was changed");
  }
  return verifyCertified(signed, trust, parseCertificate(der));
}

function verifyCertified(signed: Signed, trust: Trust, certificate: Certificate): Signer {
  const key = keyOf(certificate);
  if (!isSignedBy(key, signed.bytes, signed.signature)) {
    throw otherKey();
  }
  const { times, entries } = witnessesOf(signed, trust.roots, [certificate.der, key.spki]);
  if (entries === 0 && trust.roots.logs.length > 0) {
    throw unverified("no trusted transparency log holds it");
  }
  const signedAtMs = earliest(times);
  if (signedAtMs === null) {
    throw unverified(
      "no trusted log or timestamp authority says when it was made, and its certificate holds for some minutes only",
    );
  }
  const problem =
    times.map((timeMs) => issuingProblem(certificate, trust.roots, timeMs)).find(Boolean) ??
    usageProblem(certificate, CODE_SIGNING);
  if (problem !== undefined && problem !== null) throw unverified(`the certificate ${problem}`);
  const identity = identityOf(certificate);
  const signer = `${identity.issuer} ${identity.subject}`;
  const entry = trust.identities.find((one) => isNamed(one, identity));
  if (entry === undefined) throw unverified("nobody whom the namespace trusts made it", signer);
  return { by: entry.name, signer, signedAtMs };
}

function isNamed(wanted: Trust["identities"][number], { issuer, subject }: Identity): boolean {
  return wanted.issuer === issuer && matches(wanted.identity, subject);
}

interface Witnesses {
  /** When trusted logs and timestamp authorities saw the signature. */
  readonly times: readonly number[];
  /** How many entries trusted logs hold. */
  readonly entries: number;
}

function witnessesOf(
  signed: Signed,
  roots: TrustRoots,
  verifiers: readonly Uint8Array[],
): Witnesses {
  const { entries, timestamps } = signed.material;
  if (entries.length > MAX_LOG_ENTRIES || timestamps.length > MAX_TIMESTAMPS) {
    throw invalid(
      `it has more than ${MAX_LOG_ENTRIES} log entries or ${MAX_TIMESTAMPS} timestamps`,
    );
  }
  const logged = entries.flatMap(
    (entry) => verifyEntry(entry, roots.logs, signed, verifiers) ?? [],
  );
  const stamped = timestamps.flatMap(
    (bytes) => verifyTimestamp(bytes, roots.timestampAuthorities, signed.signature) ?? [],
  );
  return {
    times: [...logged.flatMap(({ timeMs }) => timeMs ?? []), ...stamped],
    entries: logged.length,
  };
}

function earliest(times: readonly number[]): number | null {
  return times.length === 0 ? null : Math.min(...times);
}

function issuingProblem(
  certificate: Certificate,
  { certificateAuthorities }: TrustRoots,
  timeMs: number,
): string | null {
  const problems = certificateAuthorities
    .filter((authority) => holdsAt(authority, timeMs))
    .map((authority) => pathProblem(certificate, authority, [], timeMs));
  if (problems.includes(null)) return null;
  return problems.find((problem) => problem !== NOT_ISSUED) ?? NOT_ISSUED;
}
