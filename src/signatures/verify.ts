/** Verifies the signatures of an image by whom its namespace trusts. Nothing is fetched: all that is compared is given. */
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

type Verifier = (image: Image, attached: Attached, trust: Trust) => Verified;

const VERIFIERS: Readonly<
  Record<string, { readonly format: Format; readonly verifier: Verifier }>
> = {
  [SIMPLE_SIGNING_TYPE]: { format: "cosign", verifier: verifySimpleSigning },
};

/** @returns one result for each of the given layers that is a signature; others are left out */
export function verifySignatures(
  image: Image,
  attached: readonly Attached[],
  trust: Trust,
): readonly SignatureResult[] {
  const signatures = attached.filter(({ mediaType }) => Object.hasOwn(VERIFIERS, mediaType));
  return signatures.flatMap((signature, index) => {
    const found = VERIFIERS[signature.mediaType];
    if (found === undefined) return [];
    const { format, verifier } = found;
    const { digest } = signature;
    const run = () => {
      if (index < MAX_SIGNATURES) return verifier(image, signature, trust);
      throw new Refusal("unverified", `only the first ${MAX_SIGNATURES} signatures are verified`);
    };
    return { format, digest, ...outcomeOf(run, signature.bytes.length) };
  });
}

export function isSigned(results: readonly SignatureResult[]): boolean {
  return results.some(({ state }) => state === "verified");
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
    const {
      state,
      message: reason,
      signer,
    } = error instanceof Refusal ? error : invalid("it cannot be read");
    return { state, reason, signer, by: null, predicateType: null, signedAtMs: null };
  }
}
