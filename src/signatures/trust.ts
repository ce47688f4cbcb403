import { type Certificate, parsePemCertificates } from "./certificate.ts";
import { Refusal } from "./signature.ts";
import { parseSubject, type Subject } from "./subject.ts";
import { NO_ROOTS, type TrustRoots } from "./trusted-root.ts";
import { KeyError, parsePublicKey, type PublicKey } from "./key.ts";

/** Whose signatures a namespace trusts. */
export type TrustEntry = KeyEntry | KeylessEntry | NotationEntry;

export interface KeyEntry {
  readonly kind: "key";
  readonly name: string;
  /** ECDSA of P-256, P-384 or P-521, RSA of at least 2048 bits, or Ed25519. */
  readonly publicKeyPem: string;
}

export interface KeylessEntry {
  readonly kind: "keyless";
  readonly name: string;
  /** Compared letter by letter. */
  readonly issuer: string;
  /** A glob: an e-mail address, or the URI of a workflow. */
  readonly identity: string;
}

export interface NotationEntry {
  readonly kind: "notation";
  readonly name: string;
  /** Of authorities, or of signers themselves. */
  readonly certificatesPem: readonly string[];
  /** "x509.subject: C=US, ST=WA, O=acme", or "*" for all that the authorities issued. */
  readonly identities: readonly string[];
}

export interface NotationTrust {
  readonly name: string;
  readonly anchors: readonly Certificate[];
  readonly subjects: readonly (Subject | "*")[];
}

export interface TrustedKey {
  readonly name: string;
  readonly key: PublicKey;
}

/** Trust entries as verifying takes them. */
export interface Trust {
  readonly keys: readonly TrustedKey[];
  readonly identities: readonly KeylessEntry[];
  readonly notation: readonly NotationTrust[];
  readonly roots: TrustRoots;
}

/** Each signature is compared with each of them, which takes 3 ms for a key of P-384 or P-521. */
const MAX_ENTRIES = 20;
/** Of one entry. */
const MAX_CERTIFICATES = 10;
const MAX_IDENTITIES = 20;

export class TrustError extends Error {
  override readonly name = "TrustError";
}

/**
 * @param roots for keyless signatures, and for the times of all
 * @throws TrustError with what is wrong, as a sentence for whom the entries belong to
 */
export function parseTrust(entries: readonly TrustEntry[], roots: TrustRoots = NO_ROOTS): Trust {
  if (entries.length > MAX_ENTRIES) {
    throw new TrustError(`There are more than ${MAX_ENTRIES} trust entries.`);
  }
  return {
    keys: entries.filter((entry) => entry.kind === "key").map(trustedKeyOf),
    identities: entries.filter((entry) => entry.kind === "keyless").map(checkIdentity),
    notation: entries.filter((entry) => entry.kind === "notation").map(notationTrustOf),
    roots,
  };
}

function trustedKeyOf({ name, publicKeyPem }: KeyEntry): TrustedKey {
  try {
    return { name, key: parsePublicKey(publicKeyPem) };
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new TrustError(`The key of ${JSON.stringify(name)} cannot be used: ${error.message}.`);
  }
}

function checkIdentity(entry: KeylessEntry): KeylessEntry {
  const name = JSON.stringify(entry.name);
  if (entry.issuer === "") throw new TrustError(`The issuer of ${name} is empty.`);
  if (!/^\**$/.test(entry.identity)) return entry;
  // Everybody can have a certificate of Fulcio, and an issuer has many users.
  throw new TrustError(`The identity of ${name} is one that everybody has.`);
}

function notationTrustOf({ name, certificatesPem, identities }: NotationEntry): NotationTrust {
  const shown = JSON.stringify(name);
  if (certificatesPem.length === 0 || certificatesPem.length > MAX_CERTIFICATES) {
    throw new TrustError(`${shown} has not 1 to ${MAX_CERTIFICATES} certificates.`);
  }
  if (identities.length === 0 || identities.length > MAX_IDENTITIES) {
    throw new TrustError(`${shown} has not 1 to ${MAX_IDENTITIES} identities.`);
  }
  const subjects = identities.map((identity) => {
    const subject = identity === "*" ? identity : parseSubject(identity);
    if (subject !== null) return subject;
    throw new TrustError(`${shown} has an identity unlike "x509.subject: C=US, ST=WA, O=acme".`);
  });
  try {
    return { name, anchors: certificatesPem.flatMap(parsePemCertificates), subjects };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new TrustError(`${shown} has a certificate that cannot be read.`);
  }
}
