import type { Digest } from "../oci/digest.ts";
import { namespaceOf, type RepositoryName } from "../oci/reference.ts";
import type { AttachmentReader } from "../registry/attachments.ts";
import publicGood from "./sigstore-public-good.json" with { type: "json" };
import type { SignatureResult } from "./signature.ts";
import type { SignerStore } from "./signer-store.ts";
import { parseTrust, type TrustEntry } from "./trust.ts";
import { parseTrustedRoot, type TrustRoots } from "./trusted-root.ts";
import { isSignatureType, isSigned, verifySignatures } from "./verify.ts";

/** A signature, with the manifest that it is in and what it is about: the image, or an index that names it. */
export interface CheckedSignature extends SignatureResult {
  readonly manifest: Digest;
  readonly subject: Digest;
}

export interface Checked {
  readonly signatures: readonly CheckedSignature[];
  readonly problems: readonly string[];
}

/** A signature is compared with the image and with so many indexes at most. */
const MAX_SUBJECTS = 4;

let roots: TrustRoots | undefined;

/** Verifies the signatures of images by whom their namespaces trust. */
export class SignatureChecks {
  readonly #signers: SignerStore;
  readonly #attachments: AttachmentReader;

  constructor(signers: SignerStore, attachments: AttachmentReader) {
    this.#signers = signers;
    this.#attachments = attachments;
  }

  /** Returns all signatures of an image, or index. @throws MANIFEST_UNKNOWN */
  async of(repository: RepositoryName, digest: Digest): Promise<Checked> {
    return this.#check(repository, digest, await this.#signers.all(namespaceOf(repository)));
  }

  /** Returns whether a signer vouches for an image whom its namespace trusts. If it trusts nobody, no signature is read. */
  async isSigned(repository: RepositoryName, digest: Digest): Promise<boolean> {
    const entries = await this.#signers.all(namespaceOf(repository));
    if (entries.length === 0) return false;
    return isSigned((await this.#check(repository, digest, entries)).signatures);
  }

  async #check(
    repository: RepositoryName,
    digest: Digest,
    entries: readonly TrustEntry[],
  ): Promise<Checked> {
    // Sigstore's own authorities and logs. Parsed when they are first needed: an isolate that starts should not take the time.
    roots ??= parseTrustedRoot(JSON.stringify(publicGood));
    const trust = parseTrust(entries, roots);
    const { subjects, layers, problems } = await this.#attachments.read(
      repository,
      digest,
      ({ mediaType }) => isSignatureType(mediaType),
    );
    const known = subjects.flatMap(({ digest: subject, content }) =>
      content === null ? [] : [{ digest: subject, manifest: new TextEncoder().encode(content) }],
    );
    const signatures = layers.flatMap((layer) => {
      const results = known.slice(0, MAX_SUBJECTS).flatMap((subject) =>
        verifySignatures(subject, [layer], trust, Date.now()).map((result) => ({
          ...result,
          manifest: layer.manifest,
          subject: subject.digest,
        })),
      );
      // A signature is of one of them; for the others it is invalid.
      const best = results.toSorted((a, b) => RANKS[a.state] - RANKS[b.state])[0];
      return best === undefined ? [] : [best];
    });
    return { signatures, problems };
  }
}

const RANKS = { verified: 0, unverified: 1, invalid: 2 } as const;
