import type { Initiator } from "../db/audit.ts";
import type { LinkRow, Place, TagRow } from "./row.ts";
import {
  type Fault,
  finding,
  type Finding,
  trashedFaults,
  linkFaults,
  tagFaults,
  usageFaults,
  countFaults,
} from "./findings.ts";
import { type Checked, type Found, MAX_REPAIRS, page, type Work } from "./phase.ts";

/** Phases that compare the index with itself. Each page is one statement, so nothing changes between two reads. */

const ROWS = 200;
/** Counts in a step, fewer because each is compared with all repositories that link the blob, maybe thousands. */
const COUNTS = 50;
/** Namespaces in a step: all blobs of one are read to compute its usage. */
const NAMESPACES = 1;

/** Checks that each tag points to a manifest that is not deleted. */
export async function checkTags(from: Place, { index, manifests, options }: Work) {
  const rows = await index.tags(from, ROWS);
  const found = await repaired(rows, tagFaults, options.repair, (row, initiator) =>
    manifests.restore(row, initiator),
  );
  return page(rows, ROWS, found, ({ repositoryId, name }: TagRow) => ({
    repository: repositoryId,
    name,
  }));
}

/** Checks that each link has a blob, is counted, and is an unreferenced blob if and only if no manifest names it. */
export async function checkLinks(from: Place, { index, blobs, options }: Work): Promise<Checked> {
  const rows = await index.links(from, ROWS);
  const found = await repaired(rows, linkFaults, options.repair, async (row, initiator, fault) => {
    const { kind } = fault;
    if (kind === "unreferenced.missing") return blobs.listUnreferenced(row, initiator);
    if (kind === "unreferenced.wrong") return blobs.unlistUnreferenced(row, initiator);
    return kind === "usage.blob" && blobs.countBlob(row.namespace, row.digest, initiator);
  });
  return page(rows, ROWS, found, placeOf);
}

/** Checks that each trashed blob exists and is needed. */
export async function checkTrashed(from: Place, { index, blobs, options }: Work): Promise<Checked> {
  const rows = await index.trashed(from, ROWS);
  const found = await repaired(
    rows,
    trashedFaults,
    options.repair,
    async (row, initiator, { kind }) =>
      kind === "trashed.unneeded" && blobs.untrash(row, initiator),
  );
  return page(rows, ROWS, found, placeOf);
}

/** Checks that each namespace counts a blob as often as its repositories link it. */
export async function checkCounts(from: Place, { index, blobs, options }: Work): Promise<Checked> {
  const rows = await index.counts(from, COUNTS);
  const found = await repaired(
    rows,
    countFaults,
    options.repair,
    ({ namespace, digest }, initiator) => blobs.countBlob(namespace, digest, initiator),
  );
  return page(rows, COUNTS, found, ({ namespace, digestId }) => ({
    repository: 0,
    name: `${namespace} ${digestId}`,
  }));
}

/** Checks that the usage of each namespace is the sum of its parts. */
export async function checkUsages(from: Place, { index, blobs, options }: Work): Promise<Checked> {
  const rows = await index.usages(from, NAMESPACES);
  const found = await repaired(rows, usageFaults, options.repair, ({ namespace }, initiator) =>
    blobs.count(namespace, initiator),
  );
  return page(rows, NAMESPACES, found, ({ namespace }) => ({ repository: 0, name: namespace }));
}

function placeOf({ repositoryId, digestId }: Pick<LinkRow, "repositoryId" | "digestId">): Place {
  return { repository: repositoryId, name: String(digestId) };
}

/** Finds the rows' faults, and repairs them if wanted and possible; stops after as many as one step can repair. */
async function repaired<Row>(
  rows: readonly Row[],
  faultsOf: (row: Row) => Fault[],
  initiator: Initiator | null,
  put: (row: Row, initiator: Initiator, fault: Fault) => Promise<boolean>,
): Promise<Found> {
  const findings: Finding[] = [];
  let checked = 0;
  for (const row of rows) {
    if (initiator !== null && findings.length >= MAX_REPAIRS) break;
    for (const fault of faultsOf(row)) {
      const isDone = initiator !== null && (await put(row, initiator, fault));
      findings.push(finding(fault, isDone ? "repaired" : "found"));
    }
    checked++;
  }
  return { findings, checked };
}
