import { KeyError, parsePublicKey, type PublicKey } from "./key.ts";

/** Whose signatures a namespace trusts. */
export type TrustEntry = KeyEntry;

export interface KeyEntry {
  readonly kind: "key";
  readonly name: string;
  /** ECDSA of P-256, P-384 or P-521, RSA of at least 2048 bits, or Ed25519. */
  readonly publicKeyPem: string;
}

export interface TrustedKey {
  readonly name: string;
  readonly key: PublicKey;
}

/** Trust entries as verifying takes them. */
export interface Trust {
  readonly keys: readonly TrustedKey[];
}

/** Each signature is compared with each of them. */
const MAX_ENTRIES = 50;

export class TrustError extends Error {
  override readonly name = "TrustError";
}

/** @throws TrustError with what is wrong, as a sentence for whom the entries belong to */
export function parseTrust(entries: readonly TrustEntry[]): Trust {
  if (entries.length > MAX_ENTRIES) {
    throw new TrustError(`There are more than ${MAX_ENTRIES} trust entries.`);
  }
  return { keys: entries.map(trustedKeyOf) };
}

function trustedKeyOf({ name, publicKeyPem }: KeyEntry): TrustedKey {
  try {
    return { name, key: parsePublicKey(publicKeyPem) };
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    throw new TrustError(`The key of ${JSON.stringify(name)} cannot be used: ${error.message}.`);
  }
}
