import * as v from "valibot";
import { type Authority, type Certificate, MAX_PATH, parseCertificate } from "./certificate.ts";
import { KeyError, type PublicKey, publicKeyOf } from "./key.ts";
import { Base64, readJson } from "./read.ts";
import { Refusal } from "./signature.ts";

/** A transparency log. */
export interface Log {
  /** As entries name the log: hex. */
  readonly id: string;
  readonly key: PublicKey;
  readonly validFromMs: number;
  readonly validToMs: number;
}

/** An authority for times: its signer's certificate, and those that issued it. */
export interface TimestampAuthority extends Authority {
  readonly signer: Certificate;
}

/**
 * Whose certificates, log entries and times prove a keyless signature. Logs of certificates are left out: they show a
 * misuse of Fulcio's own key, which is trusted here.
 */
export interface TrustRoots {
  readonly certificateAuthorities: readonly Authority[];
  readonly logs: readonly Log[];
  readonly timestampAuthorities: readonly TimestampAuthority[];
}

export const NO_ROOTS: TrustRoots = {
  certificateAuthorities: [],
  logs: [],
  timestampAuthorities: [],
};

export class TrustedRootError extends Error {
  override readonly name = "TrustedRootError";
}

/** Sigstore's own has four authorities and four logs. */
const MAX_OF_A_KIND = 20;
export const MAX_TRUSTED_ROOT_BYTES = 256 * 1024;
/** The last time that a Date holds. */
const END_OF_TIME_MS = 8.64e15;

const Time = v.pipe(v.string(), v.isoTimestamp(), v.transform(Date.parse));
const ValidFor = v.optional(v.object({ start: v.optional(Time), end: v.optional(Time) }), {});
const CertificateAuthority = v.object({
  certChain: v.object({
    certificates: v.pipe(
      v.array(v.object({ rawBytes: Base64 })),
      v.minLength(1),
      v.maxLength(MAX_PATH),
    ),
  }),
  validFor: ValidFor,
});
const TrustedRoot = v.object({
  mediaType: v.pipe(v.string(), v.startsWith("application/vnd.dev.sigstore.trustedroot")),
  tlogs: v.optional(
    v.pipe(
      v.array(
        v.object({
          publicKey: v.object({ rawBytes: Base64, validFor: ValidFor }),
          logId: v.object({ keyId: Base64 }),
        }),
      ),
      v.maxLength(MAX_OF_A_KIND),
    ),
    [],
  ),
  certificateAuthorities: v.optional(
    v.pipe(v.array(CertificateAuthority), v.maxLength(MAX_OF_A_KIND)),
    [],
  ),
  timestampAuthorities: v.optional(
    v.pipe(v.array(CertificateAuthority), v.maxLength(MAX_OF_A_KIND)),
    [],
  ),
});

/**
 * Reads a file of Sigstore's protobuf-specs, `TrustedRoot` in JSON: Sigstore publishes its own as trusted_root.json, and
 * `cosign trusted-root create` makes one for other servers.
 * @throws TrustedRootError with what is wrong
 */
export function parseTrustedRoot(json: string): TrustRoots {
  try {
    if (json.length > MAX_TRUSTED_ROOT_BYTES) {
      throw new TrustedRootError(`the trusted root is longer than ${MAX_TRUSTED_ROOT_BYTES} bytes`);
    }
    return rootsOf(readJson(TrustedRoot, json, "the trusted root"));
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof KeyError)) throw error;
    throw new TrustedRootError(
      error instanceof KeyError ? `a log's key cannot be used: ${error.message}` : error.message,
    );
  }
}

function rootsOf(root: v.InferOutput<typeof TrustedRoot>): TrustRoots {
  return {
    certificateAuthorities: root.certificateAuthorities.map(authorityOf),
    logs: root.tlogs.map(({ publicKey, logId }) => ({
      id: Buffer.from(logId.keyId).toString("hex"),
      key: publicKeyOf(publicKey.rawBytes),
      ...validity(publicKey.validFor),
    })),
    timestampAuthorities: root.timestampAuthorities.flatMap((authority) => {
      const parsed = authorityOf(authority);
      const [signer] = parsed.anchors;
      return signer === undefined ? [] : { ...parsed, signer };
    }),
  };
}

function authorityOf({
  certChain,
  validFor,
}: v.InferOutput<typeof CertificateAuthority>): Authority {
  const anchors = certChain.certificates.map(({ rawBytes }) => parseCertificate(rawBytes));
  return { anchors, ...validity(validFor) };
}

function validity({ start, end }: v.InferOutput<typeof ValidFor>) {
  return { validFromMs: start ?? 0, validToMs: end ?? END_OF_TIME_MS };
}

export function holdsAt(
  { validFromMs, validToMs }: Pick<Log, "validFromMs" | "validToMs">,
  timeMs: number,
): boolean {
  return timeMs >= validFromMs && timeMs <= validToMs;
}
