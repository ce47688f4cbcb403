import * as v from "valibot";
import { isSignedBy } from "./key.ts";
import { Base64, readJson } from "./read.ts";
import {
  type Attached,
  type Image,
  invalid,
  quoted,
  unverified,
  type Verified,
} from "./signature.ts";
import type { Trust } from "./trust.ts";

/** cosign's SIGNATURE_SPEC.md, "Simple signing". */
export const SIMPLE_SIGNING_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json";
const SIGNATURE = "dev.cosignproject.cosign/signature";

const Payload = v.object({
  critical: v.object({
    image: v.object({ "docker-manifest-digest": v.string() }),
    type: v.string(),
  }),
});

/**
 * Verifies a signature in cosign's own format: the layer is the signed payload, all else is in its annotations.
 * @throws Refusal
 */
export function verifySimpleSigning(image: Image, attached: Attached, trust: Trust): Verified {
  const { critical } = readJson(Payload, attached.bytes, "the signed payload");
  if (critical.type !== "cosign container image signature") {
    throw invalid(`the signed payload is of the type ${quoted(critical.type)}`);
  }
  const signed = critical.image["docker-manifest-digest"];
  if (signed !== image.digest) throw invalid(`it signs another image: ${quoted(signed)}`);
  const signature = annotationOf(attached);
  const trusted = trust.keys.find(({ key }) => isSignedBy(key, attached.bytes, signature));
  if (trusted !== undefined) {
    const { name: by, key } = trusted;
    return { by, signer: key.fingerprint, signedAtMs: null, predicateType: null };
  }
  throw unverified("no trusted key made it: it is by another key, or was changed");
}

function annotationOf({ annotations }: Attached): Uint8Array {
  const text = annotations[SIGNATURE];
  if (text === undefined) throw invalid(`the annotation ${SIGNATURE} is missing`);
  const { success, output } = v.safeParse(Base64, text);
  if (success) return output;
  throw invalid(`the annotation ${SIGNATURE} is no base64`);
}
