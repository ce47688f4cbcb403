import { algorithmOf, digestOf } from "../oci/digest.ts";
import { RegistryError } from "../oci/errors.ts";
import { type Manifest, readManifest } from "../oci/manifest.ts";
import { OCI_ARTIFACT, OCI_INDEX, OCI_MANIFEST } from "../oci/media-type.ts";
import { inflateText, MAX_ROW_CONTENT } from "../db/manifest-text.ts";
import type { ManifestKey, ManifestRow, Place } from "./row.ts";
import { compareReferences, type Difference, finding, type Finding } from "./findings.ts";
import { STEP_BYTES } from "./objects.ts";
import { type Checked, MAX_REPAIRS, type Work } from "./phase.ts";
import { about, firstOf, links, MAX_AFFECTED } from "./links.ts";
import { fromBucket, readAgain, ReadFailure } from "./read-failure.ts";

const MANIFESTS = 100;
/** The most bytes of text that one statement reads; a manifest that is stored in its row has at most 256 KiB. */
const MAX_TEXT = 4 * 1024 * 1024;
/** The largest manifest in bytes; no setting allows larger ones. */
const MAX_MANIFEST = 16 * 1024 * 1024;

/** Checks that the bytes of each manifest have its digest, and that what they name is in the index and exists. */
export async function checkManifests(from: Place, work: Work): Promise<Checked> {
  const { index, options } = work;
  const keys = await index.manifestKeys(from, MANIFESTS);
  const some = withinText(keys);
  const rows = new Map(
    (await index.manifests(some)).map((row) => [`${row.repositoryId} ${row.digest}`, row]),
  );
  const findings: Finding[] = [];
  let [checked, bytes, repairs, last] = [0, 0, 0, from];
  for (const key of some) {
    const row = rows.get(`${key.repositoryId} ${key.digest}`);
    const isSpent = row !== undefined && row.object !== null && bytes >= options.hash;
    if (checked > 0 && (bytes >= STEP_BYTES || repairs >= MAX_REPAIRS)) break;
    if (isSpent && options.beyond === "stop") break;
    if (row !== undefined) {
      const done = await checkManifest(row, isSpent ? "metadata" : "read", work);
      findings.push(...done.findings);
      bytes += done.bytes;
      repairs += options.repair === null ? 0 : done.repairs;
    }
    checked++;
    last = { repository: key.repositoryId, name: key.digest };
  }
  const isEnd = checked === keys.length && keys.length < MANIFESTS;
  return { findings, next: isEnd ? null : last, checked, bytes, unhashed: 0 };
}

/** Returns as many as can be read at once, but always one. */
function withinText(keys: readonly ManifestKey[]): ManifestKey[] {
  let text = 0;
  return keys.filter(({ size }, i) => {
    text += size <= MAX_ROW_CONTENT ? size : 0;
    return i === 0 || text <= MAX_TEXT;
  });
}

interface Done {
  readonly findings: readonly Finding[];
  readonly bytes: number;
  readonly repairs: number;
}

async function checkManifest(
  row: ManifestRow,
  how: "metadata" | "read",
  work: Work,
): Promise<Done> {
  const { bytes, kind, hashed, error } = await read(row, how, work);
  const findings = [
    ...(await scheduled(row, work)),
    ...(error === undefined ? [] : [finding(about("manifest.unread", row, error))]),
    ...(await state(row, kind, work)),
    ...(bytes === null ? [] : await checkBytes(row, bytes, work)),
  ];
  const linked = await links(row, work);
  const repairs = findings.length + linked.repairs;
  return { findings: [...findings, ...linked.findings], bytes: hashed, repairs };
}

/** Compares the row and its references with the bytes. */
async function checkBytes(row: ManifestRow, bytes: Uint8Array, work: Work): Promise<Finding[]> {
  const manifest = parsed(bytes, row.mediaType);
  if (manifest === null) return [finding(about("manifest.invalid", row, row.mediaType))];
  return [
    ...(await fields(row, manifest, bytes.length, work)),
    ...(await references(row, manifest, bytes, work)),
  ];
}

interface Read {
  /** null when they are missing or damaged, or were not read. */
  readonly bytes: Uint8Array | null;
  readonly kind: "whole" | "missing" | "damaged" | "unread";
  /** Bytes that were read from the bucket. */
  readonly hashed: number;
  /** The bucket's error. */
  readonly error?: string;
}

/** Reads the manifest's bytes, again after a failure of the bucket; a lasting failure must not stop the run. */
async function read(row: ManifestRow, how: "metadata" | "read", work: Work): Promise<Read> {
  try {
    return await readAgain(() => examine(row, how, work));
  } catch (error) {
    if (!(error instanceof ReadFailure)) throw error;
    const [again] = await work.index.manifests([row]);
    const isStill = again !== undefined && again.object === row.object;
    const none = { bytes: null, kind: "unread", hashed: 0 } as const;
    return isStill ? { ...none, error: error.message } : none;
  }
}

/** Reads the manifest's bytes. If they look wrong, the row is read again: it may have been pushed again, or deleted. */
async function examine(row: ManifestRow, how: "metadata" | "read", work: Work): Promise<Read> {
  const first = await load(row, how, work);
  if (first.kind === "whole" || first.kind === "unread") return first;
  const [again] = await work.index.manifests([row]);
  if (again === undefined) return { bytes: null, kind: "unread", hashed: first.hashed };
  const second = await load(again, how, work);
  const isSame = again.object === row.object && again.content === row.content;
  const hashed = first.hashed + second.hashed;
  return isSame ? { ...second, hashed } : { bytes: null, kind: "unread", hashed };
}

