import { algorithmOf, type Digest, formatDigest } from "../oci/digest.ts";
import type { BlobRow, Place, Unexplained } from "./row.ts";
import { type Fault, finding, type Finding } from "./findings.ts";
import { fromBucket, readAgain, ReadFailure } from "./read-failure.ts";
import { type Checked, MAX_REPAIRS, type Work } from "./phase.ts";

/**
 * Rows and objects of one step. Each costs a call to R2, of which a Worker may make 10,000 for one request, and, where
 * something is wrong, a few queries to D1, which allows 1,000.
 */
const BLOBS = 100;
const OBJECTS = 500;
/** Bytes after which a step ends; it first reads the current object to its end. */
export const STEP_BYTES = 64 * 1024 * 1024;
/** The largest object to hash, in bytes. R2 gives about 100 MB/s: more would take longer than a request should. */
const MAX_HASHED = 8 * 1024 ** 3;
/** The most affected images that a finding names. */
const MAX_AFFECTED = 20;
/** The prefixes of blobs and manifests, in byte order; other objects are not checked. */
const PREFIXES = ["blobs/", "manifests/"] as const;

/** Checks that each blob's object exists, has its size and digest, and that a repository links or trashed the blob. */
export async function checkBlobs(from: Place, work: Work): Promise<Checked> {
  const { index, options } = work;
  // A pass ends with the blobs that are there when it begins: where new ones come as fast as it hashes, it would not end.
  const [, end = String(await index.lastBlob())] = from.name.split(" ");
  const rows = await index.blobs({ ...from, name: `${from.name.split(" ")[0]} ${end}` }, BLOBS);
  const findings: Finding[] = [];
  let [checked, bytes, unhashed, last] = [0, 0, 0, from.name];
  for (const row of rows) {
    const isLarge = row.size > MAX_HASHED;
    const isSpent = bytes >= options.hash;
    if (checked > 0 && bytes >= STEP_BYTES) break;
    if (options.repair !== null && findings.length >= MAX_REPAIRS) break;
    if (isSpent && !isLarge && options.beyond === "stop") break;
    const hashed = await checkBlob(row, isLarge || isSpent ? "metadata" : "hash", work);
    findings.push(...hashed.findings);
    bytes += hashed.bytes;
    unhashed += isLarge ? 1 : 0;
    checked++;
    last = `${row.digestId} ${end}`;
  }
  const isEnd = checked === rows.length && rows.length < BLOBS;
  const next = isEnd ? null : { repository: 0, name: last };
  return { findings, next, checked, bytes, unhashed };
}

interface Hashed {
  readonly findings: readonly Finding[];
  readonly bytes: number;
}

async function checkBlob(row: BlobRow, how: "metadata" | "hash", work: Work): Promise<Hashed> {
  const findings = await checkRow(row, work);
  const { fault, bytes } = await examine(row, how, work);
  if (fault === null) return { findings, bytes };
  return { findings: [...findings, await report(row, fault, work)], bytes };
}

/** Checks the row alone, whatever is in the bucket. */
async function checkRow(row: BlobRow, { blobs, ages, options }: Work): Promise<Finding[]> {
  const { digest, key, inUse, scheduled } = row;
  const { repair } = options;
  const findings: Finding[] = [];
  if (inUse === 0) {
    const isDone = repair !== null && (await blobs.letGo(digest, ages.trash, repair));
    findings.push(
      finding({ kind: "blob.unlinked", subject: digest }, isDone ? "repaired" : "found"),
    );
  }
  if (scheduled === 1) {
    const isDone = repair !== null && (await blobs.cancelDeletion(key, repair));
    const fault = { kind: "blob.scheduled", subject: digest, detail: key } as const;
    findings.push(finding(fault, isDone ? "repaired" : "found"));
  }
  return findings;
}

type ObjectFault =
  | { readonly kind: "blob.missing" | "blob.damaged" | "blob.found" }
  | { readonly kind: "blob.unread"; readonly error: string }
  | { readonly kind: "blob.size"; readonly size: number };

interface Examined {
  readonly fault: ObjectFault | null;
  readonly bytes: number;
}

/** Compares the object with its row, again after a failure of the bucket; a lasting failure must not stop the run. */
async function examine(row: BlobRow, how: "metadata" | "hash", work: Work): Promise<Examined> {
  try {
    return await readAgain(() => compare(row, how, work));
  } catch (error) {
    if (!(error instanceof ReadFailure)) throw error;
    // The blob may have been deleted, or pushed again.
    const isStill = await work.index.isBlob(row.digest, row.key);
    const fault = { kind: "blob.unread", error: error.message } as const;
    return { fault: isStill ? fault : null, bytes: 0 };
  }
}

