/** Verifies the signatures of an image by whom its namespace trusts. Nothing is fetched: all that is compared is given. */
import { isBundle, verifyBundle } from "./bundle.ts";
import { COSE_TYPE, JWS_TYPE, verifyCose, verifyNotation } from "./notation.ts";
import { SIMPLE_SIGNING_TYPE, verifySimpleSigning } from "./simple-signing.ts";
import {
  type Attached,
  type Format,
  type Image,
  invalid,
  Refusal,
  type SignatureResult,
  type Verified,
} from "./signature.ts";
import type { Trust } from "./trust.ts";

/** Of one image. Further ones are told as unverified. */
export const MAX_SIGNATURES = 50;
/** A bundle may hold an SBOM. */
export const MAX_ATTACHED_BYTES = 4 * 1024 ** 2;

type Verifier = (image: Image, attached: Attached, trust: Trust, nowMs: number) => Verified;

/** What a statement says of an image where its signer vouches for it; others may as well say how bad the image is. */
const VOUCHING = [
  "https://sigstore.dev/cosign/sign/v1",
  "https://slsa.dev/provenance/v1",
  "https://slsa.dev/provenance/v0.2",
];

function verifierFor(mediaType: string): { format: Format; verifier: Verifier } | null {
  if (mediaType === SIMPLE_SIGNING_TYPE) return { format: "cosign", verifier: verifySimpleSigning };
  if (mediaType === JWS_TYPE) return { format: "notation", verifier: verifyNotation };
  if (mediaType === COSE_TYPE) return { format: "notation", verifier: verifyCose };
  return isBundle(mediaType) ? { format: "sigstore-bundle", verifier: verifyBundle } : null;
}

/** Returns whether a layer of this media type is a signature of a format that is known. */
export function isSignatureType(mediaType: string): boolean {
  return verifierFor(mediaType) !== null;
}

/** @returns one result for each of the given layers that is a signature; others are left out */
export function verifySignatures(
  image: Image,
  attached: readonly Attached[],
  trust: Trust,
  nowMs: number,
): readonly SignatureResult[] {
  const signatures = attached.flatMap((signature) => {
    const found = verifierFor(signature.mediaType);
    return found === null ? [] : { ...found, signature };
  });
  return signatures.map(({ format, verifier, signature }, index) => {
    const { digest } = signature;
    const run = () => {
      if (index < MAX_SIGNATURES) return verifier(image, signature, trust, nowMs);
      throw new Refusal("unverified", `only the first ${MAX_SIGNATURES} signatures are verified`);
    };
    return { format, digest, ...outcomeOf(run, signature.bytes.length) };
  });
}

/** Returns whether somebody whom the namespace trusts vouches for the image: a trusted SBOM alone does not. */
export function isSigned(results: readonly SignatureResult[]): boolean {
  return results.some(
    ({ state, predicateType }) =>
      state === "verified" && (predicateType === null || VOUCHING.includes(predicateType)),
  );
}

function outcomeOf(
  run: () => Verified,
  sizeBytes: number,
): Omit<SignatureResult, "format" | "digest"> {
  try {
    if (sizeBytes > MAX_ATTACHED_BYTES) {
      throw invalid(`it is larger than ${MAX_ATTACHED_BYTES} bytes`);
    }
    const verified = run();
    return { state: "verified", reason: "a trusted signer signed this image", ...verified };
  } catch (error) {
    // Others' libraries say in many ways that they cannot read something.
    const {
      state,
      message: reason,
      signer,
    } = error instanceof Refusal ? error : invalid("it cannot be read");
    return { state, reason, signer, by: null, predicateType: null, signedAtMs: null };
  }
}