async function load(row: ManifestRow, how: "metadata" | "read", { bucket }: Work): Promise<Read> {
  const { digest, content, object } = row;
  if (content !== "") {
    const bytes = inflateBytes(content);
    const isWhole = bytes !== null && (await digestOf(algorithmOf(digest), bytes)) === digest;
    return { bytes: isWhole ? bytes : null, kind: isWhole ? "whole" : "damaged", hashed: 0 };
  }
  const size = object === null ? null : await fromBucket(() => bucket.sizeOf(object));
  if (size === null || object === null) return { bytes: null, kind: "missing", hashed: 0 };
  if (size > MAX_MANIFEST) return { bytes: null, kind: "damaged", hashed: 0 };
  if (how === "metadata" && size === row.size && row.lost === 0) {
    return { bytes: null, kind: "unread", hashed: 0 };
  }
  const body = await fromBucket(() => bucket.open(object));
  if (body === null) return { bytes: null, kind: "missing", hashed: 0 };
  const bytes = new Uint8Array(await fromBucket(() => new Response(body).arrayBuffer()));
  const isWhole = (await digestOf(algorithmOf(digest), bytes)) === digest;
  const kind = isWhole ? "whole" : "damaged";
  return { bytes: isWhole ? bytes : null, kind, hashed: bytes.length };
}

/** @returns null if the row is damaged, which the digest need not tell */
function inflateBytes(content: string): Uint8Array | null {
  try {
    return new TextEncoder().encode(inflateText(content) ?? "");
  } catch {
    return null;
  }
}

async function scheduled(row: ManifestRow, { blobs, options }: Work): Promise<Finding[]> {
  const { object } = row;
  if (row.scheduled === 0 || object === null) return [];
  const { repair } = options;
  const isDone = repair !== null && (await blobs.cancelDeletion(object, repair));
  return [finding(about("manifest.scheduled", row, object), isDone ? "repaired" : "found")];
}

/** Reports the state of the bytes where it differs from the row's. */
async function state(row: ManifestRow, kind: Read["kind"], work: Work): Promise<Finding[]> {
  const { index, manifests, options } = work;
  const { repair } = options;
  if (kind === "unread" || (kind === "whole" && row.lost === 0)) return [];
  if (kind === "whole") {
    const isDone = repair !== null && (await manifests.markFound(row, repair));
    return [finding(about("manifest.found", row), isDone ? "repaired" : "found")];
  }
  const isMarked =
    row.lost === 1 || (repair !== null && (await manifests.markMissing(row, repair)));
  const affected = await index.needingManifest(row, MAX_AFFECTED);
  const fault = { ...about(`manifest.${kind}`, row, row.object ?? undefined), affected };
  return [finding(fault, isMarked ? "marked" : "found")];
}

function parsed(bytes: Uint8Array, mediaType: string): Manifest | null {
  try {
    return readManifest(bytes, mediaType);
  } catch (error) {
    if (error instanceof RegistryError) return null;
    throw error;
  }
}

async function fields(
  row: ManifestRow,
  { subject, artifactType }: Manifest,
  size: number,
  { manifests, options }: Work,
): Promise<Finding[]> {
  const { repair } = options;
  const wrong = [
    row.size === size ? [] : `size ${row.size} for ${size}`,
    row.subject === subject ? [] : `subject ${row.subject ?? "none"} for ${subject ?? "none"}`,
    row.artifactType === artifactType ? [] : `type ${row.artifactType} for ${artifactType}`,
  ].flat();
  if (wrong.length === 0) return [];
  const isDone =
    repair !== null && (await manifests.describe(row, [size, subject, artifactType], repair));
  return [finding(about("manifest.fields", row, wrong.join(", ")), isDone ? "repaired" : "found")];
}

async function references(
  row: ManifestRow,
  manifest: Manifest,
  bytes: Uint8Array,
  { index, manifests, options }: Work,
): Promise<Finding[]> {
  const { repair } = options;
  const { wrong, extra } = differenceOf(row, manifest, bytes);
  if (wrong.length + extra.length === 0) return [];
  const fault = about("reference.wrong", row, said({ wrong, extra }));
  if (repair === null) return [finding(fault)];
  await manifests.rewrite(row, wrong, extra, repair);
  const [now] = await index.manifests([row]);
  const left = now === undefined ? null : differenceOf(now, manifest, bytes);
  const isDone = left === null || left.wrong.length + left.extra.length === 0;
  return [finding(fault, isDone ? "repaired" : "found")];
}

/**
 * Compares rows with bytes. The same bytes may have been pushed before as another type of manifest: references of that
 * type stay.
 */
function differenceOf(row: ManifestRow, manifest: Manifest, bytes: Uint8Array): Difference {
  const { wrong, extra } = compareReferences(manifest.references, row.references);
  if (extra.length === 0) return { wrong, extra };
  const types = [OCI_MANIFEST, OCI_INDEX, OCI_ARTIFACT];
  const named = types.flatMap((type) => parsed(bytes, type)?.references ?? []);
  const possible = new Set(named.map(({ digest }) => digest));
  return { wrong, extra: extra.filter((digest) => !possible.has(digest)) };
}

function said({ wrong, extra }: Difference): string {
  return [
    wrong.length === 0 ? [] : `not as named: ${firstOf(wrong.map(({ digest }) => digest))}`,
    extra.length === 0 ? [] : `not named: ${firstOf(extra)}`,
  ]
    .flat()
    .join("; ");
}
