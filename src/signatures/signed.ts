/** A signature with what proves whose it is and when it was made, as all of Sigstore's formats hold it. */

export interface Signed {
  /** What was signed. */
  readonly bytes: Uint8Array;
  /** The payload of a DSSE envelope, which is a part of what was signed; otherwise the same as `bytes`. */
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly material: Material;
}

export interface Material {
  /** The signer's certificate, in DER. */
  readonly certificate: Uint8Array | null;
  readonly entries: readonly LogEntry[];
  /** RFC 3161 TimeStampResp of the signature, in DER. */
  readonly timestamps: readonly Uint8Array[];
}

export interface LogEntry {
  /** Hex. */
  readonly logId: string;
  readonly logIndex: number;
  /** Seconds since 1970, which count only where the log's promise is there. */
  readonly integratedTime: number;
  /** The log's signature of all that is here beside the proof. */
  readonly promise: Uint8Array | null;
  readonly proof: InclusionProof | null;
  /** JSON. */
  readonly body: Uint8Array;
}

export interface InclusionProof {
  readonly logIndex: bigint;
  readonly treeSize: bigint;
  readonly rootHash: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  readonly checkpoint: string;
}

/** Of one signature: each takes a signature of its own to verify. */
export const MAX_LOG_ENTRIES = 4;
export const MAX_TIMESTAMPS = 4;
