import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";

/** The hashes with which an ECDSA key of each curve signs: its own, and the one that cosign takes for all keys. */
const CURVE_HASHES: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ["sha256"],
  secp384r1: ["sha384", "sha256"],
  secp521r1: ["sha512", "sha256"],
};
const MIN_RSA_BITS = 2048;
/** Verifying takes longer the longer the key is, and a signer chooses it. */
const MAX_RSA_BITS = 8192;
export const MAX_KEY_BYTES = 4 * 1024;

export interface PublicKey {
  readonly key: KeyObject;
  /** Of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** "sha256:" and the hash of the SubjectPublicKeyInfo, in hex. */
  readonly fingerprint: string;
  readonly hashes: readonly (string | null)[];
}

export class KeyError extends Error {
  override readonly name = "KeyError";
}

/** @throws KeyError with the reason, such as an algorithm that is not supported */
export function parsePublicKey(pem: string): PublicKey {
  const body = /^\s*-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----\s*$/.exec(
    pem.length > 2 * MAX_KEY_BYTES ? "" : pem,
  )?.[1];
  if (body === undefined) throw new KeyError("it is no PEM of a PUBLIC KEY");
  return publicKeyOf(Buffer.from(body, "base64"));
}

/** @throws KeyError */
export function publicKeyOf(spki: Uint8Array): PublicKey {
  if (spki.length > MAX_KEY_BYTES) throw new KeyError(`it is longer than ${MAX_KEY_BYTES} bytes`);
  const key = keyObjectOf(spki);
  const hex = createHash("sha256").update(spki).digest("hex");
  return { key, spki, fingerprint: `sha256:${hex}`, hashes: hashesOf(key) };
}

function keyObjectOf(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch {
    throw new KeyError("its bytes are no public key");
  }
}

function hashesOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject) {
  if (type === "ed25519") return [null];
  if (type === "ec") {
    const hashes = CURVE_HASHES[details?.namedCurve ?? ""];
    if (hashes === undefined) throw new KeyError("its curve is none of P-256, P-384 and P-521");
    return hashes;
  }
  if (type !== "rsa") throw new KeyError("it is none of ECDSA, RSA and Ed25519");
  const bits = details?.modulusLength ?? 0;
  if (bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS) return ["sha256"];
  throw new KeyError(`it is of RSA with ${bits} bits, and not ${MIN_RSA_BITS} to ${MAX_RSA_BITS}`);
}

/** Returns whether the key made the signature: ASN.1 for ECDSA, PKCS #1 v1.5 for RSA. */
export function isSignedBy(key: PublicKey, data: Uint8Array, signature: Uint8Array): boolean {
  return key.hashes.some((hash) => {
    try {
      return verify(hash, data, key.key, signature);
    } catch {
      return false;
    }
  });
}
