import type { Initiator } from "../db/audit.ts";
import type { ReferenceRowKind } from "../db/manifest-references.ts";
import type { ManifestRow } from "./row.ts";
import { type Fault, finding, type Finding, unresolved } from "./findings.ts";
import { MAX_REPAIRS, type Work } from "./phase.ts";

/** The most affected images, and the most digests, that a finding names. */
export const MAX_AFFECTED = 20;
const MAX_NAMED = 3;

interface Linked {
  readonly findings: readonly Finding[];
  readonly repairs: number;
}

/** Checks that what the manifest names exists, by its references as they are now. */
export async function links(row: ManifestRow, work: Work): Promise<Linked> {
  const { index, options } = work;
  const { repair } = options;
  const parent = row.deleted === 1 ? "deleted" : "live";
  const [now] = repair === null ? [row] : await index.manifests([row]);
  const broken = now === undefined ? [] : unresolved(parent, now.references);
  if (now === undefined || broken.length === 0) return { findings: [], repairs: 0 };
  const digests = broken.map(({ digest }) => digest);
  const detail = firstOf(digests);
  const affected = await index.needingManifest(row, MAX_AFFECTED);
  const fault = { ...about("reference.unresolved", row, detail), affected };
  if (repair === null) return { findings: [finding(fault)], repairs: 0 };
  const repairs = await resolve(now, broken, work, repair);
  const [after] = await index.manifests([row]);
  const isDone = after === undefined || unresolved(parent, after.references).length === 0;
  return { findings: [finding(fault, isDone ? "repaired" : "found")], repairs };
}

/**
 * Repairs blobs in one statement. Children are repaired one by one, since one may be refused, and at most MAX_REPAIRS
 * of them; the next run repairs the others.
 */
async function resolve(
  row: ManifestRow,
  broken: ManifestRow["references"],
  { blobs, manifests }: Work,
  initiator: Initiator,
): Promise<number> {
  const { repositoryId, repository, deleted } = row;
  const of = (...wanted: readonly ReferenceRowKind[]) =>
    broken.flatMap(({ digest, kind }) => (wanted.includes(kind) ? digest : []));
  const [linked, children] = [of("config", "blob"), of("manifest").slice(0, MAX_REPAIRS)];
  if (linked.length > 0) {
    await (deleted === 1 ? blobs.keep(row, linked, initiator) : blobs.link(row, linked, initiator));
  }
  for (const digest of children) {
    await manifests.restore({ repositoryId, repository, digest }, initiator);
  }
  return 1 + children.length;
}

export function firstOf(digests: readonly string[]): string {
  return digests.slice(0, MAX_NAMED).join(", ") + (digests.length > MAX_NAMED ? " and more" : "");
}

export function about(kind: Fault["kind"], row: ManifestRow, detail?: string): Fault {
  const { repository, digest } = row;
  return { kind, repository, subject: digest, ...(detail === undefined ? {} : { detail }) };
}
