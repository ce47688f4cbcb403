import * as v from "valibot";
import { someText, someTime, text, texts, time } from "../api/schema/common.ts";

const kind = v.picklist(["key", "keyless", "notation"]);

/** Whose signatures are trusted: a key, an identity of OIDC by Fulcio's certificate, or certificates of notation. */
const fields = {
  kind,
  publicKey: v.pipe(
    v.optional(someText, null),
    v.description("For `key`: PEM of an ECDSA, RSA or Ed25519 key, such as cosign.pub."),
  ),
  issuer: v.pipe(
    v.optional(someText, null),
    v.description('For `keyless`: such as "https://token.actions.githubusercontent.com".'),
  ),
  identity: v.pipe(
    v.optional(someText, null),
    v.description(
      "For `keyless`: an e-mail address or a workflow's URI; `*` stands for any characters.",
    ),
  ),
  certificates: v.pipe(
    v.optional(v.pipe(texts, v.maxLength(10)), []),
    v.description("For `notation`: PEM of authorities, or of signers themselves."),
  ),
  identities: v.pipe(
    v.optional(v.pipe(texts, v.maxLength(20)), []),
    v.description('For `notation`: such as "x509.subject: C=US, ST=WA, O=acme", or "*".'),
  ),
};

export const NewSigner = v.strictObject(fields);
export type NewSigner = v.InferOutput<typeof NewSigner>;

export const Signer = v.object({ name: text, ...fields, createdAt: time });
export type Signer = v.InferOutput<typeof Signer>;

export const Signature = v.object({
  format: v.picklist(["cosign", "sigstore-bundle", "notation"]),
  digest: v.pipe(text, v.description("Of the layer that is the signature.")),
  manifest: v.pipe(text, v.description("The manifest that it is in.")),
  subject: v.pipe(text, v.description("What it signs: the image, or an index that names it.")),
  state: v.pipe(
    v.picklist(["verified", "unverified", "invalid"]),
    v.description("verified: a signer that the namespace trusts made it for this image."),
  ),
  by: v.pipe(someText, v.description("The name of that signer.")),
  signer: v.pipe(someText, v.description("A key's fingerprint or a certificate's identity.")),
  predicateType: v.pipe(someText, v.description("What an attestation states; null: a signature.")),
  reason: text,
  signedAt: v.pipe(someTime, v.description("As a log or a timestamp authority proves it.")),
});
export type Signature = v.InferOutput<typeof Signature>;

export const Signatures = v.object({
  items: v.array(Signature),
  problems: v.pipe(texts, v.description("What was left out.")),
});
export type Signatures = v.InferOutput<typeof Signatures>;
