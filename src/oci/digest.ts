import { RegistryError } from "./errors.ts";

/** The algorithms that this registry verifies (image-spec descriptor.md, "Registered algorithms"). */
export const ALGORITHMS = ["sha256", "sha512"] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/** `algorithm:hex` in canonical form: lower case, of the algorithm's length. */
export type Digest = string & { readonly brand: "Digest" };

const GRAMMAR = /^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$/;

export function isDigest(text: string): text is Digest {
  return GRAMMAR.test(text);
}

/** @throws DIGEST_INVALID unless the text is a sha256 or sha512 digest. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new RegistryError("DIGEST_INVALID", {
    message: "invalid digest: expected sha256:<64 hex> or sha512:<128 hex>, in lower case",
    detail: { digest: text.slice(0, 200) },
  });
}

/** @throws DIGEST_INVALID for an algorithm that this registry cannot verify. */
export function parseAlgorithm(text: string): Algorithm {
  const algorithm = ALGORITHMS.find((known) => known === text);
  if (algorithm !== undefined) return algorithm;
  throw new RegistryError("DIGEST_INVALID", {
    message: `unsupported digest algorithm: use ${ALGORITHMS.join(" or ")}`,
  });
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

export function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

export function formatDigest(algorithm: Algorithm, hash: Uint8Array): Digest {
  return `${algorithm}:${hash.toHex()}` as Digest;
}

/** Bytes as the platform's digest takes them: the types of browsers are narrower than those of Workers. */
type Bytes = Uint8Array & Parameters<typeof crypto.subtle.digest>[1];

/** Returns the digest of bytes that are in memory anyway, such as a manifest. */
export async function digestOf(algorithm: Algorithm, bytes: Bytes): Promise<Digest> {
  const name = algorithm === "sha256" ? "SHA-256" : "SHA-512";
  return formatDigest(algorithm, new Uint8Array(await crypto.subtle.digest(name, bytes)));
}