/** Compares the object with its row. One that looks wrong is read to its end, twice. */
async function compare(row: BlobRow, how: "metadata" | "hash", work: Work): Promise<Examined> {
  const { digest, key, size, lost } = row;
  const { bucket, index } = work;
  const actual = how === "hash" ? null : await fromBucket(() => bucket.sizeOf(key));
  if (how === "metadata" && lost === 0 && actual === size) return { fault: null, bytes: 0 };
  const first = await hash(digest, key, work);
  if (first.actual === digest) {
    if (lost === 1) return { fault: { kind: "blob.found" }, bytes: first.bytes };
    const fault = { kind: "blob.size", size: first.bytes } as const;
    return { fault: first.bytes === size ? null : fault, bytes: first.bytes };
  }
  const second = await hash(digest, key, work);
  const bytes = first.bytes + second.bytes;
  // The blob may have been deleted since its row was read.
  const isStill = second.actual !== digest && (await index.isBlob(digest, key));
  if (!isStill) return { fault: null, bytes };
  return { fault: { kind: second.actual === null ? "blob.missing" : "blob.damaged" }, bytes };
}

/** @returns the digest of the object's bytes; null without an object */
async function hash(
  digest: Digest,
  key: string,
  { bucket }: Pick<Work, "bucket">,
): Promise<{ readonly actual: Digest | null; readonly bytes: number }> {
  const body = await fromBucket(() => bucket.open(key));
  if (body === null) return { actual: null, bytes: 0 };
  const algorithm = algorithmOf(digest);
  const stream = new crypto.DigestStream(algorithm === "sha256" ? "SHA-256" : "SHA-512");
  await fromBucket(() => body.pipeTo(stream));
  const actual = formatDigest(algorithm, new Uint8Array(await stream.digest));
  return { actual, bytes: Number(stream.bytesWritten) };
}

async function report(row: BlobRow, fault: ObjectFault, work: Work): Promise<Finding> {
  const { digest, key, lost } = row;
  const { blobs, index, options } = work;
  const { repair } = options;
  const { kind } = fault;
  const about: Fault = { kind, subject: digest, detail: key };
  if (fault.kind === "blob.unread") return finding({ ...about, detail: `${key}: ${fault.error}` });
  if (fault.kind === "blob.size") {
    const isDone = repair !== null && (await blobs.resize(digest, key, fault.size, repair));
    const detail = `${row.size} bytes for ${fault.size}`;
    return finding({ ...about, detail }, isDone ? "repaired" : "found");
  }
  if (fault.kind === "blob.found") {
    const isDone = repair !== null && (await blobs.markFound(digest, key, repair));
    return finding(about, isDone ? "repaired" : "found");
  }
  const isMarked =
    lost === 1 || (repair !== null && (await blobs.markMissing(digest, key, repair)));
  const affected = await index.needing(digest, MAX_AFFECTED);
  return finding({ ...about, affected }, isMarked ? "marked" : "found");
}

/** Checks that each object belongs to a blob or manifest, or waits for deletion. Others are only reported. */
export async function checkObjects({ name }: Place, work: Work): Promise<Checked> {
  const { bucket, ages } = work;
  const prefix = PREFIXES.find((one) => name < one || name.startsWith(one)) ?? "manifests/";
  const { objects, more } = await bucket.list(prefix, name < prefix ? "" : name, OBJECTS);
  const old = new Set(
    objects.flatMap(({ key, uploaded }) => (uploaded <= Date.now() - ages.orphan ? key : [])),
  );
  const unknown = await unexplained(
    objects.map(({ key }) => key),
    work,
  );
  // Young objects may belong to uploads in progress. But where the index is empty nobody can tell, so any counts.
  const suspects = unknown.isEmpty
    ? unknown
    : { ...unknown, keys: unknown.keys.filter((key) => old.has(key)) };
  const there = await Promise.all(
    suspects.keys.map(async (key) => ((await bucket.sizeOf(key)) === null ? [] : key)),
  );
  // The row of an object may have been deleted before the first query, and the object after it.
  const { keys: orphans, isEmpty } = await unexplained(there.flat(), work);
  const [first] = orphans;
  if (isEmpty && first !== undefined) {
    // The database is likely lost: the exports tell what the objects are, and there may be millions of them.
    const findings = [finding({ kind: "index.empty", subject: first })];
    return { findings, next: null, checked: objects.length, bytes: 0, unhashed: 0 };
  }
  const findings = orphans.map((key) => finding({ kind: "object.orphan", subject: key }));
  const last = more ? objects.at(-1)?.key : undefined;
  const following = last ?? PREFIXES.find((one) => one > prefix);
  const next = following === undefined ? null : { repository: 0, name: following };
  return { findings, next, checked: objects.length, bytes: 0, unhashed: 0 };
}

async function unexplained(keys: readonly string[], { index }: Work): Promise<Unexplained> {
  return keys.length === 0 ? { keys: [], isEmpty: false } : index.orphans(keys);
}
