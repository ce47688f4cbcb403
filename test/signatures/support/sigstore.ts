/** Sigstore's servers as the tests make them: Fulcio's authority, Rekor's log and a timestamp authority. */
import { createHash } from "node:crypto";
import { CODE_SIGNING, TIME_STAMPING } from "../../../src/signatures/certificate.ts";
import { parseTrustedRoot } from "../../../src/signatures/trusted-root.ts";
import type { TrustRoots } from "../../../src/signatures/trusted-root.ts";
import {
  extension,
  isAuthority,
  issue,
  type CertificateOptions,
  type Issued,
  sequence,
  stamp,
  text,
  tlv,
  usage,
} from "./der.ts";
import { bytesOf, makeSigner, NOW_MS, type Signer } from "./signer.ts";

/** Fulcio's certificates hold for ten minutes from NOW_MS on. */
const MINUTES_MS = 60_000;
export const ISSUER = "https://token.actions.githubusercontent.com";
export const SUBJECT = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";

/** uniformResourceIdentifier and rfc822Name. */
export const uri = (value: string) => tlv(0x86, Buffer.from(value));
export const email = (value: string) => tlv(0x81, Buffer.from(value));

export function issuedFor(
  names: readonly Uint8Array[] = [uri(SUBJECT)],
  issuer = ISSUER,
): Buffer[] {
  return [
    usage(CODE_SIGNING),
    extension("2.5.29.17", sequence(...names), true),
    extension("1.3.6.1.4.1.57264.1.1", Buffer.from(issuer)),
    extension("1.3.6.1.4.1.57264.1.8", text(issuer)),
  ];
}

export interface LogOptions {
  readonly timeMs?: number;
  /** Who signs for the log. */
  readonly by?: Signer;
  readonly body?: string;
}

export type RekorBundle = ReturnType<Sigstore["log"]>;
export type Sigstore = ReturnType<typeof makeSigstore>;

const named = (name: string) => [["2.5.4.10", name]] as const;

export function makeSigstore() {
  const root = issue({ name: named("fulcio root"), extensions: [isAuthority(1)] });
  const fulcio = issue({ name: named("fulcio"), issuer: root, extensions: [isAuthority(0)] });
  const tsaRoot = issue({ name: named("tsa root"), extensions: [isAuthority()] });
  const tsa = issue({ name: named("tsa"), issuer: tsaRoot, extensions: [usage(TIME_STAMPING)] });
  const rekor = makeSigner();
  const rekorId = idOf(rekor);
  return {
    fulcio,
    rekor,
    rekorId,
    trustedRoot: trustedRootOf([fulcio, root], [tsa, tsaRoot], rekor),
    certify: (options: CertificateOptions = {}) =>
      issue({
        issuer: fulcio,
        fromMs: NOW_MS,
        toMs: NOW_MS + 10 * MINUTES_MS,
        extensions: issuedFor(),
        ...options,
      }),
    /** What Rekor answers when a signature is logged. */
    log: (body: string, { timeMs = NOW_MS + MINUTES_MS, by = rekor }: LogOptions = {}) => {
      const payload = {
        body: Buffer.from(body).toString("base64"),
        integratedTime: timeMs / 1000,
        logID: rekorId,
        logIndex: 7,
      };
      const promise = by.sign(bytesOf(JSON.stringify(payload)));
      return { SignedEntryTimestamp: promise.toString("base64"), Payload: payload };
    },
    stamp: (bytes: Uint8Array, timeMs = NOW_MS + MINUTES_MS) => stamp(tsa, tsaRoot, bytes, timeMs),
  };
}

export function idOf({ publicKey }: Signer): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

function authority(path: readonly Issued[]) {
  return {
    certChain: { certificates: path.map(({ der }) => ({ rawBytes: der.toString("base64") })) },
    validFor: { start: "1970-01-01T00:00:00Z" } as { start: string; end?: string },
  };
}

function log(signer: Signer) {
  return {
    publicKey: {
      rawBytes: signer.publicKey.export({ type: "spki", format: "der" }).toString("base64"),
      validFor: { start: "1970-01-01T00:00:00Z" } as { start: string; end?: string },
    },
    logId: { keyId: Buffer.from(idOf(signer), "hex").toString("base64") },
  };
}

export function trustedRootOf(
  fulcio: readonly Issued[],
  tsa: readonly Issued[],
  rekor: Signer | null,
) {
  return {
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: rekor === null ? [] : [log(rekor)],
    certificateAuthorities: fulcio.length === 0 ? [] : [authority(fulcio)],
    timestampAuthorities: tsa.length === 0 ? [] : [authority(tsa)],
  };
}

export function rootsOf(root: ReturnType<typeof trustedRootOf>): TrustRoots {
  return parseTrustedRoot(JSON.stringify(root));
}

/** The entry of a log for a signature of some bytes. */
export function hashedRekord(
  bytes: Uint8Array,
  signature: Uint8Array,
  verifierPem: string,
): string {
  const value = createHash("sha256").update(bytes).digest("hex");
  return JSON.stringify({
    apiVersion: "0.0.1",
    kind: "hashedrekord",
    spec: {
      data: { hash: { algorithm: "sha256", value } },
      signature: {
        content: Buffer.from(signature).toString("base64"),
        publicKey: { content: Buffer.from(verifierPem).toString("base64") },
      },
    },
  });
}

/** A log of these entries: the proof that it holds one of them, with a checkpoint that it signed. */
export function prove(rekor: Signer, bodies: readonly string[], index: number) {
  const leaves = bodies.map((body) => hash(0, Buffer.from(body)));
  const root = rootOf(leaves);
  const note = `rekor.example.com\n${bodies.length}\n${root.toString("base64")}\n`;
  const hint = Buffer.from(idOf(rekor), "hex").subarray(0, 4);
  const signature = Buffer.concat([hint, rekor.sign(bytesOf(note))]).toString("base64");
  return {
    logIndex: String(index),
    treeSize: String(bodies.length),
    rootHash: root.toString("base64"),
    hashes: pathOf(leaves, index).map((sibling) => sibling.toString("base64")),
    checkpoint: { envelope: `${note}\n\u2014 rekor.example.com ${signature}\n` },
  };
}

function hash(prefix: number, ...parts: readonly Uint8Array[]): Buffer {
  return createHash("sha256")
    .update(Buffer.concat([Buffer.of(prefix), ...parts]))
    .digest();
}

/** The largest power of two below a count (RFC 9162 § 2.1.1). */
function split(count: number): number {
  return 2 ** Math.floor(Math.log2(count - 1));
}

function rootOf(leaves: readonly Buffer[]): Buffer {
  const [only] = leaves;
  if (only !== undefined && leaves.length === 1) return only;
  const at = split(leaves.length);
  return hash(1, rootOf(leaves.slice(0, at)), rootOf(leaves.slice(at)));
}

function pathOf(leaves: readonly Buffer[], index: number): Buffer[] {
  if (leaves.length === 1) return [];
  const at = split(leaves.length);
  return index < at
    ? [...pathOf(leaves.slice(0, at), index), rootOf(leaves.slice(at))]
    : [...pathOf(leaves.slice(at), index - at), rootOf(leaves.slice(0, at))];
}
