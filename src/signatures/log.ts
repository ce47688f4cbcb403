/** Entries of transparency logs: that a log holds one, when it took it, and that it is about this signature. */
import { createHash } from "node:crypto";
import { isSignedBy } from "./key.ts";
import { readLogBody } from "./log-body.ts";
import { invalid, type Refusal } from "./signature.ts";
import type { InclusionProof, LogEntry, Signed } from "./signed.ts";
import { holdsAt, type Log } from "./trusted-root.ts";

export const MAX_PROOF_HASHES = 64;
/** Logs sign a checkpoint once, and their witnesses do too. */
const MAX_CHECKPOINT_SIGNATURES = 20;

export interface Logged {
  /** When the log took the entry; null where the log signed no time, as Rekor v2 does. */
  readonly timeMs: number | null;
}

/**
 * Verifies an entry of a log.
 * @param verifiers as which an entry may name the signer: the DER of the certificate, and of the key
 * @returns null for an entry of a log that is not trusted
 * @throws Refusal "invalid" for an entry that the log did not sign, or that is about another signature
 */
export function verifyEntry(
  entry: LogEntry,
  logs: readonly Log[],
  signed: Signed,
  verifiers: readonly Uint8Array[],
): Logged | null {
  const log = logs.find(({ id }) => id === entry.logId);
  if (log === undefined) return null;
  compareBody(entry.body, signed, verifiers);
  const promisedMs = entry.promise === null ? null : timeOfPromise(entry, entry.promise, log);
  if (entry.proof !== null) verifyProof(entry.body, entry.proof, log);
  if (promisedMs === null && entry.proof === null) {
    throw invalid("the entry of the transparency log has neither a promise nor a proof of the log");
  }
  return { timeMs: promisedMs };
}

function compareBody(body: Uint8Array, signed: Signed, verifiers: readonly Uint8Array[]): void {
  const logged = readLogBody(body);
  const hashed = logged.hashOf === "signed" ? signed.bytes : signed.payload;
  const hash = createHash(logged.algorithm).update(hashed).digest();
  if (!hash.equals(logged.hash)) throw other("content");
  if (!Buffer.from(logged.signature).equals(signed.signature)) throw other("signature");
  const named = Buffer.from(logged.verifier);
  if (!verifiers.some((verifier) => named.equals(verifier))) throw other("signer");
}

function other(what: string): Refusal {
  return invalid(`the entry of the transparency log is about another ${what}`);
}

/** The log's signature of the entry's canonical JSON: the "signed entry timestamp". */
function timeOfPromise(entry: LogEntry, promise: Uint8Array, log: Log): number {
  const text = JSON.stringify({
    body: Buffer.from(entry.body).toString("base64"),
    integratedTime: entry.integratedTime,
    logID: entry.logId,
    logIndex: entry.logIndex,
  });
  if (!isSignedBy(log.key, Buffer.from(text), promise)) {
    throw invalid("the transparency log did not sign the entry's time");
  }
  const timeMs = entry.integratedTime * 1000;
  if (holdsAt(log, timeMs)) return timeMs;
  throw invalid("the transparency log's key was not valid at the entry's time");
}

function verifyProof(body: Uint8Array, proof: InclusionProof, log: Log): void {
  const { size, root } = checkpointOf(proof.checkpoint, log);
  if (size !== proof.treeSize || !root.equals(proof.rootHash)) {
    throw invalid("the proof of the transparency log is for another state than its checkpoint");
  }
  if (!rootOf(body, proof).equals(root)) {
    throw invalid("the proof does not show that the transparency log holds the entry");
  }
}

/** A signed note with the log's size and root (c2sp.org/tlog-checkpoint, c2sp.org/signed-note). */
function checkpointOf(envelope: string, log: Log) {
  const end = envelope.lastIndexOf("\n\n") + 1;
  const [, size = "", root = ""] = envelope.slice(0, end).split("\n");
  const lines = envelope.slice(end + 1).split("\n", MAX_CHECKPOINT_SIGNATURES);
  const text = Buffer.from(envelope.slice(0, end));
  const isSigned = lines.some((line) => {
    const encoded = /^\u2014 \S+ ([A-Za-z0-9+/]+=*)$/.exec(line)?.[1];
    // Four bytes that hint at the key are before the signature.
    return (
      encoded !== undefined && isSignedBy(log.key, text, Buffer.from(encoded, "base64").subarray(4))
    );
  });
  if (end === 0 || !isSigned) throw invalid("the transparency log did not sign the checkpoint");
  if (!/^\d{1,19}$/.test(size)) throw invalid("the transparency log's checkpoint is malformed");
  return { size: BigInt(size), root: Buffer.from(root, "base64") };
}

/** The root that follows from an audit path (RFC 9162 § 2.1.3.2). */
function rootOf(body: Uint8Array, { logIndex, treeSize, hashes }: InclusionProof): Buffer {
  if (logIndex >= treeSize) throw invalid("the proof is for an entry after the log's end");
  let node = logIndex;
  let last = treeSize - 1n;
  let hash = hashOf(0, body);
  for (const sibling of hashes) {
    if (last === 0n) throw invalid("the proof of the transparency log is too long");
    if ((node & 1n) === 1n || node === last) {
      hash = hashOf(1, sibling, hash);
      while ((node & 1n) === 0n && node !== 0n) {
        node >>= 1n;
        last >>= 1n;
      }
    } else {
      hash = hashOf(1, hash, sibling);
    }
    node >>= 1n;
    last >>= 1n;
  }
  if (last !== 0n) throw invalid("the proof of the transparency log is too short");
  return hash;
}

function hashOf(prefix: number, ...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256").update(Uint8Array.of(prefix));
  for (const part of parts) hash.update(part);
  return hash.digest();
}
