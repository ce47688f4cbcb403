/** Keys that the tests make, and what they sign in cosign's own format. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { digestOf } from "../../../src/oci/digest.ts";
import { SIMPLE_SIGNING_TYPE } from "../../../src/signatures/simple-signing.ts";
import type { Attached, Image } from "../../../src/signatures/signature.ts";
import type { Trust, TrustEntry } from "../../../src/signatures/trust.ts";
import { verifySignatures } from "../../../src/signatures/verify.ts";

export const EC = { type: "ec", options: { namedCurve: "P-256" } } as const;
export type KeyKind =
  | { readonly type: "ec"; readonly options: { readonly namedCurve: string } }
  | { readonly type: "rsa"; readonly options: { readonly modulusLength: number } }
  | { readonly type: "ed25519"; readonly options: Readonly<Record<string, never>> };

export interface Signer {
  readonly publicKey: KeyObject;
  readonly publicKeyPem: string;
  readonly privateKey: KeyObject;
  sign(data: Uint8Array): Buffer;
}

export function makeSigner(kind: KeyKind = EC, hash = "sha256"): Signer {
  // One signature for each type of key: the union fits none of them.
  const generate = generateKeyPairSync as unknown as (
    type: string,
    options: object,
  ) => { publicKey: KeyObject; privateKey: KeyObject };
  const { publicKey, privateKey } = generate(kind.type, kind.options);
  return {
    publicKey,
    privateKey,
    publicKeyPem: String(publicKey.export({ type: "spki", format: "pem" })),
    sign: (data) => sign(kind.type === "ed25519" ? null : hash, data, privateKey),
  };
}

export function keyEntry(name: string, { publicKeyPem }: Signer): TrustEntry {
  return { kind: "key", name, publicKeyPem };
}

export async function makeImage(text = '{"schemaVersion":2}'): Promise<Image> {
  const manifest = bytesOf(text);
  return { digest: await digestOf("sha256", manifest), manifest };
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text));
}

export function payloadOf(digest: string, type = "cosign container image signature"): string {
  const identity = { "docker-reference": "registry.example.com/app" };
  const image = { "docker-manifest-digest": digest };
  return JSON.stringify({ critical: { identity, image, type }, optional: null });
}

/** A layer of cosign's own format, with what differs from a valid one. */
export async function simpleSigning(
  image: Image,
  signer: Signer,
  annotations: Record<string, string> = {},
): Promise<Attached> {
  const bytes = bytesOf(payloadOf(image.digest));
  const signature = signer.sign(bytes).toString("base64");
  return {
    mediaType: SIMPLE_SIGNING_TYPE,
    digest: await digestOf("sha256", bytes),
    bytes,
    annotations: { "dev.cosignproject.cosign/signature": signature, ...annotations },
  };
}

/** When all is verified, unless a test says otherwise. */
export const NOW_MS = Date.UTC(2026, 5, 1);

export function verify(image: Image, attached: readonly Attached[], trust: Trust, nowMs = NOW_MS) {
  return verifySignatures(image, attached, trust, nowMs);
}
