import type { Digest } from "../oci/digest.ts";

/** An image, or an index of images, whose signatures are verified. */
export interface Image {
  readonly digest: Digest;
  /** The bytes of its manifest: a bundle may hold a signature of these. */
  readonly manifest: Uint8Array;
}

/** One layer of a manifest that is attached to an image. */
export interface Attached {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  /** Of the layer's descriptor: cosign keeps its signatures there. */
  readonly annotations: Readonly<Record<string, string>>;
}

export type Format = "cosign" | "sigstore-bundle" | "notation";

/**
 * - verified: somebody whom the namespace trusts signed this image
 * - unverified: nothing says that it was tampered with, but nobody vouches for it either
 * - invalid: it contradicts itself, belongs to another image, or cannot be read
 */
export type State = "verified" | "unverified" | "invalid";

export interface SignatureResult {
  readonly format: Format;
  /** The digest of the attached layer. Signatures of several people may be in layers of one digest. */
  readonly digest: Digest;
  readonly state: State;
  /** The name of the trust entry that the signature satisfies; null unless it is verified. */
  readonly by: string | null;
  /** A key's fingerprint, a certificate's issuer and identity, or a subject; null unless that is proven. */
  readonly signer: string | null;
  /** What the signer says of the image, for an in-toto statement; null for a plain signature. */
  readonly predicateType: string | null;
  /** Why it has this state, in a sentence without a full stop. */
  readonly reason: string;
  /** When it was signed at the latest, by a log or a timestamp authority that is trusted. */
  readonly signedAtMs: number | null;
}

/** What a verified signature says. */
export type Verified = Pick<SignatureResult, "signer" | "signedAtMs" | "predicateType"> & {
  readonly by: string;
};

/** Why a signature does not count. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly state: "unverified" | "invalid";
  /** Whose signature it is, where only the trust in that signer is missing. */
  readonly signer: string | null;

  constructor(state: "unverified" | "invalid", reason: string, signer: string | null = null) {
    super(reason);
    this.state = state;
    this.signer = signer;
  }
}

export function invalid(reason: string): Refusal {
  return new Refusal("invalid", reason);
}

export function unverified(reason: string, signer: string | null = null): Refusal {
  return new Refusal("unverified", reason, signer);
}

/** Formats others' text for a reason: quoted, on one line, of bounded length. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
